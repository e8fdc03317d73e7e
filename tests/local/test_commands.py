"""This computer from the command line: its two short names, its offers, flags and checks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from homes import Home, processes_of, wait_for

from .conftest import H100, SECOND_H100, Driver

SHOW = "import os; print(repr(os.environ['CUDA_VISIBLE_DEVICES']))"
WAIT = "import time; time.sleep(300)"


@pytest.fixture
def home(home: Home, driver: Driver) -> Home:
    """A home whose settings name our driver."""
    home.env["RUNCTL_LOCAL_NVIDIA_SMI"] = driver.program
    return home


def _runctl_local(home: Home, *args: str) -> subprocess.CompletedProcess[bytes]:
    program = str(Path(sys.executable).parent / "runctl-local")
    return subprocess.run([program, *args], cwd=home.work, env=home.env, capture_output=True, timeout=60)


def test_runctl_local_is_train_on_this_computer(home: Home) -> None:
    home.write("s.py", "import sys; print(sys.argv[1:])")
    home.env["RUNCTL_PROVIDER"] = "elsewhere"
    done = home.runctl("local", "s.py", "--name", "mine", "--", "--help")
    assert done.stdout == b"['--help']\n", done.stderr.decode()
    assert (home.json("runs")[0]["provider"], home.json("runs")[0]["name"]) == ("local", "mine")


def test_the_script_runctl_local_has_this_computer_as_default(home: Home) -> None:
    home.write("s.py", "raise SystemExit(7)")
    assert _runctl_local(home, "train", "s.py").returncode == 7
    assert home.json("runs")[0]["provider"] == "local"


def test_a_provider_that_is_named_wins_over_the_default_of_the_script(home: Home) -> None:
    home.write("s.py", "print(1)")
    home.env["RUNCTL_PROVIDER"] = "elsewhere"
    assert b"elsewhere" in _runctl_local(home, "train", "s.py").stderr
    assert _runctl_local(home, "train", "s.py", "--provider", "local").stdout == b"1\n"


def test_offers_shows_each_gpu_free_or_busy_and_at_no_price(home: Home, driver: Driver) -> None:
    driver.shows(H100, SECOND_H100)
    driver.computes((1, "GPU-a"))
    rows = home.json("offers")
    assert [(row["instance_type"], row["available"]) for row in rows] == [
        ("cpu", True),
        ("h100x1", True),
        ("h100x2", False),
    ]
    assert {row["hourly_usd"] for row in rows} == {"0"}
    assert [row["instance_type"] for row in home.json("offers", "--gpu", "H100:2")] == ["h100x2"]
    assert home.json("offers", "--gpu", "A100") == []


def test_a_job_sees_the_gpus_of_its_slot_and_no_others(home: Home, driver: Driver) -> None:
    driver.shows(H100, SECOND_H100)
    home.write("s.py", SHOW)
    assert home.runctl("train", "s.py").stdout == b"''\n", "a run that asked for no GPU sees one"
    assert home.runctl("train", "s.py", "--gpu", "H100:2").stdout == b"'GPU-a,GPU-b'\n"


@pytest.mark.parametrize("how", ["--env", "--env-file"])
def test_no_variable_of_a_run_reaches_gpus_of_others(home: Home, driver: Driver, how: str) -> None:
    driver.shows(H100, SECOND_H100)
    home.write("s.py", SHOW)
    home.write(".env", "CUDA_VISIBLE_DEVICES=0,1\n")
    value = {"--env": "CUDA_VISIBLE_DEVICES=0,1", "--env-file": ".env"}[how]
    assert home.runctl("train", "s.py", "--gpu", "H100", how, value).stdout == b"'GPU-a'\n"


def test_two_runs_have_two_gpus_and_the_third_is_told_who_has_them(home: Home, driver: Driver) -> None:
    driver.shows(H100, SECOND_H100)
    home.write("s.py", SHOW + "\n" + WAIT)
    runs = [home.detached("s.py", "--gpu", "H100") for _ in range(2)]
    seen = {wait_for(lambda run=run: home.runctl("logs", run).stdout) for run in runs}
    assert seen == {b"'GPU-a'\n", b"'GPU-b'\n"}
    refused = home.runctl("train", "s.py", "--gpu", "H100")
    assert b"h100x1 is taken (0 of 2 free)" in refused.stderr
    assert len(home.json("runs")) == 2, "a run was made for which there is no place"
    home.runctl("stop", runs[0])
    assert home.json("offers", "--gpu", "H100")[0]["available"]


def test_flags_variables_and_files_set_the_same_settings(home: Home, driver: Driver, tmp_path: Path) -> None:
    home.write("s.py", WAIT)
    run = home.detached("s.py", "--provider", "local", "--local-directory", str(tmp_path / "slots here"))
    assert list((tmp_path / "slots here" / "slots").glob(f"local-*/jobs/{run}-1"))
    assert home.runctl("stop", run).returncode == 0, "another command does not find the slot of that run"
    assert processes_of(tmp_path) == []


def _checks(home: Home) -> dict[str, dict[str, str]]:
    checks = json.loads(home.runctl("doctor", "--json").stdout)
    return {c["name"].removeprefix("local: "): c for c in checks if c["name"].startswith("local: ")}


def test_doctor_looks_at_the_directory_the_programs_and_the_gpus(home: Home, driver: Driver) -> None:
    driver.shows(H100, SECOND_H100)
    checks = _checks(home)
    assert {name: check["verdict"] for name, check in checks.items()} == dict.fromkeys(
        ("slots", "uv", "python3", "GPUs"), "ok"
    )
    assert checks["GPUs"]["detail"] == "H100, H100"


def test_doctor_tells_of_a_broken_driver_with_the_mend(home: Home, driver: Driver) -> None:
    driver.says("#!/bin/sh\necho no driver; exit 9\n")
    check = _checks(home)["GPUs"]
    assert check["verdict"] == "warning"
    assert "no driver" in check["detail"]
    assert driver.program in check["fix"]


def test_doctor_tells_of_a_directory_that_cannot_be_one(home: Home) -> None:
    home.write("file", "")
    home.env["RUNCTL_LOCAL_DIRECTORY"] = str(home.work / "file" / "slots")
    check = _checks(home)["slots"]
    assert check["verdict"] == "failed"
    assert check["fix"].startswith("runctl config set providers.local.directory")


def test_doctor_needs_no_driver(home: Home, driver: Driver) -> None:
    os.unlink(driver.program)
    check = _checks(home)["GPUs"]
    assert check["verdict"] == "ok"
    assert "not installed" in check["detail"]
