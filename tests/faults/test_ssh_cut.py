"""Connections that are cut at random bytes: a followed log is exact, what is copied is whole or not there."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cutting import Cut, cutting, draws
from runctl_core.api import Job, ProviderUnavailable, RunnerExecutor, SSHTransport
from sshd import sshd

pytestmark = pytest.mark.faults

CUTS = 200
HANDSHAKE_BYTES = 9000
"""Where most cuts are to fall: into connecting, asking for a file, and its first bytes."""

PRINTER = """
import os, random, time
chance = random.Random(5)
while not os.path.exists("enough"):
    os.write(1, chance.randbytes(chance.randrange(1, 3000)))
    time.sleep(0.003)
"""


def seed() -> int:
    """Another one each time; the failure message has it, and the variable replays it."""
    return int(os.environ.get("RUNCTL_TEST_SEED", random.SystemRandom().randrange(1 << 30)))


def test_a_log_that_is_followed_through_200_cut_connections_is_exact(tmp_path: Path) -> None:
    chance = random.Random(chosen := seed())
    with sshd(tmp_path) as server:
        straight = SSHTransport(server.host, port=server.port, **server.trusted)
        root = str(server.home / "jobs")
        here = RunnerExecutor(straight, root, python=sys.executable)
        here.start(Job(id="otter-1", command=(sys.executable, "-c", PRINTER), workdir=str(server.home)))
        log, got = server.home / "jobs" / "otter-1" / "log", bytearray()
        with cutting(server.port, draws(chance, HANDSHAKE_BYTES)) as proxy:
            executor = RunnerExecutor(SSHTransport("127.0.0.1", port=proxy.port, **server.trusted), root)
            while proxy.cuts < CUTS:
                try:
                    got += executor.logs("otter-1", len(got), limit=chance.randrange(1, 200_000))
                except ProviderUnavailable:
                    continue
        (server.home / "enough").touch()
        while not here.status("otter-1").phase.over:
            pass
        while data := here.logs("otter-1", len(got)):
            got += data
        straight.close()
        assert len(got) > 100_000, "the log was hardly followed"
        assert bytes(got) == log.read_bytes(), f"bytes of the log are wrong: RUNCTL_TEST_SEED={chosen}"


def test_what_is_copied_over_cut_connections_is_whole_or_not_there(tmp_path: Path) -> None:
    chance = random.Random(chosen := seed())
    source = tmp_path / "source"
    source.mkdir()
    for number in range(20):
        (source / f"file-{number}").write_bytes(chance.randbytes(chance.randrange(60_000)))
    size = sum(path.stat().st_size for path in source.iterdir())
    whole = contents(source)
    with sshd(tmp_path / "sshd") as server:
        for act in range(24):
            # Each of three tries of one act is cut, so that some acts fail; every fourth gets through.
            cuts = [Cut(chance.randrange(2 * size if act % 4 else 10**9), act % 2 == 0) for _ in range(3)]
            there, back = server.home / f"there-{act}", tmp_path / f"back-{act}"
            with cutting(server.port, iter(cuts)) as proxy:
                transport = SSHTransport("127.0.0.1", port=proxy.port, **server.trusted)
                done = carried_out(lambda t=transport, name=there.name: t.put(str(source), name))
                assert_whole(there, whole, done, chosen)
                if done:
                    done = carried_out(lambda t=transport, name=there.name, to=back: t.get(name, str(to)))
                    assert_whole(back, whole, done, chosen)
                transport.close()
        assert not list(tmp_path.glob("*.part")), "a part was left here"
        assert len(list(server.home.glob("there-*[0-9]"))) >= 6, "nothing ever got through"


def carried_out(act: Callable[[], None]) -> bool:
    try:
        act()
    except ProviderUnavailable:
        return False
    return True


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def assert_whole(folder: Path, whole: dict[str, bytes], done: bool, chosen: int) -> None:
    """There and whole when the act said so; else whole, or not there at all."""
    assert folder.exists() or not done, f"what was copied is not there: RUNCTL_TEST_SEED={chosen}"
    if folder.exists():
        assert contents(folder) == whole, f"half of a copy is in its place: RUNCTL_TEST_SEED={chosen}"
