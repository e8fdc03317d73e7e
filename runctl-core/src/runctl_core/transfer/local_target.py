"""A folder of this computer as a target: each file grows under a hidden name, and can be gone on with."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress

from runctl_core.errors import Refused, StateError
from runctl_core.transfer.partial import Partial, partial_name, settle
from runctl_core.transfer.plan import Act, Step, There
from runctl_core.transfer.reading import TIMES, Changed, Progress, always_changing, fill
from runctl_core.transfer.sources import PIECE_BYTES, Source
from runctl_core.transfer.targets import Target


class LocalTarget(Target):
    """A folder.

    Args:
        root: The folder; made when the first file comes.
        key: Names this transfer, so that the same command goes on where it was killed.
    """

    def __init__(self, root: str, key: str) -> None:
        self._root = os.path.abspath(root)
        self._key = key

    def there(self, name: str) -> There | None:
        """See `Target.there`."""
        path = self._path(name)
        self._require_inside(path, name)
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            return None
        except NotADirectoryError as error:
            raise Refused(f"{os.path.dirname(path)} is a file", fix="transfer to another place") from error
        link = os.readlink(path) if stat.S_ISLNK(found.st_mode) else None
        is_folder = link is None and not stat.S_ISREG(found.st_mode)
        return There(found.st_size, found.st_mtime_ns, link, is_folder)

    def pieces(self, name: str) -> Iterator[bytes]:
        """See `Target.pieces`."""
        with open(self._path(name), "rb", buffering=0) as file:
            yield from iter(lambda: file.read(PIECE_BYTES), b"")

    def put(self, step: Step, source: Source, progress: Progress) -> None:
        """See `Target.put`. Raises StateError when the disk is full or not writable."""
        path = self._path(step.name)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._require_inside(path, step.name)
            if step.item.link is not None:
                self._put_link(path, step.item.link)
            else:
                self._put_file(path, step, source, progress)
        except OSError as error:
            raise StateError(
                f"cannot write {path}",
                why=error.strerror or str(error),
                fix="make room, and make that folder yours; then the same command goes on",
            ) from error

    def remove(self, name: str) -> None:
        """See `Target.remove`."""
        with suppress(FileNotFoundError):
            os.unlink(self._path(name))

    def settle(self, steps: Iterable[Step]) -> None:
        """See `Target.settle`."""
        wanted: dict[str, set[str]] = {}
        for step in steps:
            folder, name = os.path.split(self._path(step.name))
            names = wanted.setdefault(folder, set())
            if step.act is not Act.SKIP:
                names.add(partial_name(self._key, name, step.item.identity))
        for folder, names in wanted.items():
            settle(folder, self._key, names)

    def _path(self, name: str) -> str:
        return os.path.join(self._root, name)

    def _require_inside(self, path: str, name: str) -> None:
        folder, root = os.path.realpath(os.path.dirname(path)), os.path.realpath(self._root)
        if folder != root and not folder.startswith(os.path.join(root, "")):
            raise Refused(
                f"{name} would lie outside of {self._root}",
                why=f"a link there leads to {folder}",
                fix="take that link away, or transfer to another folder",
            )

    def _put_link(self, path: str, link: str) -> None:
        partial = os.path.join(os.path.dirname(path), partial_name(self._key, os.path.basename(path), link))
        with suppress(FileNotFoundError):
            os.unlink(partial)
        os.symlink(link, partial)
        os.replace(partial, path)

    def _put_file(self, path: str, step: Step, source: Source, progress: Progress) -> None:
        item = step.item
        for _ in range(TIMES):
            with Partial(path, self._key, item.identity, mode=item.mode) as partial:
                progress(partial.size_bytes)
                try:
                    fill(partial, item, source, progress)
                except Changed as changed:
                    item = changed.now
                    progress(-partial.size_bytes)
                    partial.discard()
                    continue
                self._require_unchanged(path, step)
                partial.finish(item.modified_ns)
                return
        raise always_changing(item)

    def _require_unchanged(self, path: str, step: Step) -> None:
        if self.there(step.name) != step.there:
            raise Refused(f"{path} was changed meanwhile", fix="the same command looks again")
