"""The road from a script to its result, with the real command and the real local provider."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from homes import Home, processes_of, wait_for

ENV_SCRIPT = "import json, os; print(json.dumps({k: v for k, v in os.environ.items() if 'RUNCTL' in k}))"


def test_standard_output_is_the_scripts_own_bytes(home: Home) -> None:
    data = bytes(range(256)) * 40 + b"\rprogress 1\rprogress 2\n" + b"x" * 300_000 + b"\n\0end"
    home.write("data.bin", data)
    home.write("s.py", "import sys; sys.stdout.buffer.write(open('data.bin', 'rb').read())")
    done = home.runctl("train", "s.py")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == data
    assert home.runctl("logs", "latest").stdout == data


@pytest.mark.parametrize("status", [0, 1, 3, 42, 255])
def test_the_exit_status_is_the_scripts(home: Home, status: int) -> None:
    home.write("s.py", f"raise SystemExit({status})")
    assert home.runctl("train", "s.py").returncode == status


def test_a_script_that_a_signal_ends_gives_128_plus_its_number(home: Home) -> None:
    home.write("s.py", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert home.runctl("train", "s.py").returncode == 128 + 11
    told = home.json("why", "latest")
    assert "SIGSEGV" in told["summary"]


def test_arguments_after_the_dashes_reach_the_script(home: Home) -> None:
    home.write("s.py", "import sys; print(sys.argv[1:])")
    done = home.runctl("train", "s.py", "--name", "mine", "--", "--epochs", "3", "--json", "a b")
    assert done.stdout.decode().strip() == "['--epochs', '3', '--json', 'a b']"
    assert home.json("runs")[0]["name"] == "mine"


def test_the_scripts_contract_is_three_variables(home: Home) -> None:
    home.write("s.py", ENV_SCRIPT)
    seen = json.loads(home.runctl("train", "s.py", env={"RUNCTL_RESUME_FROM": "stale"}).stdout)
    run = home.json("runs")[0]["run"]
    assert seen["RUNCTL_RUN_ID"] == run
    assert Path(seen["RUNCTL_CHECKPOINT_DIR"]).is_dir()
    assert "RUNCTL_RESUME_FROM" not in seen


def test_any_executable_works(home: Home) -> None:
    path = home.write("train.sh", "#!/bin/sh\necho from a shell $1\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    done = home.runctl("train", "train.sh", "--", "here")
    assert done.stdout == b"from a shell here\n"
    assert b"executable" in done.stderr


def test_outputs_are_collected_and_named_when_missing(home: Home) -> None:
    home.write("s.py", "import os; os.mkdir('out'); open('out/model.txt', 'w').write('w' * 10)")
    document = json.loads(
        home.runctl("train", "s.py", "--output", "out", "--output", "nope", "--json").stdout
    )
    assert document["state"] == "succeeded"
    assert document["missing_outputs"] == ["nope"]
    (output,) = document["outputs"]
    assert (Path(output["path"]) / "model.txt").read_text() == "w" * 10
    assert output["size_bytes"] == 10


def test_pull_keeps_checkpoints_of_one_name_apart(home: Home) -> None:
    home.write(
        "s.py",
        "import os, pathlib; d = pathlib.Path(os.environ['RUNCTL_CHECKPOINT_DIR'])\n"
        "for v in '01': (d / v).mkdir(); (d / v / 'last.pkl').write_text('version ' + v)",
    )
    home.runctl("train", "s.py")
    assert home.runctl("pull", "latest", "there").returncode == 0
    came = [(home.work / "there" / "checkpoints" / v / "last.pkl").read_text() for v in "01"]
    assert came == ["version 0", "version 1"], "one checkpoint came home in the place of another"


def test_pull_copies_logs_whole_checkpoints_and_outputs(home: Home) -> None:
    home.write(
        "s.py",
        "import os, pathlib; d = pathlib.Path(os.environ['RUNCTL_CHECKPOINT_DIR'])\n"
        "(d / 'step-1.pkl').write_bytes(b'good'); (d / 'step-2.npz').write_bytes(b'PK cut')\n"
        "print('hello'); open('result.txt', 'w').write('42')",
    )
    home.runctl("train", "s.py", "--output", "result.txt")
    done = home.runctl("pull", "latest", "there")
    assert done.returncode == 0, done.stderr.decode()
    names = {str(p.relative_to(home.work / "there")) for p in (home.work / "there").rglob("*") if p.is_file()}
    assert {"attempt-1.log", "receipt.json", "checkpoints/step-1.pkl", "outputs/result.txt"} <= names
    assert "checkpoints/step-2.npz" not in names
    again = home.runctl("pull", "latest", "there")
    assert b"0 files" in again.stderr
    other = home.work / "other"
    other.mkdir()
    (other / "mine.txt").write_text("precious")
    refused = home.runctl("pull", "latest", "other")
    assert refused.returncode == 104
    assert [p.name for p in other.iterdir()] == ["mine.txt"]


def test_a_detached_run_is_found_from_anywhere(home: Home) -> None:
    home.write("s.py", "import time\nfor i in range(200): print(i, flush=True); time.sleep(0.05)")
    run = home.detached("s.py")
    assert [row["run"] for row in home.json("ps")] == [run]
    wait_for(lambda: home.runctl("logs", run).stdout.count(b"\n") > 3)
    inside = home.runctl("exec", run, "--", "sh", "-c", "echo $RUNCTL_RUN_ID; pwd; exit 7")
    assert inside.returncode == 7
    assert inside.stdout.decode().split() == [run, str(home.work)]
    assert home.runctl("stop", run).returncode == 0
    assert home.json("ps") == []
    assert home.state_of(run) == "cancelled"
    assert processes_of(home.state) == []
    assert list((home.state / "local" / "slots").glob("local-*")) == []


def test_lines_are_seen_while_the_script_runs(home: Home) -> None:
    home.write("s.py", "import time; print('first'); time.sleep(60)")
    run = home.detached("s.py")
    wait_for(lambda: home.runctl("logs", run).stdout == b"first\n", seconds=5, why="the line was held back")


def test_background_processes_end_with_the_script(home: Home) -> None:
    home.write("s.py", "import subprocess; subprocess.Popen(['setsid', 'sleep', '300'])")
    assert home.runctl("train", "s.py").returncode == 0
    assert processes_of(home.state) == []


def test_dry_run_makes_nothing(home: Home) -> None:
    home.write("s.py", "print(1)")
    done = home.runctl("train", "s.py", "--dry-run", "--json")
    plan = json.loads(done.stdout)
    assert plan["provider"] == "local"
    assert plan["offers"][0]["instance_type"] == "cpu"
    assert home.json("runs") == []


def test_the_local_shorthand_is_train(home: Home) -> None:
    home.write("s.py", "print('short')")
    assert home.runctl("local", "s.py").stdout == b"short\n"


def test_secrets_are_nowhere_but_in_the_script(home: Home) -> None:
    secret = "hunter2-c0rrect-h0rse"
    home.write(".env", f"TOKEN={secret}-file\n")
    home.write(
        "s.py",
        "import os, hashlib, time; v = os.environ\n"
        "print(hashlib.sha256((v['TOKEN'] + v['API_KEY']).encode()).hexdigest(), flush=True); time.sleep(30)",
    )
    args = ["s.py", "--env-file", ".env", "--secret", "API_KEY", "--detach"]
    done = home.runctl("train", *args, env={"API_KEY": secret})
    run = done.stdout.decode().strip()
    wait_for(lambda: home.runctl("logs", run).stdout)
    command_lines = b"".join(
        p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if os.access(p, os.R_OK)
    )
    assert secret.encode() not in command_lines
    home.runctl("stop", run)
    home.runctl("why", run)
    for path in home.root.rglob("*"):
        if path.is_file() and path.name != ".env":
            assert secret.encode() not in path.read_bytes(), f"a secret is in {path}"
    refused = home.runctl("train", "s.py", "--secret", f"API_KEY={secret}")
    assert refused.returncode == 101
    assert secret.encode() not in refused.stderr + refused.stdout


def test_a_malformed_env_file_is_told_by_line_and_not_by_content(home: Home) -> None:
    home.write(".env", "GOOD=1\nhunter2 is not a variable\n")
    home.write("s.py", "print(1)")
    done = home.runctl("train", "s.py", "--env-file", ".env")
    assert done.returncode == 101
    assert b"line 2" in done.stderr
    assert b"hunter2" not in done.stderr
    assert home.json("runs") == []
