"""A disk that takes nothing more: one clear error, nothing half made, and all goes on once there is room.

The limit of the kernel on a file's size stands for the disk: it needs no rights, and takes only so many
bytes of each file, as a disk with little room does. SQLite and Python see it as any other refusal.
"""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Callable

import pytest

from faults.counting import nothing_is_left, open_ends
from homes import RUNCTL, Home, processes_of, wait_for

pytestmark = pytest.mark.faults

OUTPUT = b"0123456789abcdef" * 4096  # 64 KiB: more than the disk takes


def taking(size_bytes: int) -> Callable[[], None]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))

    return limit


def on_full_disk(home: Home, size_bytes: int, *args: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [RUNCTL, *args],
        cwd=home.work,
        env=home.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=100,
        check=False,
        preexec_fn=taking(size_bytes),
    )


def is_clear(done: subprocess.CompletedProcess[bytes], *statuses: int) -> None:
    told = done.stderr.decode()
    assert done.returncode in statuses, (done.returncode, told)
    assert "Traceback" not in told, told
    assert told.count("error: ") == 1, told
    assert "fix: " in told, told


@pytest.mark.parametrize("fresh", [True, False], ids=["a new state directory", "one in use"])
@pytest.mark.parametrize("room", [0, 512, 4096, 20_000, 40_000])
def test_a_train_that_the_disk_does_not_take_makes_nothing_by_halves(
    home: Home, room: int, fresh: bool
) -> None:
    home.write("s.py", "print('ran')")
    size = 0
    if not fresh:
        home.runctl("train", "s.py")
        size = (home.state / "state.db").stat().st_size
    done = on_full_disk(home, room, "train", "s.py", "--name", "squeezed")
    if done.returncode == 0:
        assert done.stdout == b"ran\n"
    else:
        is_clear(done, 109, 111)
    home.runctl("ps")
    assert processes_of(home.state) == []
    assert list((home.state / "local" / "slots").glob("local-*")) == [], "a slot nobody needs"
    assert open_ends(home) == {"intents": [], "resources": []}
    assert all(row["state"] in ("failed", "succeeded") for row in home.json("runs"))
    known = {row["run"] for row in home.json("runs")}
    there = {path.name for path in (home.state / "runs").glob("*")}
    assert there <= known, f"directories of runs that never were: {there - known}"
    assert (home.state / "state.db").stat().st_size >= size
    again = home.runctl("train", "s.py")
    assert (again.returncode, again.stdout) == (0, b"ran\n"), again.stderr.decode()


def test_a_command_that_only_looks_says_why_it_cannot(home: Home) -> None:
    home.write("s.py", "print('ran')")
    home.runctl("train", "s.py")
    for command in (["ps"], ["runs"], ["logs", "latest"], ["status", "latest"], ["cost"]):
        is_clear(on_full_disk(home, 0, *command), 109)  # reading a write-ahead log needs a little room
        assert on_full_disk(home, 100_000, *command).returncode == 0, command


def test_results_that_the_disk_does_not_take_stay_where_they_are_until_it_does(home: Home) -> None:
    home.write("s.py", f"import sys; sys.stdout.buffer.write({OUTPUT[:16]!r} * 4096)")
    run = home.detached("s.py", "--name", "big")
    wait_for(lambda: home.job(run)["phase"] == "finished", seconds=30)
    is_clear(on_full_disk(home, 40_000, "attach", run), 109)
    told = on_full_disk(home, 40_000, "ps")
    assert told.returncode == 0
    assert f"{run} cannot be settled yet".encode() in told.stderr, "the user is not told why it does not end"
    assert b"runctl pull" in told.stderr
    assert (home.job_dir(run) / "log").read_bytes() == OUTPUT, "the only copy of the log is gone"
    is_clear(on_full_disk(home, 40_000, "stop", run), 109)
    done = home.runctl("pull", run, "there")
    assert done.returncode == 0, done.stderr.decode()
    assert (home.work / "there" / "attempt-1.log").read_bytes() == OUTPUT
    assert home.state_of(run) == "succeeded"
    assert nothing_is_left(home, home.json("status", run)["resource"]) == ""
    assert list((home.state / "runs" / run).glob("*.part")) == []


def test_a_pull_that_the_disk_does_not_take_leaves_no_part_and_can_be_made_again(home: Home) -> None:
    home.write("s.py", f"import sys; sys.stdout.buffer.write({OUTPUT[:16]!r} * 4096)")
    home.runctl("train", "s.py")
    is_clear(on_full_disk(home, 20_000, "pull", "latest", "there"), 109)
    assert [path.name for path in (home.work / "there").glob("*.part")] == []
    assert home.runctl("pull", "latest", "there").returncode == 0
    assert (home.work / "there" / "attempt-1.log").read_bytes() == OUTPUT


def test_a_script_whose_disk_is_full_fails_by_itself_and_resumes_with_room(home: Home) -> None:
    script = home.write(
        "s.py",
        "import os, pathlib\n"
        "folder = pathlib.Path(os.environ['RUNCTL_CHECKPOINT_DIR'])\n"
        "(folder / 'step-1.pkl').write_bytes(b'small')\n"
        "print('resumed' if 'RUNCTL_RESUME_FROM' in os.environ else 'begun', flush=True)\n"
        "open('/dev/full', 'w').write('x' * 100_000) if pathlib.Path('full').exists() else None\n"
        "print('done')\n",
    )
    home.write("full", "")
    done = home.runctl("train", script.name)
    assert done.returncode == 1
    assert home.json("why", "latest")["summary"] == "the script raised OSError"
    (home.work / "full").unlink()
    resumed = home.runctl("resume", "latest")
    assert (resumed.returncode, resumed.stdout) == (0, b"resumed\ndone\n")
