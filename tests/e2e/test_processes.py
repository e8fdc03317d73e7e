"""`runctl processes`: the processes of a run, by its name or its resource, once or again and again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from homes import Home, wait_for
from terminals import Terminal

LOADER = """
import os, pathlib, subprocess, sys, time
loader = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "--shard", "a b"])
pathlib.Path("loader").write_text(str(loader.pid))
loader.wait()
pathlib.Path("done").write_text("")
"""


@pytest.fixture
def run(home: Home) -> Iterator[str]:
    """A live run of a script and its data loader."""
    home.write("train.py", LOADER)
    started = home.detached("train.py", "--provider", "local")
    wait_for(lambda: (home.work / "loader").read_text(), why="the script began")
    yield started
    home.runctl("stop", started, "--grace-seconds", "0")


def loader(home: Home) -> str:
    """The loader's process id."""
    return (home.work / "loader").read_text()


def test_each_process_is_a_row_with_what_it_uses(home: Home, run: str) -> None:
    done = home.runctl("processes", run)
    rows = {row.split("\t")[0]: row.split("\t") for row in done.stdout.decode().splitlines()}
    assert len(rows) == 2, "the script and its loader, and neither the runner nor others"
    pid, _user, cpu, memory, gpu, threads, running, command = rows[loader(home)]
    assert pid == loader(home)
    assert cpu.endswith(" %")
    assert memory.endswith(" MB")
    assert (gpu, int(threads) >= 1, running.endswith(" s")) == ("", True, True)
    assert command.endswith("--shard 'a b'"), "it could not be told where an argument ends"


def test_a_run_is_found_by_its_resource_too(home: Home, run: str) -> None:
    resource = home.json("status", run)["resource"]
    for target in (run, "latest", "train.py", resource, f"local/{resource}"):
        document = home.json("processes", target)
        assert (document["run"], document["resource"]) == (run, resource)
        assert loader(home) in [str(process["pid"]) for process in document["processes"]]


def test_a_process_that_runctl_did_not_start_has_no_job_of_ours(home: Home, run: str) -> None:
    for target in (f"pid-{loader(home)}", f"local/pid-{loader(home)}", "no-such-run"):
        done = home.runctl("processes", target)
        assert done.returncode == 103
        assert b"only jobs that runctl started are looked into" in done.stderr
        assert b"\n  fix: runctl ps" in done.stderr


def test_a_run_that_is_over_has_no_processes_and_says_so(home: Home) -> None:
    home.write("train.py", "print(1)")
    home.runctl("train", "train.py", "--provider", "local")
    done = home.runctl("processes", "latest")
    assert done.returncode == 104
    assert b"has no processes: succeeded" in done.stderr
    assert b"fix: runctl status" in done.stderr


def test_piped_watching_prints_one_list_after_the_other_until_the_run_is_over(home: Home, run: str) -> None:
    out = home.root / "out"
    with out.open("wb") as file:
        watching = home.start("processes", run, "--watch", stdout=file)
    wait_for(lambda: b"\n\n" in out.read_bytes(), seconds=30, why="a second list comes")
    assert b"\033" not in out.read_bytes(), "a pipe was sent a terminal's control characters"
    home.runctl("stop", run, "--grace-seconds", "0")
    _, told = watching.communicate(timeout=30)
    assert watching.returncode == 0
    assert f"{run} is over\n  how it ended  runctl status {run}".encode() in told


def test_a_terminal_shows_one_list_in_place_of_the_other_until_ctrl_c(home: Home, run: str) -> None:
    with Terminal(home, "processes", run, "--watch") as terminal:
        terminal.until("PID", times=2)
        terminal.press("\x03")
        assert terminal.status() == 130
    assert terminal.shown.count("\033[H\033[2J") == terminal.shown.count("PID")
    assert home.state_of(run) == "running", "Ctrl-C ended the run, and not the watching"


def test_watching_is_no_document(home: Home, run: str) -> None:
    done = home.runctl("processes", run, "--watch", "--json")
    assert (done.returncode, done.stdout) == (101, b"")


def test_secrets_in_the_environment_are_not_shown(home: Home) -> None:
    home.write("train.py", LOADER)
    home.env["API_KEY"] = "sesame-open"
    run = home.detached("train.py", "--provider", "local", "--secret", "API_KEY")
    wait_for(lambda: loader(home), why="the script began")
    done = home.runctl("processes", run, "--json")
    assert done.returncode == 0
    assert b"sesame" not in done.stdout + done.stderr
    home.runctl("stop", run, "--grace-seconds", "0")


def test_status_shows_what_a_run_uses_and_what_should_be_mended(home: Home, run: str) -> None:
    wait_for(lambda: home.json("status", run)["usage"], why="a sample comes")
    shown = home.runctl("status", run).stdout.decode()
    using = next(line for line in shown.splitlines() if line.startswith("using"))
    assert "memory, 2 processes" in using
    assert "warning" not in shown
    home.env["RUNCTL_WARN_DISK_FREE_BELOW_GB"] = "1000000"
    shown = home.runctl("status", run).stdout.decode()
    warning, fix = shown[shown.index("\nwarning") :].strip().splitlines()[:2]
    assert "the disk is nearly full" in warning
    assert fix.split() == ["fix", "runctl", "checkpoint", "prune", run]


def test_a_status_of_a_run_that_is_over_needs_no_sound_configuration(home: Home) -> None:
    home.write("train.py", "print(1)")
    home.runctl("train", "train.py", "--provider", "local")
    home.write("runctl.toml", "warn_gpu_below_percent = 200\n")
    assert home.runctl("status", "latest").returncode == 0
    done = home.runctl("config", "validate")
    assert (done.returncode, b"from 0 to 100" in done.stderr) == (102, True)
