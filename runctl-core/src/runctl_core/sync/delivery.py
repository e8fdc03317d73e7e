"""Bringing a selection to a machine: what is there already is not sent, and what is not whole is not used.

Calls of one program, which is sent along: the first says what is to be there, brings what is new, and is
told what else is missing, or that all is there. Each call can be cut or killed at any moment: the next one
begins again, and uses what came whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial

from attrs import frozen

from runctl_core.errors import ProviderUnavailable, Refused, SetupError, StateError, UnknownOutcome
from runctl_core.retry import RetryPolicy, retry
from runctl_core.sync.hashes import Changed, Hashes
from runctl_core.sync.offer import Offer, Progress
from runctl_core.sync.program import TOO_OLD, program_to_run
from runctl_core.sync.receiver.program import MARK
from runctl_core.sync.select import select
from runctl_core.sync.selection import Selection
from runctl_core.transport import Transport


def _in_silence(done: int, total: int) -> None:
    """Tell nobody."""


_PATIENCE = RetryPolicy(tries=4, total_s=120.0)
_TIMES = 4
"""How often a project that changes while it is sent is looked at anew."""


@frozen
class Sent:
    """What became of a selection.

    Attributes:
        tree: The absolute path of the whole tree on the machine.
        files_sent: How many files were sent.
        bytes_sent: How many bytes of content they have.
        files_unchanged: How many were there already.
        files_removed: How many the tree before this one had, and this one has not.
    """

    tree: str
    files_sent: int
    bytes_sent: int
    files_unchanged: int
    files_removed: int


def send(
    transport: Transport,
    selection: Selection,
    target: str,
    *,
    python: str = "python3",
    progress: Progress = _in_silence,
) -> Sent:
    """Bring what was selected to a machine, as a new tree below `target` there.

    The tree is given out only when it is whole. An earlier one stays as it is: a job may run in it.
    Files that changed since they were selected are sent as they are now.

    Args:
        transport: The way to the machine.
        selection: What goes.
        target: A folder there, absolute or below `~/`; made when it is missing, for its user's eyes only.
        python: The interpreter there, 3.8 or later.
        progress: Told how far it is, in bytes.

    Raises:
        SetupError: No Python there, no room, or the folder cannot be written.
        StateError: A file here cannot be read, or never is still.
        Refused: The machine took none of it: a name would lie outside of the tree.
        ProviderUnavailable: The connection broke again and again. Nothing half sent is used.
    """
    conversation = _Conversation(transport, target, python, progress)
    for time in range(_TIMES):
        # What was kept of files is trusted once: where a content was another one, all are read anew.
        attempt = partial(conversation.bring, selection, Hashes(selection.root, trusted=time == 0))
        with suppress(Changed):
            if sent := retry(attempt, _PATIENCE):
                return sent
        selection = select(selection.root, include=selection.include)
    raise StateError(
        f"{selection.root} changes while it is sent",
        why=f"{_TIMES} times in a row",
        fix="wait until it is written, or name what changes in .runctlignore",
    )


class _Conversation:
    """Calls of the receiver on one machine."""

    def __init__(self, transport: Transport, target: str, python: str, progress: Progress) -> None:
        self._transport = transport
        self._target = target
        self._python = python
        self._progress = progress
        self._boot, self._program = program_to_run()

    def bring(self, selection: Selection, hashes: Hashes) -> Sent | None:
        """One attempt; None when files changed meanwhile."""
        offer = Offer(selection, hashes, self._progress)
        kind, *words = self._call(offer.first())
        if kind == b"alike":
            kind, *words = self._call(offer.alike(_numbers(words[0])))
        if kind == b"missing":
            kind, *words = self._call(offer.missing(_numbers(words[0])))
        if kind != b"tree":
            return None
        tree, removed, came = words
        files, size_bytes, unchanged = offer.sent(bool(came))
        return Sent(os.fsdecode(tree), files, size_bytes, unchanged, int(removed))

    def _call(self, given: Iterator[bytes]) -> list[bytes]:
        """What the receiver answers."""
        argv = [self._python, "-I", "-S", "-X", "utf8", "-c", self._boot, self._target]
        try:
            done = self._transport.run(argv, input=_chain([self._program], given))
        except UnknownOutcome as error:
            raise ProviderUnavailable(
                "the connection broke while files were sent",
                why=error.summary,
                fix="the same command goes on with what came whole",
            ) from error
        _require_python(self._python, done.status, done.stderr)
        _, mark, answer = done.stdout.rpartition(MARK)
        words = answer.split(b"\0")
        if not mark or words[0] == b"cut":
            raise ProviderUnavailable(
                "the machine did not take the files to the end",
                why=done.stderr.decode(errors="replace").strip()[-500:] or f"exit status {done.status}",
                fix="the same command goes on with what came whole",
            )
        _require_taken(words, self._target)
        return words


def _numbers(words: bytes) -> list[int]:
    return [int(word) for word in words.split()]


def _chain(first: Sequence[bytes], then: Iterator[bytes]) -> Iterator[bytes]:
    yield from first
    yield from then


def _require_python(python: str, status: int, stderr: bytes) -> None:
    if status in (126, 127):
        raise SetupError(
            f"there is no {python} on the machine",
            why=stderr.decode(errors="replace").strip()[-500:],
            fix="install Python 3.8 or later there",
        )
    if status == TOO_OLD:
        raise SetupError(f"{python} on the machine is too old", fix="install Python 3.8 or later there")


def _require_taken(words: Sequence[bytes], target: str) -> None:
    """Raise what the receiver says is in the way."""
    kind, *more = (os.fsdecode(word) for word in words)
    if kind == "full":
        raise SetupError(
            f"there is no room for the files in {target} on the machine",
            why=more[1],
            fix="make room there (df -h), or name what the script does not need in .runctlignore",
        )
    if kind == "refused":
        raise SetupError(
            f"{more[0]} cannot be written on the machine", why=more[1], fix=f"make {target} writable there"
        )
    if kind == "unsafe":
        raise Refused("the machine refused the files", why=more[0], fix="rename it here")
