"""What the cloud knows of one machine, and how its state goes on with time. Nothing here runs anything.

    pending → running → stopping → stopped → pending …      terminating → terminated, from every one of them

`pending` and `failed` are this cloud's own words; a provider says `starting` and `error` for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from attrs import define

from runctl_core.testing.fakes.catalogue import TYPES, ZONES
from runctl_core.testing.fakes.clock import CloudClock

DISK_HOURLY_USD = Decimal("0.0100")
"""What an hour of a stopped machine costs: its disk."""

REMEMBERED_S = 3600.0
"""For how long a terminated machine is still listed, as terminated."""

_THEN = {"pending": "running", "stopping": "stopped", "terminating": "terminated"}


@define
class Record:
    """One machine, or one job of a job service.

    Attributes:
        id: The cloud's id.
        kind: `machine`, `job`, or `foreign`.
        type: Name of its type.
        zone: Where.
        name: A readable name.
        tags: As it was tagged when it was made.
        created_at: When, by the cloud's clock, which may be off.
        shown_at: From when on lists have it.
        state: The cloud's own word.
        due_at: When the state goes on by itself; None when it stays.
        spot: Whether it may be taken away.
        token: What it was made with; the same token makes no second one.
        ssh_key: The public key that may enter; empty when nobody may.
        image: What it was to be made from.
        reclaim_at: When the cloud takes it away, once it has given notice.
        delete_at: When the cloud deletes it, as was asked for when it was made.
        ended_at: When it was gone.
        vanished: Whether the cloud denies that there ever was one.
        ended_by: `request`, `reclaimed`, `expired` or `vanished`.
        ssh: Where its SSH server is, while it runs.
    """

    id: str
    kind: str
    type: str
    zone: str
    name: str
    tags: Mapping[str, str]
    created_at: float
    shown_at: float
    state: str
    due_at: float | None = None
    spot: bool = False
    token: str | None = None
    ssh_key: str = ""
    image: str | None = None
    delete_at: float | None = None
    reclaim_at: float | None = None
    ended_at: float | None = None
    vanished: bool = False
    ended_by: str | None = None
    ssh: Mapping[str, Any] | None = None

    @property
    def gone(self) -> bool:
        """Whether nothing of it is left."""
        return self.state == "terminated"

    @property
    def moments(self) -> list[float]:
        """When something happens to it by itself."""
        if self.gone:
            return []
        return [at for at in (self.due_at, self.delete_at, self.reclaim_at) if at is not None]

    def known(self, now: float) -> bool:
        """Whether the cloud still knows of it."""
        return not self.vanished and (self.ended_at is None or now < self.ended_at + REMEMBERED_S)

    def turn(self, state: str, due_at: float | None) -> None:
        """Enter a state, and leave it at that moment."""
        self.state, self.due_at = state, due_at

    def end(self, now: float, by: str) -> None:
        """Be gone."""
        self.turn("terminated", None)
        self.ended_at, self.ended_by = now, self.ended_by or by

    def go_on(self, now: float) -> bool:
        """Let happen what is due; say whether anything was. Its processes are the caller's."""
        before = self.state
        if self.gone:
            return False
        if self.due_at is not None and self.due_at <= now:
            self.turn(_THEN[self.state], None)
        if self.gone:
            self.end(now, "request")
        for at, by in ((self.delete_at, "expired"), (self.reclaim_at, "reclaimed")):
            if not self.gone and at is not None and at <= now:
                self.end(now, by)
        return self.state != before

    @property
    def hourly_usd(self) -> Decimal | None:
        """What an hour costs in this state."""
        if self.gone:
            return Decimal(0)
        if self.state == "stopped":
            return DISK_HOURLY_USD
        return TYPES[self.type].price(ZONES[self.zone], spot=self.spot)

    def row(self) -> dict[str, Any]:
        """The document that the cloud gives of it. Money is text, sizes are bytes, moments ISO in UTC."""
        kind, price = TYPES[self.type], self.hourly_usd
        return {
            "id": self.id,
            "name": self.name,
            "type": self.type,
            "region": ZONES[self.zone],
            "zone": self.zone,
            "spot": self.spot,
            "state": self.state,
            "tags": dict(self.tags),
            "price": None if price is None else str(price),
            "created_at": CloudClock.text(self.created_at),
            "delete_at": _text(self.delete_at),
            "reclaim_at": _text(self.reclaim_at),
            "ended_by": self.ended_by,
            "image": self.image,
            "gpu": kind.gpu,
            "gpu_count": kind.gpu_count,
            "vcpus": kind.vcpus,
            "memory_bytes": kind.memory_bytes,
            "ssh": None if self.ssh is None else dict(self.ssh),
        }


def _text(moment: float | None) -> str | None:
    return None if moment is None else CloudClock.text(moment)
