"""Which files of a project go to a machine: what git has and does not ignore; elsewhere, what no
`.gitignore` names; less what `.runctlignore` names; and what was asked for by name, whatever ignores it.

Never sent: `.git`; virtual environments, which work nowhere else; links that lead out of the project;
sockets, pipes and devices. Each is named with its reason.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence

from runctl_core.errors import NotFound, Refused, StateError, UsageError
from runctl_core.sync import git
from runctl_core.sync.rules import Rules
from runctl_core.sync.selection import Entry, LeftOut, Selection

MOST_FILES = 200_000
"""More than this is a folder of data, or a mistake."""

OWN_RULES = ".runctlignore"


def select(root: str, *, include: Sequence[str] = ()) -> Selection:
    """Choose what of `root` goes to a machine. Reads names and sizes, and sends nothing.

    Args:
        root: The project's folder.
        include: Files and folders that go although they are ignored: absolute, or from `root`. A folder
            brings all below it, and a link that leads out of the project what it leads to.

    Raises:
        NotFound: There is no such folder, or nothing at an included path.
        UsageError: `root` is a file, or an included path lies outside of it.
        Refused: It is `/`, a home, or above one; or it has far too many files.
        SetupError: git cannot read its repository.
        StateError: A folder cannot be read.
    """
    root = os.path.abspath(root)
    _require_project(root)
    return _Choice(root, tuple(include)).made()


class _Choice:
    """One selection in the making."""

    def __init__(self, root: str, include: tuple[str, ...]) -> None:
        self._root = root
        self._real = os.path.join(os.path.realpath(root), "")
        self._include = include
        self._left_out: dict[str, LeftOut] = {}

    def made(self) -> Selection:
        in_git = git.is_repository(self._root)
        looks = git.files(self._root) if in_git else {}
        paths = list(looks)
        if not paths:  # no repository, or one that ignores this very folder
            in_git, paths = False, list(self._walk("", Rules(self._root, ".gitignore")))
        found: dict[str, Entry] = {}
        for path in self._not_ignored(paths):
            if entry := self._entry(path, looks.get(path)):
                found[path] = entry
        for name in self._include:
            for path in self._included(name):
                if entry := self._entry(path, follow=path == self._below(name)):
                    found[path] = entry
                    self._left_out.pop(path, None)
        if in_git and os.path.lexists(self._at(".git")):
            self._leave(".git", _GITS_OWN)
        _require_sensible(self._root, len(found))
        return Selection(
            self._root,
            tuple(found[path] for path in sorted(found)),
            self._include,
            tuple(self._left_out.values()),
            in_git,
        )

    def _not_ignored(self, paths: Sequence[str]) -> Iterator[str]:
        """The paths without environments, and without what `.runctlignore` names."""
        environments = {path[: -len("pyvenv.cfg")] for path in paths if _name(path) == "pyvenv.cfg"} - {""}
        for folder in environments:
            self._leave_environment(folder)
        within = tuple(environments)
        rules = None
        if any(_name(path) == OWN_RULES for path in paths) or os.path.exists(self._at(OWN_RULES)):
            rules = Rules(self._root, OWN_RULES)
        for path in paths:
            if within and path.startswith(within):
                continue
            if rules and (left := _topmost(path, rules)):
                self._left_out[left.path] = left
            else:
                yield path

    def _walk(self, folder: str, rules: Rules | None) -> Iterator[str]:
        """Every path below a folder that is no folder; without rules, nothing is ignored."""
        count = 0
        waiting = [folder]
        while waiting:
            folder = waiting.pop()
            names = _scan(self._at(folder))
            if rules and folder and any(name == "pyvenv.cfg" for name, _ in names):
                self._leave_environment(f"{folder}/")
                continue
            for name, is_folder in names:
                path = f"{folder}/{name}" if folder else name
                rule = rules.ignored(path, is_folder=is_folder) if rules else None
                if name == ".git":
                    self._leave(path, _GITS_OWN)
                elif rule:
                    self._leave(f"{path}/" if is_folder else path, "ignored", rule.origin)
                elif is_folder:
                    waiting.append(path)
                else:
                    count += 1
                    _require_sensible(self._root, count)
                    yield path

    def _included(self, name: str) -> Iterator[str]:
        """What an included path brings."""
        path = self._below(name)
        full = self._at(path)
        if not os.path.exists(full):
            raise NotFound(f"nothing at {name} to include", fix="check the path")
        if os.path.isdir(full):
            self._left_out.pop(f"{path}/", None)
            self._left_out.pop(path, None)
            yield from self._walk(path, None)
        else:
            yield path

    def _below(self, name: str) -> str:
        """An included path from the root; where a link inside the project leads, when it is below one."""
        full = os.path.normpath(os.path.join(self._root, os.path.expanduser(name)))
        path = os.path.relpath(full, self._root)
        above = os.path.join(os.path.realpath(os.path.dirname(full)), "")
        if above.startswith(self._real):
            path = os.path.join(above, os.path.basename(full))[len(self._real) :]
        if path.split("/")[0] == "..":
            raise UsageError(
                f"{name} lies outside of {self._root}", fix="move it there, or link to it from there"
            )
        return "" if path == "." else path

    def _entry(self, path: str, seen: os.stat_result | None = None, *, follow: bool = False) -> Entry | None:
        """The path as it is now, or was seen a moment ago; None for what does not go, or is gone."""
        full = self._at(path)
        try:
            found = seen or (os.stat(full) if follow and self._leads_out(path) else os.lstat(full))
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISREG(found.st_mode):
            return Entry(path, found.st_size, stat.S_IMODE(found.st_mode) & 0o777, seen=found)
        if stat.S_ISLNK(found.st_mode):
            return self._link(path, full)
        if not stat.S_ISDIR(found.st_mode):
            self._leave(path, f"it is {_KINDS.get(stat.S_IFMT(found.st_mode), 'a device')}")
        return None

    def _link(self, path: str, full: str) -> Entry | None:
        link = os.readlink(full)
        if self._leads_out(path):
            self._leave(path, f"it is a link that leads out of the project, to {link}")
            return None
        if os.path.isabs(link):
            # The same place, in a way that is valid there too.
            link = os.path.relpath(os.path.realpath(full), os.path.realpath(os.path.dirname(full)))
        return Entry(path, 0, 0o777, link)

    def _leads_out(self, path: str) -> bool:
        """Whether a link leads out, by where it ends or by its text."""
        full = self._at(path)
        if not os.path.islink(full):
            return False
        link = os.readlink(full)
        end = os.path.join(os.path.realpath(full), "")
        text = os.path.normpath(os.path.join(os.path.dirname(path), link))
        return not end.startswith(self._real) or (not os.path.isabs(link) and text.split("/")[0] == "..")

    def _leave(self, path: str, reason: str, rule: str | None = None) -> None:
        self._left_out[path] = LeftOut(path, reason, rule)

    def _leave_environment(self, folder: str) -> None:
        self._leave(folder, "a virtual environment, which works on this computer alone")

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root


_GITS_OWN = "git's own; the commit is recorded instead"
_KINDS = {stat.S_IFSOCK: "a socket", stat.S_IFIFO: "a pipe"}


def _topmost(path: str, rules: Rules) -> LeftOut | None:
    """The path, or the highest folder of it that is ignored; None when it is not."""
    if not (rule := rules.ignored(path)):
        return None
    for at in (at for at, letter in enumerate(path) if letter == "/"):
        if above := rules.ignored(path[:at], is_folder=True):
            return LeftOut(f"{path[:at]}/", "ignored", above.origin)
    return LeftOut(path, "ignored", rule.origin)


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _scan(folder: str) -> list[tuple[str, bool]]:
    try:
        with os.scandir(folder) as entries:
            return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StateError(
            f"cannot read the folder {folder}",
            why=error.strerror or "",
            fix=f"make it yours, or name it in {OWN_RULES}",
        ) from error


def _require_project(root: str) -> None:
    if not os.path.isdir(root):
        if os.path.lexists(root):
            raise UsageError(f"{root} is no folder", fix="name the folder of the project")
        raise NotFound(f"no folder {root}", fix="check the path")
    home = os.path.join(os.path.realpath(os.path.expanduser("~")), "")
    if home.startswith(os.path.join(os.path.realpath(root), "")):
        raise Refused(
            f"{root} is too much to send",
            why="your home is in it, with keys and everything else that is yours",
            fix="put the script in a folder of its own",
        )


def _require_sensible(root: str, count: int) -> None:
    if count > MOST_FILES:
        raise Refused(
            f"{root} has more than {MOST_FILES:,} files",
            why="they would be sent to the machine, one by one",
            fix=f"name what the script does not need in {OWN_RULES}",
        )
