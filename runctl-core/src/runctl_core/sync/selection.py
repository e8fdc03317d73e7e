"""What of a project goes to a machine, and what does not: values."""

from __future__ import annotations

import os
from functools import cached_property

from attrs import field, frozen

from runctl_core.sync import git

LARGE_BYTES = 1_000_000_000
"""More than this is worth a warning: it is sent to each new machine."""


@frozen
class Entry:
    """A file or a link that goes.

    Attributes:
        path: Below the root, parts divided by `/`. Bytes that are no UTF-8 are half characters, as
            `os.fsdecode` makes them.
        size_bytes: Its size when it was selected; of a link 0.
        mode: Its permissions.
        link: Where it leads, when it is a link; relative, and inside the root.
        seen: How the file looked then.
    """

    path: str
    size_bytes: int
    mode: int
    link: str | None = None
    seen: os.stat_result | None = field(default=None, eq=False, repr=False)


@frozen
class LeftOut:
    """A path that does not go. A folder, whose path ends with `/`, stands for all below it.

    Attributes:
        path: Below the root.
        reason: Why, in words.
        rule: The rule that says so, `FILE:LINE:PATTERN`; None when it is no rule of a file.
    """

    path: str
    reason: str
    rule: str | None = None


@frozen
class Selection:
    """Which files of a folder go to a machine.

    Attributes:
        root: The folder, absolute.
        files: What goes, by path.
        include: What was asked for although it is ignored.
        set_aside: What does not go, without what git ignores; see `left_out`.
        in_git: Whether git chose the files.
    """

    root: str
    files: tuple[Entry, ...]
    include: tuple[str, ...] = ()
    set_aside: tuple[LeftOut, ...] = field(default=(), repr=False)
    in_git: bool = False

    @property
    def size_bytes(self) -> int:
        """How many bytes go."""
        return sum(entry.size_bytes for entry in self.files)

    @cached_property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Everything that does not go, by path. Asks git, which takes a while: for people who look."""
        ignored = git.ignored(self.root) if self.in_git else ()
        gone = {entry.path for entry in self.files}
        folders = {path[:at] + "/" for path in gone for at, letter in enumerate(path) if letter == "/"}
        by_git = [
            LeftOut(path, "ignored, but for what is included" if path in folders else "ignored", rule or None)
            for path, rule in ignored
            if path not in gone
        ]
        special = git.special_files(self.root, {found.path for found in by_git}) if self.in_git else ()
        named = [LeftOut(path, "it is a socket, a pipe or a device") for path in special]
        return tuple(sorted((*self.set_aside, *by_git, *named), key=lambda found: found.path))

    @cached_property
    def commit(self) -> str | None:
        """The commit that is checked out; None without git, and before the first one."""
        return git.commit(self.root) if self.in_git else None

    @cached_property
    def dirty(self) -> bool:
        """Whether what goes differs from the commit; False without git."""
        return self.in_git and git.is_dirty(self.root)

    def diff(self) -> bytes:
        """What changed in tracked files since the commit, as a patch; empty without git."""
        return git.diff(self.root) if self.in_git else b""
