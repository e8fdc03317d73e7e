"""The examples train for real, and a killed one ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from homes import Home, processes_of, wait_for

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DONE = re.compile(rb"done: (\d+) steps, test accuracy ([\d.]+)\n\Z")
pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def torch_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Python with PyTorch, as pip installs it; removed at the end, for it is large."""
    folder = tmp_path_factory.mktemp("torch") / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    packages = ["torch==2.13.0", "numpy", "scikit-learn"]
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-compile", *packages], check=True)
    yield python
    shutil.rmtree(folder)


@pytest.fixture(scope="module", params=["digits.py", "digits_torch.py"])
def example(request: pytest.FixtureRequest) -> list[str]:
    """The words of `runctl train` that run an example: by its own header, or with a PyTorch that is here."""
    if request.param == "digits.py":
        return [str(EXAMPLES / "digits.py")]
    return [str(EXAMPLES / "digits_torch.py"), "--python", request.getfixturevalue("torch_python")]


@pytest.fixture(scope="module")
def undisturbed(example: list[str], tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with one run of the example, from its beginning to its end."""
    home = Home(tmp_path_factory.mktemp("undisturbed"))
    done = home.runctl("train", *example, timeout=240)
    assert done.returncode == 0, done.stderr.decode()
    return home


def _end(output: bytes) -> tuple[bytes, bytes]:
    found = DONE.search(output)
    assert found, output[-500:].decode()
    return found[1], found[2]


def _log(home: Home) -> bytes:
    return home.runctl("logs", "latest").stdout


def _killed_after(home: Home, example: list[str], epoch: int) -> str:
    """The run of an example whose own process was killed after an epoch."""
    run = home.detached(*example, "--", "--pause", "0.1")
    wanted = re.compile(rb"(?m)^epoch +%d " % epoch)
    wait_for(lambda: wanted.search((home.job_dir(run) / "log").read_bytes()), seconds=120)
    pid = _script(home, Path(example[0]).name)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: home.state_of(run) == "failed", why="the run is failed")
    assert processes_of(home.state) == []
    return run


def _script(home: Home, name: str) -> int:
    """The process of the script itself, below whatever started it."""
    marked = [line.split(" ", 1) for line in processes_of(home.state)]
    (pid,) = (pid for pid, command in marked if name in command and not re.match(r"b'[^']*/uv\\x00", command))
    return int(pid)


def test_an_example_reaches_its_accuracy(undisturbed: Home) -> None:
    _, accuracy = _end(_log(undisturbed))
    assert float(accuracy) > 0.95


def test_each_epoch_of_an_example_leaves_a_whole_checkpoint(undisturbed: Home) -> None:
    checkpoints = undisturbed.json("checkpoint", "list", "latest", "--limit", "100")
    assert len(checkpoints) >= 20
    assert all(checkpoint["complete"] and not checkpoint["problem"] for checkpoint in checkpoints)
    assert [c["epoch"] for c in checkpoints] == list(range(len(checkpoints), 0, -1))


def test_a_killed_example_ends_as_an_undisturbed_one(
    home: Home, example: list[str], undisturbed: Home
) -> None:
    epoch = random.randint(2, 15)
    run = _killed_after(home, example, epoch)
    assert "SIGKILL" in home.json("why", run)["summary"]
    resumed = home.runctl("resume", run, timeout=240)
    assert resumed.returncode == 0, resumed.stderr.decode()
    assert _resumed_at(resumed.stdout) >= epoch, f"killed after epoch {epoch}, it lost epochs"
    assert _end(resumed.stdout) == _end(_log(undisturbed)), f"killed after epoch {epoch}, it ended otherwise"
    assert home.json("status", run)["attempt"] == 2


def _resumed_at(output: bytes) -> int:
    found = re.match(rb"resumed at epoch (\d+)", output)
    assert found, "it began anew"
    return int(found[1])


def test_a_torn_checkpoint_is_passed_over_and_changes_nothing_else(
    home: Home, example: list[str], undisturbed: Home
) -> None:
    run = _killed_after(home, example, 4)
    newest, before = home.json("checkpoint", "list", run)[:2]
    size = random.randrange(newest["size_bytes"])
    os.truncate(newest["path"], size)
    resumed = home.runctl("resume", run, timeout=240)
    said = f"passed over, not whole: {newest['path']}".encode()
    assert said in resumed.stderr, f"{size} of {newest['size_bytes']} bytes were taken for a checkpoint"
    assert _resumed_at(resumed.stdout) == before["epoch"]
    assert _end(resumed.stdout) == _end(_log(undisturbed))
