"""Where a transfer reads from: a path of this computer, or a place in a store."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

from runctl_core.clock import to_micros
from runctl_core.errors import NotFound, Refused, StateError
from runctl_core.stores import StoredFile
from runctl_core.stores.opening import Place
from runctl_core.transfer.items import Item, is_ours, stays_inside

PIECE_BYTES = 1 << 20
"""How much is read and written at a time."""


class Source(ABC):
    """Gives what there is, and each file's bytes. Methods are called from many threads."""

    is_file: bool = False
    """Whether it is one file; its only item has then the file's own name."""

    @abstractmethod
    def items(self) -> tuple[list[Item], list[str]]:
        """Everything there; and what cannot be carried, each in words."""

    @abstractmethod
    def pieces(self, item: Item, offset: int) -> Iterator[bytes]:
        """The bytes of a file from `offset` on. Raises NotFound, StateError, and the store's errors."""

    @abstractmethod
    def now(self, item: Item) -> Item | None:
        """The same file as it is at this moment; None when it is gone."""


class Files(Source):
    """Files of this computer, each under a name of its own.

    Args:
        paths: Where each name is.
    """

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._paths = paths

    def items(self) -> tuple[list[Item], list[str]]:
        """See `Source.items`. A link gives what it leads to."""
        found, left_out = [], []
        for name in self._paths:
            try:
                found.append(self._item(name))
            except FileNotFoundError:
                left_out.append(f"{name}: deleted meanwhile")
        return found, left_out

    def pieces(self, item: Item, offset: int) -> Iterator[bytes]:
        """See `Source.pieces`."""
        path = self._at(item.name)
        try:
            with open(path, "rb", buffering=0) as file:
                file.seek(offset)
                while data := file.read(PIECE_BYTES):
                    yield data
        except FileNotFoundError as error:
            raise NotFound(f"{path} is gone", why="it was deleted meanwhile") from error
        except OSError as error:
            raise StateError(f"cannot read {path}", why=error.strerror or "", fix="make it yours") from error

    def now(self, item: Item) -> Item | None:
        """See `Source.now`."""
        try:
            return self._item(item.name)
        except FileNotFoundError:
            return None

    def _at(self, name: str) -> str:
        return self._paths[name]

    def _item(self, name: str) -> Item:
        found = os.stat(self._at(name))
        identity = f"{found.st_size} {found.st_mtime_ns}"
        return Item(name, found.st_size, identity, found.st_mtime_ns, found.st_mode & 0o777)


class LocalSource(Files):
    """A file or a folder of this computer.

    Args:
        path: Where it is. Raises NotFound for nothing.

    Attributes:
        path: The same, absolute.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        if not os.path.exists(self.path):
            raise NotFound(f"nothing at {path}", fix="check the path")
        self.is_file = not os.path.isdir(self.path)
        self._root = os.path.dirname(self.path) if self.is_file else self.path
        super().__init__({os.path.basename(self.path): self.path} if self.is_file else {})

    def items(self) -> tuple[list[Item], list[str]]:
        """See `Source.items`. Raises Refused for a link that leads out of the folder."""
        if self.is_file:
            if not os.path.isfile(self.path):
                raise Refused(f"{self.path} is no regular file", fix="name a file or a folder")
            return super().items()
        items: list[Item] = []
        left_out: list[str] = []
        for path in _entries(self.path):
            name = os.path.relpath(path, self._root)
            try:
                if os.path.islink(path):
                    items.append(self._link(name))
                elif os.path.isfile(path):
                    items.append(self._item(name))
                else:
                    left_out.append(f"{name}: no regular file")
            except FileNotFoundError:
                left_out.append(f"{name}: deleted meanwhile")
        return items, left_out

    def _at(self, name: str) -> str:
        return os.path.join(self._root, name)

    def _link(self, name: str) -> Item:
        path = self._at(name)
        link = os.readlink(path)
        if os.path.isabs(link) and _is_below(link, self._root):
            link = os.path.relpath(os.path.realpath(link), os.path.realpath(os.path.dirname(path)))
        if not _is_below(path, self._root) or not stays_inside(name, link):
            raise Refused(
                f"the link {name} leads out of {self._root}",
                why=f"it leads to {os.readlink(path)}",
                fix="replace it by what it leads to, or transfer that by itself",
            )
        return Item(name, 0, f"link {link}", os.lstat(path).st_mtime_ns, link=link)


class StoreSource(Source):
    """A file of a store, or everything below a name.

    Args:
        place: Where. Raises NotFound when nothing is there.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._above = f"{place.name}/" if place.name else ""
        self._found = [file for file in place.files(self._above) if not file.name.endswith("/")]
        if not self._found and place.name:
            self.is_file = True
            self._above = self._above[: place.name.rfind("/") + 1]
            self._found = [file for file in place.files(place.name) if file.name == place.name]
        if not self._found:
            raise NotFound(f"the store has no {place.name or 'file'}", fix="check the URL")

    def items(self) -> tuple[list[Item], list[str]]:
        """See `Source.items`."""
        return [self._item(file) for file in self._found if not is_ours(file.name)], []

    def pieces(self, item: Item, offset: int) -> Iterator[bytes]:
        """See `Source.pieces`."""
        while data := self._place.store.read(self._above + item.name, offset, PIECE_BYTES):
            yield data
            offset += len(data)

    def now(self, item: Item) -> Item | None:
        """See `Source.now`."""
        name = self._above + item.name
        return next((self._item(file) for file in self._place.files(name) if file.name == name), None)

    def _item(self, file: StoredFile) -> Item:
        modified = to_micros(file.modified_at)
        identity = file.etag or f"{file.size_bytes} {modified}"
        return Item(file.name.removeprefix(self._above), file.size_bytes, identity, modified * 1000)


def _entries(folder: str) -> Iterator[str]:
    """Paths of everything below a folder that is no folder; a link to one is a link."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if is_ours(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path)
        else:
            yield entry.path


def _is_below(path: str, root: str) -> bool:
    end = os.path.realpath(path)
    return end.startswith(os.path.join(os.path.realpath(root), ""))
