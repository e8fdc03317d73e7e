"""`runctl train` on machines that do not share this computer's files: by real commands, to the end."""

from __future__ import annotations

import pickle
import signal
import subprocess
from pathlib import Path

import pytest

import schemas
from far_provider import FarCloud
from homes import Home, processes_of, wait_for

SCRIPT = """
import os, pathlib, sys, time
from lib.words import WORD
print(WORD, os.getcwd(), os.environ.get("RUNCTL_RESUME_FROM", "-"), flush=True)
there = pathlib.Path(os.environ["RUNCTL_CHECKPOINT_DIR"])
(there / "step-1.pkl").write_bytes(pathlib.Path("data.pkl").read_bytes())
pathlib.Path("results").mkdir(exist_ok=True)
pathlib.Path("results/metrics.txt").write_text("good")
print("saved", flush=True)
gate = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None
while gate and not gate.exists():
    time.sleep(0.05)
print("end", flush=True)
"""
SAVED = pickle.dumps({"step": 1})


@pytest.fixture
def cloud(home: Home) -> FarCloud:
    """A project in a repository, and a cloud to train it on."""
    home.write("train.py", SCRIPT)
    home.write("lib/words.py", "WORD = 'hello'\n")
    home.write("data.pkl", SAVED)
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *words], cwd=home.work, check=True)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, "commit", "-qm", "all"], cwd=home.work, check=True)
    return FarCloud(home)


def test_a_script_trains_on_a_copy_of_its_project_and_results_come_home(home: Home, cloud: FarCloud) -> None:
    done = home.runctl("train", "train.py", "--output", "results", "--json")
    assert done.returncode == 0, done.stderr.decode()
    assert b"cannot be reached" not in done.stderr, "a machine was asked after it was let go"
    document = home.json("status", "latest")
    schemas.check("status", document)
    first = home.runctl("logs", "latest").stdout.decode().splitlines()[0]
    assert first.startswith(f"hello {cloud.root}/machines/"), "it ran in the files of this computer"
    assert Path(document["outputs"][0]["path"], "metrics.txt").read_text() == "good"
    assert [Path(c["path"]).name for c in document["checkpoints"]] == ["step-1.pkl"]
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=home.work, capture_output=True, check=True)
    assert document["commit"] == commit.stdout.decode().strip(), "nobody can tell which code it was"
    assert cloud.machines() == [], "a machine goes on costing money"


def test_a_lost_connection_ends_nothing_and_no_byte_is_missed(home: Home, cloud: FarCloud) -> None:
    gate = home.root / "gate"
    command = home.start("train", "train.py", "--", str(gate))
    try:
        wait_for(lambda: b"saved" in home.runctl("logs", "latest").stdout, seconds=30)
        cloud.cut()
        assert command.stderr is not None
        said = b""
        while b"cannot be reached" not in said:
            line = command.stderr.readline()
            assert line, f"the following ended with the connection: {said.decode()}"
            said += line
        looked = home.runctl("status", "latest", timeout=60)
        assert looked.returncode == 0, looked.stderr.decode()
        assert b"running" in looked.stdout
        assert b"connection is down" in looked.stderr, "nobody says that this may be old"
        gate.touch()
        cloud.mend()
        out, err = command.communicate(timeout=60)
    finally:
        command.kill()
    assert command.returncode == 0, err.decode()
    assert [line.split()[0] for line in out.decode().splitlines()] == ["hello", "saved", "end"]
    assert b"answers again" in err


def test_a_killed_command_leaves_a_run_that_can_be_attached_to_and_stopped_and_resumed(
    home: Home, cloud: FarCloud
) -> None:
    gate = home.root / "gate"
    command = home.start("train", "train.py", "--", str(gate))
    wait_for(lambda: b"saved" in home.runctl("logs", "latest").stdout, seconds=30)
    command.send_signal(signal.SIGKILL)
    command.communicate()
    run = home.json("status", "latest")["run"]
    assert home.runctl("stop", run).returncode == 0
    assert cloud.machines() == []
    gate.touch()
    resumed = home.runctl("resume", run, cwd=home.root)
    assert resumed.returncode == 0, resumed.stderr.decode()
    assert b".resume/" in resumed.stdout, "the checkpoint did not go along"
    assert processes_of(cloud.root) == []


def test_ctrl_c_detaches_and_attach_goes_on(home: Home, cloud: FarCloud) -> None:
    gate = home.root / "gate"
    command = home.start("train", "train.py", "--", str(gate))
    wait_for(lambda: b"saved" in home.runctl("logs", "latest").stdout, seconds=30)
    command.send_signal(signal.SIGINT)
    _, err = command.communicate(timeout=30)
    assert command.returncode == 130
    assert b"goes on" in err
    assert len(cloud.machines()) == 1
    gate.touch()
    assert home.runctl("attach", "latest").stdout.endswith(b"end\n")


