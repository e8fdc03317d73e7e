"""`runctl monitor` watches any log and any folder: each byte once, whatever happens to the file."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homes import Home, wait_for


class Watched:
    """What a following `monitor` has shown so far."""

    def __init__(self, home: Home, *args: str) -> None:
        self._out, self._err = home.root / "out", home.root / "err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process: subprocess.Popen[bytes] = home.start("monitor", "-f", *args, stdout=out, stderr=err)

    def until(self, out: bytes = b"", err: bytes = b"") -> None:
        """Wait until standard output is exactly `out`, and standard error has `err`."""
        wait_for(
            lambda: self._out.read_bytes() == out and err in self._err.read_bytes(),
            why=f"{self._out.read_bytes()!r} {self._err.read_bytes()!r}",
        )


@contextmanager
def monitor(home: Home, *args: str) -> Iterator[Watched]:
    watched = Watched(home, *args)
    try:
        yield watched
    finally:
        watched.process.send_signal(signal.SIGINT)
        assert watched.process.wait(timeout=10) == 130


def _add(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_a_log_that_appears_later_is_waited_for(home: Home) -> None:
    with monitor(home, "--log", "later.log") as shown:
        shown.until(err=b"waiting for later.log")
        home.write("later.log", "first\n")
        shown.until(b"first\n")


def test_bytes_that_are_added_are_shown_once_without_waiting_for_a_line_end(home: Home) -> None:
    log = home.write("a.log", "".join(f"{n}\n" for n in range(100)))
    with monitor(home, "--log", "a.log", "--tail", "1") as shown:
        shown.until(b"99\n")
        _add(log, b"\r10 %")
        shown.until(b"99\n\r10 %")
        _add(log, b"\r20 %\n")
        shown.until(b"99\n\r10 %\r20 %\n")


def test_a_rotated_log_is_read_to_its_end_and_then_the_new_one(home: Home) -> None:
    log = home.write("a.log", "old\n")
    with monitor(home, "--log", "a.log") as shown:
        shown.until(b"old\n")
        with log.open("ab") as writer:
            os.rename(log, home.work / "a.log.1")
            writer.write(b"the writer has not noticed yet\n")
        home.write("a.new", "new, and longer than the old one was, as it happens\n")
        os.rename(home.work / "a.new", log)
        shown.until(
            b"old\nthe writer has not noticed yet\nnew, and longer than the old one was, as it happens\n"
        )


def test_a_log_that_is_cut_is_read_from_its_beginning(home: Home) -> None:
    log = home.write("a.log", "a long first line\n")
    with monitor(home, "--log", "a.log") as shown:
        shown.until(b"a long first line\n")
        log.write_bytes(b"new\n")
        shown.until(b"a long first line\nnew\n")


def test_a_log_that_is_removed_is_waited_for(home: Home) -> None:
    log = home.write("a.log", "one\n")
    with monitor(home, "--log", "a.log") as shown:
        shown.until(b"one\n")
        log.unlink()
        home.write("a.log", "two\n")
        shown.until(b"one\ntwo\n")


def test_checkpoints_are_named_beside_the_log_as_they_come(home: Home) -> None:
    home.write("a.log", "x\n")
    with monitor(home, "--log", "a.log", "--checkpoint", "saved") as shown:
        shown.until(b"x\n")
        home.write("saved/step-3.pkl", b"good")
        shown.until(b"x\n", err=b"saved/step-3.pkl, step 3, 4 B")
        home.write("saved/step-4.npz", b"PK cut")
        shown.until(b"x\n", err=b"not whole")


def test_one_look_is_a_document(home: Home) -> None:
    home.write("a.log", b"1\n2\r2.5\n3")
    home.write("saved/step-3.pkl", b"good")
    document = home.json("monitor", "--log", "a.log", "--checkpoint", "saved", "--tail", "2")
    assert document["log"] == {"path": "a.log", "size_bytes": 9, "tail": ["2\r2.5", "3"]}
    (checkpoint,) = document["checkpoints"]
    assert (checkpoint["step"], checkpoint["complete"]) == (3, True)


def test_what_cannot_be_watched_is_said_with_the_mending_command(home: Home) -> None:
    home.write("saved/step-3.pkl", b"good")
    for args, status in (
        ([], 101),
        (["--log", "none.log"], 103),
        (["--log", "saved"], 101),
        (["--checkpoint", "saved/step-3.pkl"], 101),
        (["--checkpoint", "saved", "-f", "--json"], 101),
    ):
        done = home.runctl("monitor", *args)
        assert done.returncode == status, args
        assert b"\n  fix: " in done.stderr
        assert b"Traceback" not in done.stderr
