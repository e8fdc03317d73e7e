"""This computer as a machine."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time

import pytest

from runctl_core.errors import NotFound, StateError, UnknownOutcome
from runctl_core.transport.local import LocalTransport


@pytest.fixture
def here():
    return LocalTransport()


def test_run_passes_bytes_through(here):
    done = here.run(["sh", "-c", "cat; echo oops >&2; exit 3"], input=b"a\0\r\xff")
    assert (done.status, done.stdout, done.stderr) == (3, b"a\0\r\xff", b"oops\n")


def test_run_tells_a_signal_as_a_shell_does(here):
    assert here.run(["sh", "-c", "kill -9 $$"]).status == 137


@pytest.mark.parametrize(("program", "status"), [("no-such-program", 127), ("/etc/passwd", 126)])
def test_run_of_what_cannot_be_executed(here, program, status):
    done = here.run([program])
    assert done.status == status
    assert program.encode() in done.stderr


def test_run_that_takes_too_long_has_an_unknown_outcome(here):
    with pytest.raises(UnknownOutcome):
        here.run(["sleep", "60"], timeout_s=0.2)


def test_stream_uses_our_own_streams(here, capfd, tmp_path):
    argv = ["sh", "-c", "echo $X $PWD; echo err >&2; kill -15 $$"]
    assert here.stream(argv, cwd=str(tmp_path), env={"X": "yes"}) == 128 + signal.SIGTERM
    assert capfd.readouterr() == (f"yes {tmp_path}\n", "err\n")


def test_stream_of_what_is_not_there(here, tmp_path):
    with pytest.raises(NotFound, match="cannot execute no-such-program"):
        here.stream(["no-such-program"], cwd=str(tmp_path))
    with pytest.raises(NotFound, match="no directory"):
        here.stream(["true"], cwd=str(tmp_path / "gone"))


def test_a_ctrl_c_on_the_terminal_is_for_the_child(tmp_path):
    code = f"""
import os, sys, signal, threading, time
from runctl_core.transport.local import LocalTransport
child = "trap 'exit 5' INT; echo > {tmp_path}/ready; while :; do sleep 0.05; done"
def press():
    while not os.path.exists("{tmp_path}/ready"):
        time.sleep(0.01)
    os.killpg(0, signal.SIGINT)
threading.Thread(target=press).start()
sys.exit(LocalTransport().stream(["sh", "-c", child]))
"""
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], start_new_session=True, timeout=30)
    assert done.returncode == 5


def test_read_gives_any_part_of_a_file(here, tmp_path):
    (tmp_path / "f").write_bytes(b"0123456789")
    assert here.read(str(tmp_path / "f"), 3, 4) == b"3456"
    assert here.read(str(tmp_path / "f"), 99, 4) == b""
    for missing in (tmp_path / "gone", tmp_path / "f" / "x", tmp_path):
        with pytest.raises(NotFound):
            here.read(str(missing), 0, 1)


@pytest.mark.parametrize("way", ["put", "get"])
def test_a_copied_file_is_independent_and_keeps_its_mode(here, tmp_path, way):
    source, target = tmp_path / "a", tmp_path / "new" / "folder" / "b"
    source.write_bytes(b"x" * 100_000)
    source.chmod(0o750)
    getattr(here, way)(str(source), str(target))
    source.write_bytes(b"changed")
    assert target.read_bytes() == b"x" * 100_000
    assert target.stat().st_mode & 0o777 == 0o750
    assert target.stat().st_ino != source.stat().st_ino
    assert os.listdir(target.parent) == ["b"]


def test_put_sets_the_mode(here, tmp_path):
    (tmp_path / "a").write_text("x")
    here.put(str(tmp_path / "a"), str(tmp_path / "b"), mode=0o600)
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600


def test_a_folder_replaces_a_folder(here, tmp_path):
    (tmp_path / "a" / "deep").mkdir(parents=True)
    (tmp_path / "a" / "deep" / "f").write_text("new")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "old").write_text("old")
    here.get(str(tmp_path / "a"), str(tmp_path / "b"))
    assert sorted(p.name for p in (tmp_path / "b").rglob("*")) == ["deep", "f"]
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_links_of_a_fetched_folder_do_not_need_the_source(here, tmp_path):
    source, outside = tmp_path / "a", tmp_path / "outside"
    (source / "deep").mkdir(parents=True)
    (source / "step-1").write_text("one")
    outside.mkdir()
    (outside / "f").write_text("out")
    (source / "latest").symlink_to("step-1")
    (source / "deep" / "absolute").symlink_to(source / "step-1")
    (source / "file-out").symlink_to(outside / "f")
    (source / "folder-out").symlink_to(outside)
    (source / "dangling").symlink_to("gone")
    (source / "loop").symlink_to(".")
    here.get(str(source), str(tmp_path / "b"))
    source.rename(tmp_path / "moved")
    outside.rename(tmp_path / "moved-out")
    got = tmp_path / "b"
    assert os.readlink(got / "latest") == "step-1"
    assert (got / "deep" / "absolute").read_text() == "one"
    assert (got / "file-out").read_text() == "out"
    assert (got / "folder-out" / "f").read_text() == "out"
    assert (got / "loop" / "step-1").read_text() == "one"


def test_sockets_and_pipes_are_left_out(here, tmp_path):
    source = tmp_path / "a"
    source.mkdir()
    (source / "f").write_text("x")
    os.mkfifo(source / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(source / "socket"))
        here.get(str(source), str(tmp_path / "b"))
    assert os.listdir(tmp_path / "b") == ["f"]


def test_a_copy_that_fails_leaves_what_was_there(here, tmp_path):
    (tmp_path / "b").write_text("kept")
    with pytest.raises(NotFound):
        here.get(str(tmp_path / "gone"), str(tmp_path / "b"))
    with pytest.raises(StateError) as caught:
        here.put(str(tmp_path / "b"), str(tmp_path / "b" / "c"))
    assert caught.value.fix
    assert (tmp_path / "b").read_text() == "kept"
    assert os.listdir(tmp_path) == ["b"]


def test_a_reader_never_sees_a_half_copied_file(here, tmp_path):
    small, big, target = tmp_path / "small", tmp_path / "big", tmp_path / "target"
    small.write_bytes(b"a")
    big.write_bytes(b"b" * 30_000_000)
    here.get(str(small), str(target))
    seen, over = set(), threading.Event()

    def look():
        while not over.is_set():
            seen.add(target.stat().st_size)
            time.sleep(0)

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(3):
        here.get(str(big), str(target))
        here.get(str(small), str(target))
    over.set()
    thread.join()
    assert seen <= {1, 30_000_000}