def test_what_a_live_run_has_saved_can_be_brought_home(home: Home, cloud: FarCloud) -> None:
    gate = home.root / "gate"
    run = home.detached("train.py", "--", str(gate))
    wait_for(lambda: b"saved" in home.runctl("logs", run).stdout, seconds=30)
    pulled = home.runctl("pull", run, "here")
    assert pulled.returncode == 0, pulled.stderr.decode()
    assert (home.work / "here" / "checkpoints" / "step-1.pkl").read_bytes() == SAVED
    assert b"step-1.pkl" in home.runctl("checkpoint", "list", run).stdout
    before = cloud.fetched()
    gate.touch()
    assert home.runctl("attach", run).returncode == 0
    again = [path for path in cloud.fetched()[len(before) :] if path.endswith("step-1.pkl")]
    assert again == [], "a checkpoint that was home already was fetched again"


def test_a_checkpoint_that_was_brought_home_outlives_its_machine(home: Home, cloud: FarCloud) -> None:
    import shutil

    run = home.detached("train.py", "--", str(home.root / "gate"))
    wait_for(lambda: b"saved" in home.runctl("logs", run).stdout, seconds=30)
    assert home.runctl("pull", run, "here").returncode == 0
    machine = cloud.machines()[0]
    (home.root / "gate").touch()
    wait_for(lambda: processes_of(machine) == [])
    shutil.rmtree(machine)
    resumed = home.runctl("resume", run)
    assert resumed.returncode == 0, resumed.stderr.decode()
    assert b"step-1.pkl" in resumed.stdout, "it began anew though a checkpoint was home"


def test_what_the_provider_lacks_is_said_before_anything_is_asked_for(home: Home, cloud: FarCloud) -> None:
    done = home.runctl("train", "train.py", "--spot")
    assert done.returncode == 113, done.stderr.decode()
    assert b"nobody is sent away" in done.stderr
    assert not (cloud.root / "asked").exists(), "offers were asked for first"


def test_what_the_provider_lacks_by_now_is_said_before_a_run_is_resumed(home: Home, cloud: FarCloud) -> None:
    cloud.lacks()
    assert home.runctl("train", "train.py", "--spot").returncode == 0
    cloud.lacks(spot="nobody is sent away any more")
    (cloud.root / "asked").unlink()
    done = home.runctl("resume", "latest")
    assert done.returncode == 113, done.stderr.decode()
    assert b"any more" in done.stderr
    assert not (cloud.root / "asked").exists(), "offers were asked for first"


def test_a_set_up_that_fails_on_the_machine_is_shown_and_costs_no_longer(home: Home, cloud: FarCloud) -> None:
    home.write("requirements.txt", "nobody-has-this\n")
    uv = home.root / "tools" / "uv"
    uv.parent.mkdir()
    uv.write_text("#!/bin/sh\necho no such package\nexit 3\n")
    uv.chmod(0o755)
    cloud.path(f"{uv.parent}:{home.env['PATH']}")
    done = home.runctl("train", "train.py")
    assert done.returncode == 111, done.stderr.decode()
    assert b"no such package" in done.stdout + done.stderr, "nobody sees why"
    assert b"no such package" in home.runctl("logs", "latest", "--setup").stdout, "its log is lost"
    assert cloud.machines() == [], "a machine goes on costing money"


def test_a_machine_without_room_for_the_project_is_said_and_given_back(home: Home, cloud: FarCloud) -> None:
    home.write("lib/words.bin", b"x" * 400_000)
    cloud.room(200_000)
    done = home.runctl("train", "train.py")
    assert done.returncode == 111, done.stderr.decode()
    assert b"no room" in done.stderr and b".runctlignore" in done.stderr
    assert cloud.machines() == [], "a machine goes on costing money"


def test_a_disk_that_fills_while_a_script_trains_fails_it_and_what_it_had_saved_comes_home(
    home: Home, cloud: FarCloud
) -> None:
    lines = "import pickle\n(there / 'step-2.pkl').write_bytes(pickle.dumps('x' * 400_000))\n"
    home.write("train.py", SCRIPT.replace('print("saved"', f'{lines}print("saved"'))
    cloud.room(200_000)
    done = home.runctl("train", "train.py", "--json")
    assert done.returncode == 1, done.stderr.decode()
    document = home.json("status", "latest")
    whole = [Path(c["path"]).name for c in document["checkpoints"] if c["complete"]]
    assert whole == ["step-1.pkl"], "what was saved before is lost"
    assert b"Error" in home.runctl("logs", "latest").stdout, "nobody sees why it failed"
    assert cloud.machines() == []


def test_a_machine_without_python_is_said_and_given_back(home: Home, cloud: FarCloud) -> None:
    tools = home.root / "tools"
    tools.mkdir()
    for name in ("sh", "mkdir"):
        (tools / name).symlink_to(f"/bin/{name}")
    cloud.path(str(tools))
    done = home.runctl("train", "train.py")
    assert done.returncode == 111, done.stderr.decode()
    assert b"ython 3.8" in done.stderr
    assert cloud.machines() == []


def test_a_script_on_a_machine_is_named_from_its_project(home: Home, cloud: FarCloud) -> None:
    plan = home.json("train", "train.py", "--dry-run")
    assert plan["command"] == ["python3", "train.py"]
    assert cloud.machines() == []
