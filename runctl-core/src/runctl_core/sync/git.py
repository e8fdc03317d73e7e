"""What git says of a folder: its files, its commit, its changes, and why it ignores a path. Reads only."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator, Sequence

from runctl_core.errors import SetupError

_MISLEADING = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")
"""What a hook of git sets: it would lead git to another repository."""


def is_repository(folder: str) -> bool:
    """Whether a folder lies in the work tree of a repository, and there is a git to ask."""
    import shutil

    above = os.path.realpath(folder)
    while not os.path.lexists(os.path.join(above, ".git")):
        if above == os.path.dirname(above):
            return False
        above = os.path.dirname(above)
    return shutil.which("git") is not None


def files(folder: str) -> dict[str, os.stat_result | None]:
    """What git tracks or would track below a folder, submodules and other repositories in it included, and
    how each looks: None for a file that is tracked and deleted. Raises SetupError when git refuses.
    """
    listed = _lines(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    found: dict[str, os.stat_result | None] = {}
    for name in listed:
        path = name.rstrip("/")
        try:
            looks = os.lstat(f"{folder}/{path}")
        except (FileNotFoundError, NotADirectoryError):
            looks = None
        if not looks or not stat.S_ISDIR(looks.st_mode):
            found[path] = looks
        elif os.path.lexists(f"{folder}/{path}/.git"):
            found |= {f"{path}/{below}": looks for below, looks in files(f"{folder}/{path}").items()}
    return found


def ignored(folder: str) -> Iterator[tuple[str, str]]:
    """Each path that git ignores, and the rule: `FILE:LINE:PATTERN`. A folder stands for all below it."""
    paths = _lines(folder, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    given = b"".join(os.fsencode(path) + b"\0" for path in paths)
    found = _run(folder, "check-ignore", "-v", "-z", "--no-index", "--stdin", input=given, empty=1)
    words = [os.fsdecode(word) for word in found.split(b"\0")]
    rules = {path: f"{file}:{line}:{rule}" for file, line, rule, path in _quads(words)}
    for path in paths:
        yield path, rules.get(path, "")
    for path in _repositories(folder):
        for below, rule in ignored(os.path.join(folder, path)):
            yield f"{path}/{below}", f"{path}/{rule}" if rule and not os.path.isabs(rule) else rule


def special_files(folder: str, ignored: set[str]) -> Iterator[str]:
    """Sockets, pipes and devices, which git never names, outside of ignored folders (`NAME/`)."""
    waiting = [""]
    while waiting:
        above = waiting.pop()
        with os.scandir(os.path.join(folder, above)) as entries:
            for entry in entries:
                path = above + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != ".git" and f"{path}/" not in ignored:
                        waiting.append(f"{path}/")
                elif not entry.is_symlink() and not entry.is_file():
                    yield path


def commit(folder: str) -> str | None:
    """The commit that is checked out; None before the first one."""
    found = _run(folder, "rev-parse", "--verify", "-q", "HEAD", empty=1)
    return found.decode().strip() or None


def is_dirty(folder: str) -> bool:
    """Whether anything below a folder, untracked files included, differs from the commit."""
    return bool(_run(folder, "status", "--porcelain", "-z", "--", "."))


def diff(folder: str) -> bytes:
    """What changed in tracked files below a folder since the commit, as a patch that `git apply` takes."""
    if commit(folder) is None:
        return b""
    plain = ("--no-ext-diff", "--no-textconv", "--no-color", "--binary", "--relative", "HEAD")
    return _run(folder, "diff", *plain, "--", ".")


def _repositories(folder: str) -> Iterator[str]:
    """Submodules, and other repositories, that lie directly in this one."""
    for name in _lines(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard"):
        full = os.path.join(folder, name.rstrip("/"))
        if os.path.isdir(full) and not os.path.islink(full) and os.path.lexists(os.path.join(full, ".git")):
            yield name.rstrip("/")


def _quads(words: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
    fields = iter(words)
    return zip(fields, fields, fields, fields, strict=False)


def _lines(folder: str, *words: str) -> list[str]:
    return [os.fsdecode(name) for name in _run(folder, *words).split(b"\0") if name]


def _run(folder: str, *words: str, input: bytes = b"", empty: int = 0) -> bytes:
    """What git prints. It may end with status `empty` to say that there is nothing."""
    env = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    env |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    argv = ["git", "-C", folder, *words]
    done = subprocess.run(argv, input=input, env=env, capture_output=True, check=False)
    if done.returncode in (0, empty):
        return done.stdout
    said = done.stderr.decode(errors="replace").strip()
    *_, last = said.splitlines() or [f"exit status {done.returncode}"]
    raise SetupError(
        f"git cannot list the files of {folder}",
        why=said.splitlines()[0] if said else last,
        fix=last.strip() if "safe.directory" in last else f"git -C {folder} status",
    )
