"""A store's URL: from its scheme to the plugin that brings it, which is imported only now."""

from __future__ import annotations

import re
from typing import Any

from attrs import frozen

from runctl_core._entrypoints import EntryPoint, clash, enabled
from runctl_core.errors import PluginError, RunctlError, UsageError
from runctl_core.loading import import_callable, in_words, require
from runctl_core.retry import RetryPolicy, retry
from runctl_core.stores import Store, StoredFile
from runctl_core.stores.guarded import Guarded

STORES = "runctl.stores"
PATIENCE = RetryPolicy(tries=5, total_s=60.0, first_s=0.1, longest_s=5.0)
"""How often a store is asked again for what did not come."""

_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<place>[^/]*)/*(?P<name>.*)", re.DOTALL)
_OWN = ("file",)


@frozen
class Place:
    """Something in a store.

    Attributes:
        store: The store.
        name: The name of a file in it, or the first parts of many; empty for all of it.
        root: The URL of all of it, with a `/` at its end.
    """

    store: Store
    name: str
    root: str

    def files(self, prefix: str) -> list[StoredFile]:
        """What `Store.list` gives, asked again while the store is not to be reached."""
        return retry(lambda: list(self.store.list(prefix)), PATIENCE)


def is_url(word: str) -> bool:
    """Whether a word is the URL of a store."""
    return _URL.fullmatch(word) is not None


def open_url(url: str) -> Place:
    """The store and the name of a URL.

    Raises:
        UsageError: It is none, or its name has a part that leads elsewhere.
        PluginError: No installed plugin brings its scheme, or that plugin is broken.
    """
    found = _URL.fullmatch(url)
    if found is None:
        raise UsageError(
            f"{url} is no URL of a store", fix="SCHEME://PLACE/NAME, such as file:///data/models"
        )
    scheme, place, name = found.group("scheme", "place", "name")
    name = name.rstrip("/")
    if any(part in ("", ".", "..") for part in name.split("/")) and name:
        raise UsageError(f"{url} has a part that is empty or leads elsewhere", fix="write it without `..`")
    return Place(_open(scheme, place), name, f"{scheme}://{place}/")


def stores() -> list[EntryPoint]:
    """The stores that plugins bring, from metadata alone; clashing ones too."""
    return enabled(STORES)


def load_store(point: EntryPoint) -> Any:
    """What makes the store of an entry point. Raises PluginError."""
    try:
        return import_callable(point, clash(point, stores(), _OWN), "a Store class")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _unfit(point, error) from error


def _open(scheme: str, place: str) -> Store:
    if scheme in _OWN:
        from runctl_core.stores.local import LocalStore

        return LocalStore(place)
    points = stores()
    for point in points:
        if point.name == scheme:
            return _made(point, place)
    raise _unknown(scheme, [*_OWN, *(point.name for point in points)])


def _made(point: EntryPoint, place: str) -> Store:
    make = load_store(point)
    try:
        store = make(place)
        require(isinstance(store, Store), f"{point.value} made {store!r}, not a Store")
    except PluginError as error:
        raise _unfit(point, error) from error
    except (RunctlError, KeyboardInterrupt):
        raise  # in its own words: no credentials, say
    except BaseException as error:
        raise _unfit(point, error) from error
    return Guarded(store, point.name, point.source)


def _unfit(point: EntryPoint, error: BaseException) -> PluginError:
    return PluginError(
        f"the store {point.name}:// cannot be used",
        why=f"{point.source}: {in_words(error)}",
        fix=f"pip install --upgrade {point.distribution}, or pip uninstall it",
    )


def _unknown(scheme: str, installed: list[str]) -> PluginError:
    return PluginError(
        f"no installed plugin brings the store {scheme}://",
        why=f"installed: {', '.join(f'{name}://' for name in dict.fromkeys(installed))}",
        fix=f"pip install the plugin that brings {scheme}://",
    )
