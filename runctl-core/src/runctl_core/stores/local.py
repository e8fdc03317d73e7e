"""A folder as a store, `file:///data/models`: a disk that every machine mounts, or a test's."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from runctl_core.clock import from_micros
from runctl_core.errors import NotFound, StateError, UsageError
from runctl_core.paths import write_whole
from runctl_core.stores import Store, StoredFile


class LocalStore(Store):
    """Files below `root`, regular ones only; a link to a folder is not followed.

    Args:
        place: What stands before the path in the URL: nothing, because no other computer is asked.
        root: The folder; the whole disk by default.
    """

    def __init__(self, place: str = "", *, root: str = "/") -> None:
        super().__init__(place)
        if place not in ("", "localhost"):
            raise UsageError(
                f"file://{place}/… names another computer",
                fix=f"three slashes for a path of this one: file:///{place}/…",
            )
        self._root = root

    def list(self, prefix: str) -> Iterable[StoredFile]:
        """See `Store.list`."""
        folder, _, beginning = prefix.rpartition("/")
        for path in _files(self._path(folder), beginning):
            try:
                found = os.stat(path)
            except FileNotFoundError:
                continue  # deleted meanwhile
            modified_at = from_micros(found.st_mtime_ns // 1000)
            yield StoredFile(os.path.relpath(path, self._root), found.st_size, modified_at)

    def read(self, name: str, offset: int, limit: int) -> bytes:
        """See `Store.read`."""
        try:
            with open(self._path(name), "rb") as file:
                return os.pread(file.fileno(), limit, offset)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise NotFound(f"no file {self._path(name)}", why=error.strerror or "") from error
        except OSError as error:
            raise self._refused("read", name, error) from error

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """See `Store.write`."""
        path = self._path(name)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write_whole(path, pieces)
        except OSError as error:
            raise self._refused("write", name, error) from error

    def delete(self, name: str) -> None:
        """See `Store.delete`."""
        try:
            os.unlink(self._path(name))
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._refused("delete", name, error) from error

    def _path(self, name: str) -> str:
        return os.path.join(self._root, name)

    def _refused(self, verb: str, name: str, error: OSError) -> StateError:
        return StateError(
            f"cannot {verb} {self._path(name)}",
            why=error.strerror or str(error),
            fix="make room on that disk, and make the folder yours",
        )


def _files(folder: str, beginning: str = "") -> Iterator[str]:
    """Regular files below a folder, in those of its entries whose names begin so.

    What is still being written has a name of its own, and is none of them yet.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if not entry.name.startswith(beginning) or entry.name.endswith(".part"):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
        elif entry.is_file():
            yield entry.path
