"""Output is followed live, byte for byte; a reader that reconnects gets each byte once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from homes import RUNCTL, Home, wait_for

WRITES_DATA = """
import os, time
data = open("data.bin", "rb").read()
sizes = [1, 7, 100, 4096, 65536, 1_000_003]
at = n = 0
while at < len(data):
    at += os.write(1, data[at : at + sizes[n % len(sizes)]])
    n += 1
    time.sleep(PAUSE)
"""
WAITS = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.02)\n"


def _progress_bar() -> bytes:
    steps = (f"\rtrain: {n:3}%|{'█' * (n // 10):10}| {n}/100 [00:01<00:02]".encode() for n in range(101))
    return b"".join(steps) + b"\n"


def _noise() -> bytes:
    return random.Random(7).randbytes(700_000)


NOISES: dict[str, Callable[[], bytes]] = {
    "a progress bar": _progress_bar,
    "a 10 MB line without an end": lambda: b"x" * 10_000_000,
    "random bytes": _noise,
    "half a character at the end": lambda: "größer → ".encode()[:-2],
    "colours and cursor moves": lambda: b"\033[31mloss\033[0m\033[2K\033[1A\033]0;title\007\n" * 500,
    "zeros": lambda: bytes(100_000),
    "line ends of every kind": lambda: b"a\r\nb\n\rc\r\r\n\n" * 1000,
}


@pytest.mark.parametrize("kind", NOISES)
def test_every_follower_gets_what_the_script_wrote(home: Home, kind: str) -> None:
    data = NOISES[kind]()
    home.write("data.bin", data)
    home.write("s.py", WRITES_DATA.replace("PAUSE", "0.001"))
    trained = home.runctl("train", "s.py")
    assert trained.stdout == data, "what train showed is not what the script wrote"
    run = home.json("runs")[0]["run"]
    assert home.runctl("logs", run).stdout == data, "what was kept is not what the script wrote"
    kept = Path(home.json("status", run)["log"])
    assert kept.read_bytes() == data, "the log file is not what the script wrote"


def test_a_follower_beside_the_driver_gets_the_same_bytes(home: Home) -> None:
    data = _noise()
    home.write("data.bin", data)
    home.write("s.py", WAITS + WRITES_DATA.replace("PAUSE", "0.01"))
    with (home.work / "first.log").open("wb") as file:
        driver = home.start("train", "s.py", stdout=file)
    run = wait_for(lambda: home.json("ps") and home.json("ps")[0]["run"])
    follower = home.start("logs", run, "-f")
    home.write("go", "")
    assert follower.communicate(timeout=60)[0] == data
    assert driver.wait(timeout=60) == 0
    assert (home.work / "first.log").read_bytes() == data


def test_a_follower_that_is_suspended_holds_up_nobody(home: Home) -> None:
    home.write("s.py", "print('x')\n" + WAITS + "print('y')\n" + WAITS.replace("go", "never"))
    follower = home.start("train", "s.py")
    assert follower.stdout is not None
    assert follower.stdout.readline() == b"x\n"
    home.write("go", "")
    assert follower.stdout.readline() == b"y\n"  # so it has written the start down by now
    follower.send_signal(signal.SIGSTOP)
    try:
        stopped = home.runctl("stop", "latest", timeout=30)
        assert stopped.returncode == 0, "a suspended terminal kept the machine"
        assert home.state_of("latest") == "cancelled"
    finally:
        follower.send_signal(signal.SIGCONT)
    assert follower.wait(timeout=30) == 128 + signal.SIGTERM


def test_a_reader_that_does_not_read_holds_up_nobody(home: Home) -> None:
    home.write("s.py", "import os\nos.write(1, b'x' * 2_000_000)")
    follower = home.start("train", "s.py")
    wait_for(lambda: home.json("ps", "--all") and home.state_of("latest") == "succeeded")
    stdout, _ = follower.communicate(timeout=30)
    assert stdout == b"x" * 2_000_000
    assert follower.returncode == 0


def test_a_reader_that_reconnects_gets_each_byte_once(home: Home) -> None:
    data = random.Random(3).randbytes(400_000)
    home.write("data.bin", data)
    home.write("s.py", WRITES_DATA.replace("PAUSE", "0.8"))
    run = home.detached("s.py")
    copy = home.work / "copy.log"
    copy.touch()
    readers = 0
    while home.state_of(run) == "running" or copy.stat().st_size < len(data):
        before = copy.stat().st_size
        with copy.open("ab") as file:
            reader = home.start("logs", run, "-f", "--offset", str(before), stdout=file)
        wait_for(lambda b=before, r=reader: copy.stat().st_size > b or r.poll() is not None, seconds=30)
        reader.send_signal(signal.SIGKILL)
        reader.communicate()
        readers += 1
    assert readers > 2, "nobody reconnected, so nothing was tested"
    assert copy.read_bytes() == data


def test_attach_shows_the_last_lines_and_then_what_comes(home: Home) -> None:
    home.write("s.py", "for i in range(1000): print(i)\n" + WAITS + "print('after')")
    run = home.detached("s.py")
    wait_for(lambda: home.runctl("logs", run).stdout.endswith(b"999\n"))
    attached = home.start("attach", run, "--tail", "2")
    stdout, stderr = attached.stdout, attached.stderr
    assert stdout is not None
    assert stderr is not None
    assert stdout.readline() == b"998\n"
    home.write("go", "")
    assert stdout.read() == b"999\nafter\n"
    assert f"{run} succeeded".encode() in stderr.read()
    assert attached.wait(timeout=30) == 0


def test_a_reader_that_has_enough_ends_a_quiet_follower(home: Home) -> None:
    home.write("s.py", "print('first', flush=True)\n" + WAITS)
    run = home.detached("s.py")
    wait_for(lambda: home.runctl("logs", run).stdout)
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {RUNCTL} logs {run} -f | head -n 1"],
        env=home.env,
        cwd=home.work,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == (b"first\n", b"", 141)
    assert home.state_of(run) == "running", "the run ended with its reader"


def test_a_line_is_seen_while_the_script_that_does_not_flush_goes_on(home: Home) -> None:
    home.write("s.py", "print('unflushed')\n" + WAITS)
    follower = home.start("train", "s.py")
    assert follower.stdout is not None
    assert follower.stdout.readline() == b"unflushed\n"
    assert home.json("ps")[0]["state"] == "running", "the line came at the script's end only"
    home.write("go", "")
    assert follower.wait(timeout=30) == 0


def test_a_follower_shows_the_attempt_that_a_resume_began_meanwhile(home: Home) -> None:
    home.write("s.py", "import os\nprint('x' * 200, flush=True)\n" + WAITS + "print('end')")
    driver = home.start("train", "s.py")
    run = wait_for(lambda: home.json("ps") and home.json("ps")[0]["run"])
    follower = home.start("logs", run, "-f")
    assert follower.stdout is not None
    assert follower.stdout.readline() == b"x" * 200 + b"\n"
    follower.send_signal(signal.SIGSTOP)
    home.runctl("stop", run)
    driver.communicate(timeout=30)
    home.runctl("resume", run, "--detach")
    os.kill(follower.pid, signal.SIGCONT)
    home.write("go", "")
    assert follower.stdout.read() == b"x" * 200 + b"\nend\n"
    assert follower.wait(timeout=30) == 0


def test_where_to_begin_is_said_once(home: Home) -> None:
    home.write("s.py", "print('a\\nb\\nc')")
    home.runctl("train", "s.py")
    assert home.runctl("logs", "latest", "--offset", "2").stdout == b"b\nc\n"
    assert home.runctl("logs", "latest", "--tail", "1").stdout == b"c\n"
    assert home.runctl("logs", "latest", "--tail", "0").stdout == b""
    assert home.runctl("logs", "latest", "--tail", "1", "--offset", "2").returncode == 101
    assert home.runctl("logs", "latest", "--tail", "-1").returncode == 101
    missing = home.runctl("logs", "latest", "--attempt", "2")
    assert missing.returncode == 103
    assert b"latest attempt is 1" in missing.stderr
