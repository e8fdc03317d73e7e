"""What the two tables show: which runs and resources, in which order, in which words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from attrs import frozen

from runctl_core import words
from runctl_core.dashboard.columns import Column
from runctl_core.dashboard.snapshot import Snapshot
from runctl_core.inventory import Item
from runctl_core.models.money import Total
from runctl_core.models.runs import Run

T = TypeVar("T")


class Tone(StrEnum):
    """What a row's colour means; without colours, its words say the same."""

    PLAIN = "plain"
    GOOD = "good"
    DIM = "dim"
    WARN = "warn"
    BAD = "bad"


class Order(StrEnum):
    """How both tables are sorted."""

    MONEY = "money"
    NEWEST = "newest"
    NAME = "name"

    @property
    def following(self) -> Order:
        """The next one, for the key that changes it."""
        every = list(Order)
        return every[(every.index(self) + 1) % len(every)]


@frozen
class View:
    """What of a snapshot is shown.

    Attributes:
        snapshot: What is known.
        owner: Whose things are mine.
        everything: Whether runs that are over, and resources of others, are shown too.
        needle: Only rows with this text in them.
        order: How rows are sorted.
    """

    snapshot: Snapshot
    owner: str
    everything: bool = False
    needle: str = ""
    order: Order = Order.MONEY

    def runs(self) -> list[Run]:
        """The runs to show."""
        found = [run for run in self.snapshot.runs if self.everything or self._recent(run)]
        return self._sorted([run for run in found if self._fits(_run_text(run))], self._run_keys())

    def items(self) -> list[Item]:
        """The resources to show: mine, and whatever could not be ended."""
        found = self.snapshot.items
        if not self.everything:
            found = tuple(item for item in found if item.problem or item.belongs_to(self.owner))
        return self._sorted([item for item in found if self._fits(_item_text(item))], self._item_keys())

    def _recent(self, run: Run) -> bool:
        """Live runs, and what ended a short while ago: a run that ends does not vanish at once."""
        return run.ended_at is None or not run.state.over or self.snapshot.at - run.ended_at < RECENT

    def _fits(self, text: str) -> bool:
        return self.needle.lower() in text.lower()

    def _sorted(self, rows: list[T], keys: dict[Order, Callable[[T], object]]) -> list[T]:
        return sorted(rows, key=keys[self.order])  # type: ignore[arg-type]  # each key's own kind compares

    def _run_keys(self) -> dict[Order, Callable[[Run], object]]:
        costs = self.snapshot.run_costs
        return {
            Order.MONEY: lambda r: (r.state.over, -costs.get(r.id, Total()).usd, _newest(r.created_at)),
            Order.NEWEST: lambda r: (r.state.over, _newest(r.created_at)),
            Order.NAME: lambda r: (r.name, r.id),
        }

    def _item_keys(self) -> dict[Order, Callable[[Item], object]]:
        return {
            Order.MONEY: lambda i: (not i.problem, i.by_price),
            Order.NEWEST: lambda i: (not i.problem, _newest(i.created_at), i.key),
            Order.NAME: lambda i: i.key,
        }


RECENT = timedelta(hours=24)
"""So long a run that is over stays in the list."""


def _newest(moment: object) -> float:
    return -moment.timestamp() if moment is not None else float("inf")  # type: ignore[attr-defined]


def _run_text(run: Run) -> str:
    return f"{run.id} {run.name} {run.project} {run.provider} {run.state} {run.reason}"


def _item_text(item: Item) -> str:
    seen = item.resource
    return f"{item.key} {seen.name} {seen.state} {seen.instance_type} {seen.gpu} {seen.region} {seen.run_id}"


def run_columns(snapshot: Snapshot) -> list[Column[Run]]:
    """The columns of runs."""
    return [
        Column("RUN", lambda run: run.id, 18),
        Column("STATE", lambda run: str(run.state), 12),
        Column("TOOK", lambda run: took(run, snapshot), 11, right=True),
        Column("$/H", lambda run: hourly(run.hourly_usd) if not run.state.over else "-", 9, right=True),
        Column("COST", lambda run: cost(snapshot.run_costs.get(run.id)), 9, right=True),
        Column("NAME", lambda run: run.name, 12, grows=True),
        Column("PROVIDER", lambda run: run.provider, 9, rank=2),
        Column("PROJECT", lambda run: run.project, 10, rank=3),
        Column("REASON", lambda run: run.reason, 20, grows=True, rank=4),
    ]


def item_columns(snapshot: Snapshot) -> list[Column[Item]]:
    """The columns of resources."""
    return [
        Column("RESOURCE", lambda item: item.key, 24, grows=True),
        Column("STATE", _item_state, 11),
        Column("AGE", lambda item: _age(item, snapshot), 8, right=True),
        Column("$/H", lambda item: hourly(item.hourly_usd), 9, right=True),
        Column("COST", lambda item: cost(snapshot.resource_costs.get(item.key)), 9, right=True),
        Column("TYPE", _type, 9, grows=True, rank=1),
        Column("RUN", lambda item: item.resource.run_id or "-", 18, rank=2),
        Column("REGION", lambda item: item.resource.zone or item.resource.region, 12, rank=3),
        Column("OWNER", lambda item: item.resource.owner or "-", 12, rank=4),
        Column("SAYS", says, 20, grows=True, rank=5),
    ]


def _item_state(item: Item) -> str:
    return f"! {item.resource.state}" if item.problem else str(item.resource.state)


def _type(item: Item) -> str:
    seen = item.resource
    return f"{seen.gpu}:{seen.gpu_count}" if seen.gpu else seen.instance_type or seen.kind


def says(item: Item) -> str:
    """Why it could not be ended, what the user said of it, or the provider's own note."""
    marks = ", ".join(sorted(map(str, item.marks)))
    return item.problem or marks or item.resource.note


def hourly(usd: Decimal | None) -> str:
    """A price in a narrow column: `$1.00`, `free`, `unknown`."""
    return words.hourly(usd).removesuffix("/h").removesuffix(" price")


def cost(total: Total | None) -> str:
    """A sum in a narrow column: `<$0.01`; `unknown`; `$3.10+?` where an unknown price is left out."""
    total = total or Total()
    if total.unknown and not total.usd:
        return "unknown"
    small = 0 < total.usd < Decimal("0.01")
    text = "<$0.01" if small else words.cost(total.usd, 0, total.estimated_usd)
    return text + ("+?" if total.unknown else "")


def took(run: Run, snapshot: Snapshot) -> str:
    """How long the script has run, or ran."""
    if run.started_at is None:
        return "-"
    return words.duration(max(0.0, ((run.ended_at or snapshot.at) - run.started_at).total_seconds()))


def _age(item: Item, snapshot: Snapshot) -> str:
    return "-" if item.created_at is None else words.age(snapshot.at - item.created_at).removesuffix(" ago")


_RUN_TONES = {"running": Tone.GOOD, "failed": Tone.BAD, "lost": Tone.BAD, "preempted": Tone.WARN}
_ITEM_TONES = {"running": Tone.GOOD, "stopped": Tone.WARN, "error": Tone.BAD, "unknown": Tone.WARN}


def run_tone(run: Run) -> Tone:
    """What its state means."""
    return _RUN_TONES.get(run.state, Tone.DIM if run.state.over else Tone.PLAIN)


def item_tone(item: Item) -> Tone:
    """What its state means; what could not be ended is bad."""
    return Tone.BAD if item.problem else _ITEM_TONES.get(item.resource.state, Tone.PLAIN)
