"""A connection that is cut, a receiver or a sender that is killed, at any byte: never half a tree."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

import cutting
from faults.test_ssh_cut import CUTS, seed
from homes import wait_for
from runctl_core.api import SSHTransport
from runctl_core.errors import ProviderUnavailable, UnknownOutcome
from runctl_core.retry import RetryPolicy
from runctl_core.sync import select, send
from runctl_core.transport import Completed
from sshd import sshd
from syncing import Machine, contents, deliver, put

pytestmark = pytest.mark.faults

FILES = 30
Whole = list[dict[bytes, tuple[object, ...]]]


class Cut(Machine):
    """A machine where something breaks once, after so many bytes reached a receiver.

    Args:
        after: How many bytes, counted over all calls.
        end: Breaks it, given the receiver.
    """

    def __init__(self, after: int, end) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self._left: int | None = after
        self._end = end

    @property
    def has_cut(self) -> bool:
        """Whether it broke."""
        return self._left is None

    def run(
        self, argv: Sequence[str], *, input: bytes | Iterable[bytes] = b"", timeout_s: float | None = None
    ) -> Completed:
        """See `Transport.run`."""
        data = input if isinstance(input, bytes) else b"".join(input)
        if self._left is None or len(data) <= self._left:
            self._left = None if self._left is None else self._left - len(data)
            return super().run(argv, input=data, timeout_s=timeout_s)
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as receiver:
            assert receiver.stdin
            receiver.stdin.write(data[: self._left])
            receiver.stdin.flush()
            self._left = None
            self._end(receiver)
        raise UnknownOutcome("the connection broke")


def _closes(receiver: subprocess.Popen[bytes]) -> None:
    assert receiver.stdin
    receiver.stdin.close()


@pytest.fixture(autouse=True)
def _quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path / "state"))
    quick = RetryPolicy(tries=4, first_s=0.001, longest_s=0.001)
    monkeypatch.setattr("runctl_core.sync.delivery._PATIENCE", quick)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for number in range(FILES):
        put(root, f"d{number % 4}/f{number}", os.urandom(number * 700))
    (root / "link").symlink_to("d1/f1")
    return root


def _change(root: Path, chance: random.Random) -> None:
    for number in chance.sample(range(FILES), 8):
        put(root, f"d{number % 4}/f{number}", chance.randbytes(chance.randrange(20_000)))


def _only_whole_trees(there: Path, whole: Whole) -> None:
    for tree in (there / "trees").glob("*"):
        if tree.is_dir():
            assert contents(tree) in whole, f"{tree} is none of what was sent"


@pytest.mark.parametrize("end", [_closes, subprocess.Popen.kill], ids=["connection", "receiver"])
def test_after_fifty_cuts_every_tree_is_exact(project: Path, tmp_path: Path, end) -> None:  # type: ignore[no-untyped-def]
    there, chance, cuts = tmp_path / "there", random.Random(4), 0
    whole: Whole = []
    while cuts < 50:
        _change(project, chance)
        whole.append(contents(project))
        machine = Cut(chance.randrange(120_000), end)
        sent = deliver(machine, project, there)
        cuts += machine.has_cut
        assert contents(sent.tree) == whole[-1], f"cut {cuts} damaged the tree"
        if len(whole) % 10 == 0:
            _only_whole_trees(there, whole)
    _only_whole_trees(there, whole)
    assert not list(there.glob("building-*")), "what was cut fills the disk"


def _draws(chance: random.Random) -> Iterator[cutting.Cut]:
    """Cuts in connecting, in the program, in the list of files, in their contents, and in the answer."""
    while True:
        towards = chance.random() < 0.7
        yield cutting.Cut(chance.randrange(150_000 if towards else 6000), towards)


def test_after_200_cut_connections_every_tree_is_exact(project: Path, tmp_path: Path) -> None:
    chance, failed, came = random.Random(chosen := seed()), 0, 0
    whole: Whole = []
    with sshd(tmp_path) as server, cutting.cutting(server.port, _draws(chance)) as proxy:
        there = server.home / "there"
        transport = SSHTransport("127.0.0.1", port=proxy.port, **server.trusted)
        while proxy.cuts < CUTS:
            _change(project, chance)
            whole.append(contents(project))
            try:
                sent = send(transport, select(str(project)), str(there), python=sys.executable)
            except ProviderUnavailable as error:
                assert error.fix, "nobody is told what to do now"
                failed += 1
            else:
                assert contents(sent.tree) == whole[-1], f"a cut damaged it: RUNCTL_TEST_SEED={chosen}"
                came += 1
            if len(whole) % 20 == 0:
                _only_whole_trees(there, whole)
        transport.close()
        _only_whole_trees(there, whole)
        straight = SSHTransport(server.host, port=server.port, **server.trusted)

        def is_swept() -> bool:
            """The last receiver may not know yet that it was cut."""
            _change(project, chance)
            send(straight, select(str(project)), str(there), python=sys.executable)
            return not list(there.glob("building-*"))

        wait_for(is_swept, why="what was cut fills the disk")
        straight.close()
    assert came > 20, f"hardly anything came: {came} of {len(whole)}"


def test_after_a_sender_was_killed_the_next_one_makes_an_exact_tree(project: Path, tmp_path: Path) -> None:
    there, chance, killed = tmp_path / "there", random.Random(5), 0
    whole: Whole = []
    for _ in range(30):
        _change(project, chance)
        whole.append(contents(project))
        killed += _dies_sending(project, there, chance.randrange(120_000))
        _only_whole_trees(there, whole)
        assert contents(deliver(Machine(), project, there).tree) == whole[-1]
    assert killed >= 20


def _dies_sending(project: Path, there: Path, after: int) -> bool:
    """Whether a process that sends was killed before the end."""
    pid = os.fork()
    if pid == 0:
        machine = Cut(after, lambda _: os.kill(os.getpid(), signal.SIGKILL))
        send(machine, select(str(project)), str(there), python=sys.executable)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])
