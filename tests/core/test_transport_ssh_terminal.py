"""A program over SSH on our own terminal, or on our pipes."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import socket
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest

from runctl_core.api import NotFound, RunnerExecutor

PROGRAM = """
import json, sys
from runctl_core.api import SSHTransport
host, port, trusted, argv, options = json.load(open(sys.argv[1]))
sys.exit(SSHTransport(host, port=port, **trusted).stream(argv, **options))
"""


def words(server, argv, **options):
    """The command that streams a program of the server."""
    told = server.home.parent / "told"  # a file: a test looks for what is in command lines
    told.write_text(json.dumps([server.host, server.port, server.trusted, argv, options]))
    return [sys.executable, "-c", PROGRAM, str(told)]


class Screen:
    """A terminal of 33 rows and 101 columns with a program on it."""

    def __init__(self, argv):
        self.shown = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(argv[0], argv)  # noqa: S606
        self.resize(33, 101)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def until(self, text, seconds=20):
        end = time.monotonic() + seconds
        while text not in self.shown:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            assert ready, f"never shown: {text!r}, but {self.shown!r}"
            try:
                self.shown += os.read(self.fd, 1 << 16).decode(errors="replace")
            except OSError:
                raise AssertionError(f"ended without {text!r}: {self.shown!r}") from None

    def status(self):
        with suppress(OSError):  # Linux tells the end of a terminal as an error
            while os.read(self.fd, 1 << 16):
                pass
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.modes = termios.tcgetattr(self.fd)
        return status


def test_a_program_on_a_terminal_has_one_there_with_its_keys_and_its_size(server):
    script = (
        "trap 'echo caught; exit 9' INT; trap 'stty size' WINCH; test -t 0 && test -t 1 && echo on $TERM;"
        " read line; echo got $line; while :; do sleep 0.05; done"
    )
    screen = Screen(words(server, ["sh", "-c", script]))
    screen.until("on ")
    screen.press("otter\r")
    screen.until("got otter")
    screen.resize(44, 120)
    screen.until("44 120")
    screen.press("\x03")
    screen.until("caught")
    assert screen.status() == 9
    assert screen.modes[3] & termios.ECHO, "the terminal is left without echo"
    assert screen.modes[3] & termios.ICANON, "the terminal is left raw"


def test_without_a_terminal_everything_is_pipes(server):
    data = os.urandom(3_000_000)
    script = "test -t 0 && echo terminal >&2; cat; echo done >&2; exit 7"
    done = subprocess.run(words(server, ["sh", "-c", script]), input=data, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (7, b"done\n")
    assert done.stdout == data


def test_a_file_as_input_is_read_to_its_end(server, tmp_path):
    (tmp_path / "input").write_bytes(os.urandom(2_000_000))
    with (tmp_path / "input").open("rb") as file:
        done = subprocess.run(words(server, ["wc", "-c"]), stdin=file, capture_output=True, timeout=60)
    assert done.stdout.strip() == b"2000000"


def test_a_program_that_waits_for_no_input_ends_while_ours_stays_open(server):
    reader, writer = os.pipe()
    done = subprocess.run(words(server, ["echo", "x"]), stdin=reader, capture_output=True, timeout=60)
    os.close(reader)
    os.close(writer)
    assert (done.returncode, done.stdout) == (0, b"x\n")


def test_a_slow_reader_of_ours_gets_everything(server):
    argv = words(server, ["head", "-c", "30000000", "/dev/zero"])
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        size = 0
        while data := process.stdout.read(1 << 20):
            size += len(data)
            time.sleep(0.005)
    assert (size, process.returncode) == (30_000_000, 0)


def test_variables_are_there_and_in_no_list_of_processes(server):
    value = "it's s3cret\n$HOME \\ \u00e9"
    script = 'ps -eo args > listed; printf %s "$TOKEN" > value; pwd'
    options = {"cwd": "/tmp", "env": {"TOKEN": value, "not a name": "x"}}
    argv = ["sh", "-c", script.replace("> ", f"> {server.home}/")]
    done = subprocess.run(words(server, argv, **options), input=b"", capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"/tmp\n"), done.stderr
    assert (server.home / "value").read_bytes() == value.encode()
    assert "s3cret" not in (server.home / "listed").read_text(), "everybody on the machine sees the variables"
    kept = [path for path in Path("/tmp").glob("tmp.*") if path.is_file() and b"s3cret" in path.read_bytes()]
    assert not kept, "the variables were left on the machine's disk"


def test_what_is_not_there_is_told(over_ssh, tmp_path):
    with pytest.raises(NotFound, match="cannot execute no-such-program"):
        over_ssh.stream(["no-such-program"])
    with pytest.raises(NotFound, match="no directory"):
        over_ssh.stream(["true"], cwd=str(tmp_path / "gone"))


def test_a_port_of_a_runs_machine_comes_through_its_executor(over_ssh, server):
    executor = RunnerExecutor(over_ssh, str(server.home / "jobs"))
    with (
        executor.forward(0, "localhost", server.port) as port,
        socket.create_connection(("127.0.0.1", port), 10) as led,
    ):
        assert led.recv(4) == b"SSH-"
