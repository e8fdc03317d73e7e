"""Ignore files (`.gitignore`, `.runctlignore`) as git reads them: nested, the last match wins, a folder
that is ignored hides all below it.

Names are compared as bytes, as git does, so that `?` is one byte and a name may be no text at all.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from attrs import frozen


@frozen
class Rule:
    """One line of an ignore file.

    Attributes:
        origin: The file, the line's number and the pattern: `data/.gitignore:3:*.csv`.
        keeps: Whether it is a negation: what it matches is not ignored.
        folders_only: Whether it is about folders alone.
        matches_name: Whether it is held against the last part of a path, and not against all of it.
        regex: What the name or path must match.
    """

    origin: str
    keeps: bool
    folders_only: bool
    matches_name: bool
    regex: re.Pattern[bytes]


class Rules:
    """The ignore files of one name below a folder. Each is read when something beside it is asked about.

    Args:
        root: The folder.
        filename: The files' name.
    """

    def __init__(self, root: str, filename: str) -> None:
        self._root = root
        self._filename = filename
        self._files: dict[str, list[Rule]] = {}
        self._folders: dict[str, Rule | None] = {"": None}

    def ignored(self, path: str, *, is_folder: bool = False) -> Rule | None:
        """The rule by which a path below the root is ignored; None when it is not."""
        parent = path.rpartition("/")[0]
        return self._folder(parent) or self._own(path, is_folder)

    def _folder(self, folder: str) -> Rule | None:
        if folder not in self._folders:
            self._folders[folder] = self.ignored(folder, is_folder=True)
        return self._folders[folder]

    def _own(self, path: str, is_folder: bool) -> Rule | None:
        """What the files beside a path and above it say of it, the nearest first."""
        folder, _, name = path.rpartition("/")
        while True:
            for rule in self._file(folder):
                if rule.folders_only and not is_folder:
                    continue
                below = path[len(folder) + 1 :] if folder else path
                if rule.regex.fullmatch(os.fsencode(name if rule.matches_name else below)):
                    return None if rule.keeps else rule
            if not folder:
                return None
            folder = folder.rpartition("/")[0]

    def _file(self, folder: str) -> list[Rule]:
        """The rules of a folder's own file, the last line first, because it wins."""
        if folder not in self._files:
            name = f"{folder}/{self._filename}" if folder else self._filename
            self._files[folder] = list(_read(os.path.join(self._root, name), name))[::-1]
        return self._files[folder]


def _read(path: str, name: str) -> Iterator[Rule]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb") as file:
            data = file.read()
    except OSError:  # there is none; git, too, follows no link to one
        return
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        line = line.removesuffix(b"\r")
        rule = parse(line, f"{name}:{number}:{os.fsdecode(line)}")
        if rule:
            yield rule


def parse(line: bytes, origin: str) -> Rule | None:
    """What a line of an ignore file says; None for a comment, an empty line, and what matches nothing."""
    pattern = _without_trailing_spaces(line)
    if pattern.startswith(b"#"):
        return None
    keeps = pattern.startswith(b"!")
    pattern = pattern[keeps:]
    folders_only = pattern.endswith(b"/")
    pattern = pattern[: len(pattern) - folders_only]
    matches_name = b"/" not in pattern
    regex = _regex(pattern if matches_name else pattern.removeprefix(b"/"), whole_path=not matches_name)
    if not pattern or regex is None:
        return None
    return Rule(origin, keeps, folders_only, matches_name, re.compile(regex, re.DOTALL))


def _without_trailing_spaces(line: bytes) -> bytes:
    kept = line.rstrip(b" ")
    escaped = (len(kept) - len(kept.rstrip(b"\\"))) % 2
    return line[: len(kept) + 1] if escaped and len(line) > len(kept) else kept


_TOKEN = re.compile(rb"\\(.)|(\*+)|(\?)|(\[)|(.)", re.DOTALL)


def _regex(pattern: bytes, *, whole_path: bool) -> bytes | None:
    """A pattern as a regular expression; None when no name can match it."""
    out, at = [], 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None or (token[5] == b"\\"):
            return None  # a backslash at the end escapes nothing
        if token[2]:
            text, at = _stars(pattern, at, token.end(), whole_path)
        elif token[3]:
            text, at = b"[^/]", token.end()
        elif token[4]:
            found = _bracket(pattern, at)
            if found is None:
                return None
            text, at = found
        else:
            text, at = re.escape(token[1] or token[5]), token.end()
        out.append(text)
    return b"".join(out)


def _stars(pattern: bytes, begin: int, end: int, whole_path: bool) -> tuple[bytes, int]:
    """`*` stays in one part of a path; `**` alone between slashes is any number of parts."""
    alone = (begin == 0 or pattern[begin - 1 : begin] == b"/") and pattern[end : end + 1] in (b"", b"/")
    if not whole_path or end - begin == 1 or not alone:
        return b"[^/]*", end
    if end == len(pattern):
        return b".*", end
    return b"(?:.*/)?", end + 1


_CLASSES = {
    b"alnum": b"a-zA-Z0-9",
    b"alpha": b"a-zA-Z",
    b"blank": b" \\t",
    b"cntrl": b"\\x00-\\x1f\\x7f",
    b"digit": b"0-9",
    b"graph": b"!-~",
    b"lower": b"a-z",
    b"print": b" -~",
    b"punct": b"!-/:-@\\[-`{-~",
    b"space": b" \\t\\n\\v\\f\\r",
    b"upper": b"A-Z",
    b"xdigit": b"0-9a-fA-F",
}


def _bracket(pattern: bytes, at: int) -> tuple[bytes, int] | None:
    """`[a-z]`, `[!a-z]`, `[[:digit:]]` from `at` on, and where it ends; None when it is malformed."""
    at += 1
    negated = pattern[at : at + 1] in (b"!", b"^")
    begin = at = at + negated
    members: list[bytes] = []
    while at == begin or pattern[at : at + 1] != b"]":
        if pattern.startswith(b"[:", at):
            end = pattern.find(b"]", at + 2)
            if end > at + 2 and pattern[end - 1 : end] == b":":
                named = _CLASSES.get(pattern[at + 2 : end - 1])
                if named is None:
                    return None
                members.append(named)
                at = end + 1
                continue
            if end < 0:
                return None
        low, at = _member(pattern, at)
        high = low
        if pattern[at : at + 1] == b"-" and pattern[at + 1 : at + 2] not in (b"]", b""):
            high, at = _member(pattern, at + 1)
        if low is None or high is None:
            return None
        if low <= high:
            members.append(b"\\x%02x-\\x%02x" % (low, high))
    inside = b"".join(members)
    if negated:
        return b"[^/%s]" % inside, at + 1
    return (b"(?!/)[%s]" % inside if inside else b"(?!)"), at + 1


def _member(pattern: bytes, at: int) -> tuple[int | None, int]:
    if pattern[at : at + 1] == b"\\":
        at += 1
    return (pattern[at], at + 1) if at < len(pattern) else (None, at)
