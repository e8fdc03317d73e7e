"""What the dashboard knows at one moment: values only, made by `gathering` and `watching`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from attrs import field, frozen

from runctl_core.inventory import Item
from runctl_core.models.burn import Burn
from runctl_core.models.checkpoints import Checkpoint
from runctl_core.models.jobs import Usage
from runctl_core.models.money import Total
from runctl_core.models.runs import Run
from runctl_core.models.warnings import UsageWarning

SLOW = timedelta(seconds=2)
"""A provider that has not answered for so long is named."""


@frozen
class Health:
    """How well a provider answers.

    Attributes:
        name: The provider.
        answered_at: When it last gave a whole list; None when it never did.
        asked_at: When it was asked what it has not answered yet; None when nothing is open.
        problem: Why the latest question had no answer; empty when it had one.
    """

    name: str
    answered_at: datetime | None = None
    asked_at: datetime | None = None
    problem: str = ""

    def silent(self, at: datetime) -> bool:
        """Whether what is shown of it may be old: it failed, or an answer is overdue."""
        return bool(self.problem) or (self.asked_at is not None and at - self.asked_at > SLOW)


@frozen
class Snapshot:
    """Everything but the selected run.

    Attributes:
        at: When the books were read.
        runs: Every run, newest first.
        items: What the providers have, as they last said, and what they let go is left out.
        providers: How each provider answers.
        run_costs: What each run cost, by its id.
        resource_costs: What each resource cost, by its key.
        burn: What everything in the books costs per hour, now.
        today: What it cost since midnight, UTC.
        month: What it cost since the first of the month, UTC.
        problem: Why the books could not be read; the rest is then what they said before.
    """

    at: datetime
    runs: tuple[Run, ...] = ()
    items: tuple[Item, ...] = ()
    providers: tuple[Health, ...] = ()
    run_costs: Mapping[str, Total] = field(factory=dict)
    resource_costs: Mapping[str, Total] = field(factory=dict)
    burn: Burn = Burn()
    today: Total = Total()
    month: Total = Total()
    problem: str = ""


@frozen
class Watched:
    """The selected run, from close by.

    Attributes:
        run_id: Which run; empty for none.
        log: The last lines that its script printed, safe to show.
        cut: Whether the log began before these lines.
        usage: Samples of what it uses, oldest first.
        warnings: What is wrong with that, the most urgent first.
        checkpoints: Its checkpoints, newest first.
        problem: Why there is nothing to see, or nothing new.
    """

    run_id: str = ""
    log: tuple[str, ...] = ()
    cut: bool = False
    usage: tuple[Usage, ...] = ()
    warnings: tuple[UsageWarning, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    problem: str = ""


@frozen
class Note:
    """A line for the user: what an act came to, what stands in the way.

    Attributes:
        text: The line.
        bad: Whether something went wrong.
        lasts: Whether it holds until the next note; else it goes after a while.
    """

    text: str
    bad: bool = False
    lasts: bool = False


@frozen
class Proposal:
    """An act that the user is to agree to.

    Attributes:
        question: What is asked.
        lines: What the act will do.
        act: Does it; None when there is nothing to do.
    """

    question: str
    lines: tuple[str, ...]
    act: Callable[[], None] | None


News = Snapshot | Watched | Note | Proposal | Exception
"""What the threads tell the screen; an exception is a fault of runctl's own, and ends it."""
