"""The audit log: every deletion and every stop of a resource, as two rows that nobody changes.

The first is on the disk before the provider is asked, so that a crash hides nothing; the second says
what the provider answered. An act without a second row was interrupted: what became of it, the
provider's list tells. The log holds names and reasons, never an argument of a command.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from attrs import frozen

from runctl_core.clock import Clock, from_micros, to_micros
from runctl_core.errors import Refused
from runctl_core.models.marks import Mark
from runctl_core.tracking.store import Store


class Act(StrEnum):
    """What is done to a resource."""

    TERMINATE = "terminate"
    STOP = "stop"


class Answer(StrEnum):
    """What a provider made of it."""

    GONE = "gone"
    STOPPED = "stopped"
    ACCEPTED = "accepted"
    ERROR = "error"


@frozen
class Actor:
    """Who acts.

    Attributes:
        owner: The owner that their runs carry.
        user: The account and the computer, `user@host`.
        command: The command's name, `resources cleanup`; never what it was given.
    """

    owner: str
    user: str
    command: str


def this_account() -> Actor:
    """The account and the computer, without a command."""
    import getpass
    import socket

    user = f"{getpass.getuser()}@{socket.gethostname()}"
    return Actor(owner=user, user=user, command="")


@frozen
class AuditRow:
    """One row.

    Attributes:
        id: Its number; later rows have higher ones.
        act_id: The number of the act's first row: its own, in that row.
        at: When it was written.
        act: What was to be done.
        provider: The resource's provider.
        resource_id: Its id there.
        name: Its name, when the books had it.
        run_id: The run that it was made for.
        actor: Who did it.
        why: Why it was allowed, a fact each.
        answer: What the provider answered; None in the first row.
        detail: The provider's words when it refused.
    """

    id: int
    act_id: int
    at: datetime
    act: Act
    provider: str
    resource_id: str
    name: str
    run_id: str | None
    actor: Actor
    why: tuple[str, ...]
    answer: Answer | None
    detail: str


@frozen
class AuditedAct:
    """An act: its first row, and its second; None while nobody knows what the provider made of it."""

    before: AuditRow
    after: AuditRow | None


_COLUMNS = (
    "id, COALESCE(act_id, id), at, act, provider, resource_id, name, run_id, owner, user, command, why, "
    "answer, detail"
)


class Audit:
    """The log in the books. Every method may raise StateError.

    Args:
        store: Where it is.
        clock: The time that rows are stamped with.
        actor: Says who acts; asked when a row is written.
    """

    def __init__(self, store: Store, clock: Clock, actor: Callable[[], Actor]) -> None:
        self._store = store
        self._clock = clock
        self._actor = actor

    def announce(self, act: Act, provider: str, resource_id: str, why: Sequence[str]) -> int:
        """Write what is about to be done; it is on the disk when this returns.

        Returns:
            The act's number, for `answered`.

        Raises:
            Refused: The user has protected the resource: of two commands at once, the first one wins.
        """
        actor = self._actor()
        with self._store.writing() as db:
            _require_unprotected(db, provider, resource_id)
            name, run_id = _known(db, provider, resource_id)
            cursor = db.execute(
                "INSERT INTO audit (at, act, provider, resource_id, name, run_id, owner, user, command, why)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    to_micros(self._clock()),
                    str(act),
                    provider,
                    resource_id,
                    name,
                    run_id,
                    actor.owner,
                    actor.user,
                    actor.command,
                    json.dumps(list(why), ensure_ascii=False),
                ),
            )
            return int(cursor.lastrowid or 0)

    def answered(self, act_id: int, answer: Answer, detail: str = "") -> None:
        """Write what the provider made of an act."""
        with self._store.writing() as db:
            db.execute(
                "INSERT INTO audit (act_id, at, act, provider, resource_id, name, run_id, owner, user,"
                " command, why, answer, detail) SELECT id, ?, act, provider, resource_id, name, run_id,"
                " owner, user, command, why, ?, ? FROM audit WHERE id = ?",
                (to_micros(self._clock()), str(answer), detail, act_id),
            )

    def rows(self, *, since: datetime | None = None, resource: str | None = None) -> list[AuditRow]:
        """Rows that fit, oldest first.

        Args:
            since: Not older than this.
            resource: Only this one: `provider/id`, its id, or its name.
        """
        query = (
            f"SELECT {_COLUMNS} FROM audit WHERE (?1 IS NULL OR at >= ?1) "  # noqa: S608
            "AND (?2 IS NULL OR ?2 IN (provider || '/' || resource_id, resource_id, name)) ORDER BY id"
        )
        moment = None if since is None else to_micros(since)
        with self._store.reading() as db:
            return [_row(row) for row in db.execute(query, (moment, resource))]


def acts(rows: Iterable[AuditRow]) -> list[AuditedAct]:
    """Rows as acts, in the order in which they were announced; a second row without its first is left out."""
    listed = list(rows)
    after = {row.act_id: row for row in listed if row.answer is not None}
    return [AuditedAct(row, after.get(row.id)) for row in listed if row.answer is None]


def _require_unprotected(db: sqlite3.Connection, provider: str, resource_id: str) -> None:
    query = "SELECT why FROM marks WHERE provider = ? AND id = ? AND mark = ?"
    row = db.execute(query, (provider, resource_id, str(Mark.PROTECTED))).fetchone()
    if row is not None:
        raise Refused(
            f"{provider}/{resource_id} is protected",
            why=row[0],
            fix=f"runctl protect {provider}/{resource_id} --undo, when it may go",
        )


def _known(db: sqlite3.Connection, provider: str, resource_id: str) -> tuple[str, str | None]:
    query = "SELECT name, run_id FROM resources WHERE provider = ? AND id = ?"
    name, run_id = db.execute(query, (provider, resource_id)).fetchone() or ("", None)
    return name, run_id


def _row(row: tuple[Any, ...]) -> AuditRow:
    (
        number,
        act_id,
        at,
        act,
        provider,
        resource_id,
        name,
        run_id,
        owner,
        user,
        command,
        why,
        answer,
        detail,
    ) = row
    return AuditRow(
        number,
        act_id,
        from_micros(at),
        Act(act),
        provider,
        resource_id,
        name,
        run_id,
        Actor(owner, user, command),
        tuple(json.loads(why)),
        None if answer is None else Answer(answer),
        detail,
    )
