"""Runs on machines that share no files with this computer, from the script to its results."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from homes import Home, wait_for

SCRIPT = """
import os, pathlib, sys, time, zipfile
checkpoints = pathlib.Path(os.environ["RUNCTL_CHECKPOINT_DIR"])
checkpoints.mkdir(parents=True, exist_ok=True)
begin = 0
if resume := os.environ.get("RUNCTL_RESUME_FROM"):
    begin = int(pathlib.Path(resume).stem.split("-")[1])
print("begins at", begin, "with", pathlib.Path("data/words.txt").read_text(), flush=True)
for step in range(begin + 1, int(sys.argv[1]) + 1):
    partial = checkpoints / f".{step}"
    with zipfile.ZipFile(partial, "w") as archive:
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }".ljust(117)
        archive.writestr("numbers.npy", b"\\x93NUMPY\\x01\\x00v\\x00" + header + b"\\n" + bytes(8))
    partial.rename(checkpoints / f"step-{step}.npz")
    print("step", step, flush=True)
    if len(sys.argv) > 2:
        while not pathlib.Path(sys.argv[2]).exists():
            time.sleep(0.02)
pathlib.Path("out").mkdir(exist_ok=True)
pathlib.Path("out/result.txt").write_text("done")
"""


@pytest.fixture
def elsewhere(home: Home) -> Path:
    """The folder of the machines of the provider `elsewhere`, which is installed."""
    plugins = home.root / "plugins"
    info = plugins / "elsewhere-1.0.dist-info"
    info.mkdir(parents=True)
    shutil.copy(Path(__file__).parents[1] / "elsewhere.py", plugins)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[runctl.providers]\nelsewhere = elsewhere\n")
    cloud = home.root / "cloud"
    cloud.mkdir()
    home.env |= {"PYTHONPATH": str(plugins), "ELSEWHERE_DIR": str(cloud), "RUNCTL_PROVIDER": "elsewhere"}
    home.write("train.py", SCRIPT)
    home.write("data/words.txt", "words")
    return cloud


def nothing_left(cloud: Path) -> bool:
    return not list(cloud.glob("*/machine.json"))


def test_code_goes_there_and_results_come_home(home: Home, elsewhere: Path) -> None:
    done = home.runctl("train", "--output", "out", "train.py", "--", "2")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == b"begins at 0 with words\nstep 1\nstep 2\n"
    assert b"sends 2 files" in done.stderr
    (run,) = home.json("runs")
    kept = home.state / "runs" / run["run"]
    assert (kept / "outputs/out/result.txt").read_text() == "done"
    assert sorted(path.name for path in (kept / "checkpoints").glob("*.npz")) == ["step-1.npz", "step-2.npz"]
    assert nothing_left(elsewhere)
    assert not (home.work / "out").exists(), "the script ran here"


def test_a_resume_takes_its_checkpoint_along_and_keeps_the_earlier_ones(home: Home, elsewhere: Path) -> None:
    assert home.runctl("train", "train.py", "--", "2").returncode == 0
    done = home.runctl("resume", "latest", "--json")
    assert done.returncode == 0, done.stderr.decode()
    document = json.loads(done.stdout)
    assert b"begins at 2" in done.stderr
    assert [Path(c["path"]).name for c in document["checkpoints"]] == ["step-2.npz", "step-1.npz"]


def test_a_machine_that_cannot_be_reached_for_a_while_loses_no_line(home: Home, elsewhere: Path) -> None:
    out, err, away = home.root / "out", home.root / "err", elsewhere / "unreachable"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        args = ("train", "train.py", "--", "3", str(home.root / "go"))
        follower = home.start(*args, stdout=stdout, stderr=stderr)
    wait_for(lambda: b"step 1\n" in out.read_bytes(), why="the first step")
    away.touch()
    wait_for(lambda: b"cannot be reached" in err.read_bytes(), why="the user is told")
    (home.root / "go").touch()
    away.unlink()
    assert follower.wait(60) == 0, err.read_text()
    assert out.read_bytes() == b"begins at 0 with words\nstep 1\nstep 2\nstep 3\n"
    assert b"reached again" in err.read_bytes()


def test_a_command_that_is_killed_leaves_a_run_that_the_next_one_follows(home: Home, elsewhere: Path) -> None:
    follower = home.start("train", "train.py", "--", "2", str(home.root / "go"))
    assert follower.stdout is not None
    follower.stdout.readline()
    follower.send_signal(signal.SIGKILL)
    follower.communicate()
    (home.root / "go").touch()
    done = home.runctl("attach", "latest", "--tail", "0")
    assert done.returncode == 0, done.stderr.decode()
    assert nothing_left(elsewhere)


def test_a_live_run_gives_its_checkpoints_home(home: Home, elsewhere: Path) -> None:
    run = home.detached("train.py", "--", "2", str(home.root / "go"))
    wait_for(lambda: b"step 1" in home.runctl("logs", run).stdout, why="the first checkpoint")
    assert home.runctl("pull", run, "mine").returncode == 0
    assert (home.work / "mine/checkpoints/step-1.npz").exists()
    (home.root / "go").touch()
    assert home.runctl("attach", run).returncode == 0


def test_a_machine_without_python_is_said_and_given_back(home: Home, elsewhere: Path) -> None:
    (elsewhere / "no-python").touch()
    done = home.runctl("train", "train.py", "--", "1")
    assert done.returncode == 111, done.stderr.decode()
    assert b"python3" in done.stderr
    assert nothing_left(elsewhere)


def test_what_a_provider_lacks_is_refused_before_anything_is_made(home: Home, elsewhere: Path) -> None:
    done = home.runctl("train", "--spot", "train.py", "--", "1")
    assert done.returncode == 113
    assert b"it is yours" in done.stderr
    assert home.json("runs") == []


def test_a_script_outside_of_what_goes_is_refused_before_anything_is_made(
    home: Home, elsewhere: Path
) -> None:
    other = home.root / "other"
    other.mkdir()
    (other / "train.py").write_text("print(1)")
    done = home.runctl("train", str(other / "train.py"))
    assert done.returncode == 101, done.stderr.decode()
    assert b"fix: cd " in done.stderr
    assert home.json("runs") == []


def test_a_run_with_packages_gets_them_there(home: Home, elsewhere: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=home.work, check=True)
    home.write("requirements.txt", "")
    home.write("deep/hello.py", "import sys; print('hello from', sys.prefix != sys.base_prefix)")
    done = home.runctl("train", "hello.py", cwd=home.work / "deep")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.endswith(b"hello from True\n")
