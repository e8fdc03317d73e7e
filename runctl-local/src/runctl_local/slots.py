"""Slots: the resources of this computer. A slot is a directory with its tags, its GPUs and its jobs.

A slot appears and goes by a rename, so it is never half there; whoever makes one holds a lock, so
that two runs never share a GPU.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from attrs import asdict, field, frozen

from runctl_core.api import StateError

_FILE = "slot.json"
_GOING = ".going-"
_COMING = ".coming-"
_ID = re.compile(r"local-[0-9a-f]{12}\Z")


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _map(values: Mapping[str, str]) -> dict[str, str]:
    return dict(values)


@frozen
class Slot:
    """What a slot's file says.

    Attributes:
        id: Its name, and its directory's.
        name: A readable name.
        offer: The offer that it was made from.
        token: What its creator calls it by; no two slots have one.
        tags: Its tags.
        gpus: Uuids of the GPUs that are its own.
        gpu: Their normalised name; None without any.
        created_at: When it was made.
        creator: The process that made it: its pid and its start.
    """

    id: str
    name: str
    offer: str
    token: str
    tags: Mapping[str, str] = field(converter=_map)
    gpus: tuple[str, ...] = field(converter=_texts)
    gpu: str | None
    created_at: datetime
    creator: str


class Slots:
    """The slots below a directory.

    Args:
        home: The directory; made when the first slot is.
    """

    def __init__(self, home: str) -> None:
        self._home = os.path.join(home, "slots")

    def path(self, slot_id: str) -> str:
        """The directory of a slot."""
        return os.path.join(self._home, slot_id)

    def has(self, resource_id: str) -> bool:
        """Whether a resource is a slot that is there, readable or not."""
        return is_slot(resource_id) and os.path.lexists(self.path(resource_id))

    def jobs(self, slot_id: str) -> list[str]:
        """The jobs that were ever started in a slot."""
        try:
            names = os.listdir(os.path.join(self.path(slot_id), "jobs"))
        except FileNotFoundError:
            return []
        return [name for name in names if not name.startswith(".")]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock under which slots are made and GPUs assigned. Raises StateError."""
        try:
            os.makedirs(self._home, mode=0o700, exist_ok=True)
            fd = os.open(os.path.join(self._home, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _refused("make", self._home, error) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            self._finish_removals()
            yield
        finally:
            os.close(fd)

    def add(self, slot: Slot) -> None:
        """Make a slot; the caller holds the lock. Raises StateError."""
        coming = os.path.join(self._home, _COMING + slot.id)
        document = asdict(slot) | {"created_at": slot.created_at.isoformat()}
        try:
            os.makedirs(coming, mode=0o700)
            with open(os.path.join(coming, _FILE), "w", encoding="utf-8") as file:
                json.dump(document, file)
            os.rename(coming, self.path(slot.id))
        except OSError as error:
            raise _refused("make", coming, error) from error

    def ids(self) -> list[str]:
        """Every slot that is there, readable or not. Raises StateError."""
        try:
            names = os.listdir(self._home)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _refused("read", self._home, error) from error
        return sorted(name for name in names if is_slot(name))

    def read(self, slot_id: str) -> Slot | None:
        """What a slot's file says; None when it is damaged. Raises FileNotFoundError for no slot."""
        try:
            with open(os.path.join(self.path(slot_id), _FILE), encoding="utf-8") as file:
                document = json.load(file)
            document["created_at"] = datetime.fromisoformat(document["created_at"]).astimezone(UTC)
            return Slot(**document)
        except (OSError, ValueError, TypeError, KeyError):
            os.lstat(self.path(slot_id))  # it may have gone while we looked
            return None

    def remove(self, slot_id: str) -> None:
        """Take a slot away; at once for everybody who looks, whenever this process dies.

        Raises:
            StateError: It cannot be moved; it is still there.
        """
        going = os.path.join(self._home, _GOING + slot_id)
        try:
            os.rename(self.path(slot_id), going)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _refused("remove", self.path(slot_id), error) from error
        shutil.rmtree(going, ignore_errors=True)

    def _finish_removals(self) -> None:
        for name in os.listdir(self._home):
            if name.startswith((_GOING, _COMING)):
                shutil.rmtree(os.path.join(self._home, name), ignore_errors=True)


def is_slot(resource_id: str) -> bool:
    """Whether a resource's id is one of a slot."""
    return _ID.match(resource_id) is not None


def _refused(verb: str, path: str, error: OSError) -> StateError:
    return StateError(
        f"cannot {verb} {path}",
        why=error.strerror or str(error),
        fix="make room there, and make it yours, or: runctl config set providers.local.directory FOLDER",
    )
