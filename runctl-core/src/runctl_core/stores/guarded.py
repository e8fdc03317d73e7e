"""A plugin's store, held to the contract: what else it raises or gives is named with its plugin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from runctl_core.errors import PluginError, RunctlError
from runctl_core.loading import in_words
from runctl_core.stores import Store, StoredFile


class Guarded(Store):
    """A store that raises nothing but our errors, and what the caller's own pieces raise.

    Args:
        store: The plugin's.
        scheme: Its scheme.
        source: The distribution that brings it, in words.
    """

    def __init__(self, store: Store, scheme: str, source: str) -> None:
        super().__init__(store.place)
        self._store, self._scheme, self._source = store, scheme, source

    def list(self, prefix: str) -> Iterator[StoredFile]:
        """See `Store.list`."""
        with self._named("list"):
            for file in self._store.list(prefix):
                if not isinstance(file, StoredFile):
                    raise TypeError(f"{file!r} is no StoredFile")
                yield file

    def read(self, name: str, offset: int, limit: int) -> bytes:
        """See `Store.read`."""
        with self._named("read"):
            return bytes(memoryview(self._store.read(name, offset, limit)))

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """See `Store.write`. What `pieces` raises comes through, whatever the plugin makes of it."""
        theirs: list[BaseException] = []

        def watched() -> Iterator[bytes]:
            try:
                yield from pieces
            except GeneratorExit:
                raise
            except BaseException as error:
                theirs.append(error)
                raise

        try:
            with self._named("write"):
                self._store.write(name, watched())
        finally:
            if theirs:
                raise theirs[0]

    def delete(self, name: str) -> None:
        """See `Store.delete`."""
        with self._named("delete"):
            self._store.delete(name)

    @contextmanager
    def _named(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (RunctlError, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            raise PluginError(
                f"the store {self._scheme}:// failed to {verb}",
                why=f"{self._source}: {in_words(error)}",
                fix=f"RUNCTL_DEBUG=1 shows where; tell the author of {self._source.split()[0]}",
            ) from error
