"""Pruning checkpoints: the plan is shown, a user is asked, and what a run needs stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import schemas
from core import checkpoint_files as files
from homes import Home, wait_for
from runctl_core.checkpoints import manifest
from terminals import Terminal

WAITS = "import os, time\nprint('from', os.environ.get('RUNCTL_RESUME_FROM'), flush=True)\ntime.sleep(600)\n"


def save(home: Home, *names: str) -> list[Path]:
    """Checkpoints in `c/`, the first one the oldest."""
    paths = []
    for age, name in enumerate(names):
        path = home.write(f"c/{name}", files.npz())
        os.utime(path, (1000 + age, 1000 + age))
        paths.append(path)
    return paths


def left(home: Home) -> list[str]:
    return sorted(os.listdir(home.work / "c"))


@pytest.fixture
def five(home: Home) -> Home:
    """A home with five checkpoints; the second has a manifest."""
    paths = save(home, *(f"step-{n}.npz" for n in range(1, 6)))
    manifest.write(str(paths[1]))
    return home


def test_off_a_terminal_it_only_shows_the_plan(five: Home) -> None:
    before = left(five)
    done = five.runctl("checkpoint", "prune", "c", "--keep-last", "2")
    assert done.returncode == 0, done.stderr
    assert [line.split("\t")[3] for line in done.stdout.decode().splitlines()] == ["keep"] * 2 + [
        "delete"
    ] * 3
    assert b"3 checkpoints would be deleted, 1.6 kB freed; --yes deletes them" in done.stderr
    assert left(five) == before, "a cron job deleted checkpoints without a yes"


def test_yes_deletes_what_no_rule_keeps_and_its_manifest(five: Home) -> None:
    done = five.runctl("checkpoint", "prune", "c", "--keep-last", "1", "--every", "3", "--yes")
    assert b"3 checkpoints deleted" in done.stderr
    assert left(five) == ["step-3.npz", "step-5.npz"]


def test_a_dry_run_with_a_yes_is_a_dry_run(five: Home) -> None:
    before = left(five)
    five.runctl("checkpoint", "prune", "c", "--keep-last", "1", "--yes", "--dry-run")
    assert left(five) == before


@pytest.mark.parametrize(("answer", "count"), [("y\n", 1), ("n\n", 6), ("\n", 6)])
def test_on_a_terminal_it_asks_after_it_showed_the_plan(five: Home, answer: str, count: int) -> None:
    with Terminal(five, "checkpoint", "prune", "c", "--keep-last", "1") as terminal:
        terminal.until("Delete 4 checkpoints (2.1 kB)? [y/N]")
        assert "the newest good one; one of the last 1" in terminal.shown
        assert len(left(five)) == 6
        terminal.press(answer)
        assert terminal.status() == (0 if count == 1 else 104)
    assert len(left(five)) == count


def test_the_best_by_a_metric_stay(home: Home) -> None:
    save(home, *(f"step-{n}-val_loss={loss}.npz" for n, loss in enumerate((0.5, 0.2, 0.9, 0.3), start=1)))
    words = ("checkpoint", "prune", "c", "--keep-best", "1", "--metric", "val_loss", "--yes")
    assert home.runctl(*words, "--mode", "max").returncode == 0
    assert left(home) == ["step-3-val_loss=0.9.npz", "step-4-val_loss=0.3.npz"]


def test_what_a_live_run_resumed_from_stays(five: Home) -> None:
    five.write("s.py", WAITS)
    done = five.runctl("checkpoint", "resume", "c/step-1.npz", "s.py", "--detach")
    run = done.stdout.decode().strip()
    document = five.json("checkpoint", "prune", "c", "--keep-last", "1")
    kept = {os.path.basename(row["path"]): row["reasons"] for row in document["kept"]}
    assert kept["step-1.npz"] == [f"{run} resumed from it"]
    five.runctl("checkpoint", "prune", "c", "--keep-last", "1", "--yes")
    assert left(five) == ["step-1.npz", "step-5.npz"], "a live run lost what it resumes from"
    five.runctl("stop", run, "--grace-seconds", "0")
    five.runctl("checkpoint", "prune", "c", "--keep-last", "1", "--yes")
    assert left(five) == ["step-5.npz"]


def test_a_run_resumed_while_the_user_thinks_keeps_its_checkpoint(five: Home) -> None:
    five.write("s.py", WAITS)
    with Terminal(five, "checkpoint", "prune", "c", "--keep-last", "1") as terminal:
        terminal.until("[y/N]")
        assert five.runctl("checkpoint", "resume", "c/step-2.npz", "s.py", "--detach").returncode == 0
        terminal.press("y\n")
        assert terminal.status() == 0
        assert "3 checkpoints deleted" in terminal.shown
    assert left(five) == ["step-2.npz", "step-2.npz.manifest.json", "step-5.npz"]


def test_the_newest_good_one_is_found_behind_damaged_ones_which_stay_too(five: Home) -> None:
    damaged = five.write("c/step-6.npz", b"PK")
    os.utime(damaged, (2000, 2000))
    five.runctl("checkpoint", "prune", "c", "--every", "1000", "--yes")
    assert left(five) == ["step-5.npz", "step-6.npz"], "a checkpoint that is just being written is gone"


def test_two_prunes_at_once_do_what_one_does(home: Home) -> None:
    for path in save(home, *(f"step-{n}.npz" for n in range(40))):
        manifest.write(str(path))
    words = ("checkpoint", "prune", "c", "--keep-last", "1", "--yes")
    commands = [home.start(*words) for _ in range(3)]
    told = [command.communicate(timeout=60)[1].decode() for command in commands]
    assert [command.returncode for command in commands] == [0, 0, 0], told
    assert left(home) == ["step-39.npz", "step-39.npz.manifest.json"]


def test_a_run_names_its_folder(home: Home) -> None:
    script = (
        "import os, pathlib\n"
        "folder = pathlib.Path(os.environ['RUNCTL_CHECKPOINT_DIR'])\n"
        "for n in range(3):\n"
        "    (folder / f'step-{n}.pkl').write_bytes(b'\\x80\\x04N.')\n"
    )
    home.write("s.py", script)
    home.runctl("train", "s.py")
    assert home.runctl("checkpoint", "prune", "latest", "--keep-last", "1", "--yes").returncode == 0
    folder = Path(home.json("status", "latest")["checkpoint_dir"])
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("words", [(), ("--yes",)])
def test_what_it_prints_is_as_documented(five: Home, words: tuple[str, ...]) -> None:
    document = five.json("checkpoint", "prune", "c", "--keep-last", "2", *words)
    schemas.check("checkpoint prune", document)
    assert document["dry_run"] is not bool(words)
    assert [os.path.basename(row["path"]) for row in document["removed"]] == [
        f"step-{n}.npz" for n in (3, 2, 1)
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "no rule says what to keep"),
        (("--keep-best", "2"), "belong together"),
        (("--metric", "loss"), "no rule"),
        (("--keep-best", "2", "--metric", "loss"), "no checkpoint there has a metric loss"),
        (("--keep-last", "-1"), "is not in the range"),
    ],
)
def test_rules_without_sense_are_refused(five: Home, words: tuple[str, ...], told: str) -> None:
    done = five.runctl("checkpoint", "prune", "c", *words, "--yes")
    assert done.returncode == 101
    assert told in done.stderr.decode()
    assert len(left(five)) == 6


def test_a_run_starts_from_a_checkpoint_with_the_options_of_train(five: Home) -> None:
    five.write("s.py", "import os, sys\nprint(os.environ['RUNCTL_RESUME_FROM'], *sys.argv[1:])\n")
    done = five.runctl(
        "checkpoint", "resume", "c/step-2.npz", "s.py", "--name", "again", "--", "--epochs", "3"
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode() == f"{five.work / 'c' / 'step-2.npz'} --epochs 3\n"
    document = five.json("status", "again")
    assert document["resumed_from"] == str(five.work / "c" / "step-2.npz")
    assert document["attempt"] == 1


def test_no_run_starts_from_a_damaged_checkpoint(five: Home) -> None:
    path = five.work / "c" / "step-2.npz"
    data = bytearray(path.read_bytes())
    data[90] ^= 1
    path.write_bytes(data)
    five.write("s.py", WAITS)
    done = five.runctl("checkpoint", "resume", "c/step-2.npz", "s.py")
    assert done.returncode == 101, "a run trained on from a checkpoint that its manifest calls damaged"
    assert b"runctl checkpoint verify c/step-2.npz" in done.stderr
    assert five.json("runs") == []


def test_a_run_starts_from_the_newest_whole_checkpoint_of_a_folder(five: Home) -> None:
    newest = five.work / "c" / "step-5.npz"
    newest.write_bytes(newest.read_bytes()[:60])
    five.write("s.py", "import os\nprint(os.environ['RUNCTL_RESUME_FROM'])\n")
    done = five.runctl("checkpoint", "resume", "c", "s.py")
    expected = five.work / "c" / "step-4.npz"
    assert done.stdout.decode() == f"{expected}\n", "it did not go on from the newest whole one"
    assert f"{newest} is passed over" in done.stderr.decode(), "nobody was told of the damaged one"
    assert f"from {expected}" in done.stderr.decode()


@pytest.mark.parametrize("place", ["c", "latest"])
def test_info_of_a_folder_or_a_run_describes_its_newest_checkpoint(five: Home, place: str) -> None:
    five.write(
        "s.py",
        "import os, shutil\nshutil.copytree('c', os.environ['RUNCTL_CHECKPOINT_DIR'], dirs_exist_ok=True)",
    )
    assert five.runctl("train", "s.py").returncode == 0
    assert five.json("checkpoint", "info", place)["step"] == 5


def test_what_resume_prints_is_as_documented(five: Home) -> None:
    five.write("s.py", "")
    schemas.check("checkpoint resume", five.json("checkpoint", "resume", "c/step-5.npz", "s.py"))
    plan = five.json("checkpoint", "resume", "c/step-5.npz", "s.py", "--dry-run")
    schemas.check("checkpoint resume --dry-run", plan)
    wait_for(lambda: five.json("ps") == [])
