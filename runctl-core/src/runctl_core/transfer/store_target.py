"""A place in a store as a target: the store takes each file whole, and is asked for it again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import partial

from runctl_core.clock import to_micros
from runctl_core.errors import Refused, StateError
from runctl_core.retry import retry
from runctl_core.stores.opening import PATIENCE, Place
from runctl_core.transfer.items import Item
from runctl_core.transfer.plan import Step, There
from runctl_core.transfer.reading import (
    TIMES,
    Changed,
    Progress,
    always_changing,
    digest,
    require_whole,
    rest,
)
from runctl_core.transfer.sources import PIECE_BYTES, Source
from runctl_core.transfer.targets import Target


class StoreTarget(Target):
    """A place in a store.

    Args:
        place: Where; its name is the folder.
    """

    def __init__(self, place: Place) -> None:
        self._store = place.store
        self._below = f"{place.name}/" if place.name else ""
        self._listed = {file.name: file for file in place.files(self._below)}

    def there(self, name: str) -> There | None:
        """See `Target.there`."""
        found = self._listed.get(self._below + name)
        if found is None:
            return None
        return There(found.size_bytes, to_micros(found.modified_at) * 1000, keeps_time=False)

    def pieces(self, name: str) -> Iterator[bytes]:
        """See `Target.pieces`."""
        offset = 0
        while data := self._store.read(self._below + name, offset, PIECE_BYTES):
            yield data
            offset += len(data)

    def put(self, step: Step, source: Source, progress: Progress) -> None:
        """See `Target.put`. Raises Refused for a link, and the store's errors."""
        if step.item.link is not None:
            raise Refused(
                f"a store keeps no link, and {step.item.name} is one",
                fix="replace it by what it leads to",
            )
        item = step.item
        for _ in range(TIMES):
            try:
                retry(partial(self._write, step.name, item, source, progress), PATIENCE)
            except Changed as changed:
                item = changed.now
            else:
                return
        raise always_changing(item)

    def remove(self, name: str) -> None:
        """See `Target.remove`."""
        self._store.delete(self._below + name)

    def settle(self, steps: Iterable[Step]) -> None:
        """See `Target.settle`. A store keeps nothing by halves."""

    def _write(self, name: str, item: Item, source: Source, progress: Progress) -> None:
        read, sent = hashlib.sha256(), 0

        def pieces() -> Iterator[bytes]:
            nonlocal sent
            for data in rest(item, source, 0):
                read.update(data)
                sent += len(data)
                progress(len(data))
                yield data
            require_whole(item, sent, source)

        try:
            self._store.write(self._below + name, pieces())
        except BaseException:
            progress(-sent)
            raise
        if digest(self.pieces(name)) != read.hexdigest():
            self.remove(name)
            raise StateError(
                f"{name} was written, and what the store gives back is not that",
                why="it was deleted again",
                fix="try again; if it happens twice, the store is damaged",
            )
