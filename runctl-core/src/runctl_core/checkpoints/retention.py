"""Which checkpoints are kept: decided from what is known of them, without a look at the disk.

Never removed, whatever the rules say: the newest good one, whatever is newer than it (it may still be
being written), and what is pinned. Without a good one nothing is removed at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from attrs import frozen

from runctl_core.models.checkpoints import Checkpoint

Mode = Literal["min", "max"]
"""Whether a metric is better when it is small, or when it is large."""


@frozen
class Rules:
    """What is worth keeping. Only whole checkpoints count.

    Attributes:
        last: So many of the newest.
        best: So many of the best by `metric`; of equal ones, the newest.
        metric: The metric's name.
        mode: Whether small or large is better.
        every: Those whose step is a multiple of this; 0 for none.
    """

    last: int = 0
    best: int = 0
    metric: str = ""
    mode: Mode = "min"
    every: int = 0


@frozen
class Kept:
    """A checkpoint that stays.

    Attributes:
        checkpoint: The checkpoint.
        reasons: Why, each in words; never empty.
    """

    checkpoint: Checkpoint
    reasons: tuple[str, ...]


@frozen
class Plan:
    """What stays, and what goes.

    Attributes:
        kept: What stays, newest first.
        removed: What goes, newest first.
    """

    kept: tuple[Kept, ...]
    removed: tuple[Checkpoint, ...]


def plan(
    checkpoints: Sequence[Checkpoint], newest_good: str | None, rules: Rules, pinned: Mapping[str, str]
) -> Plan:
    """Decide for each checkpoint.

    Args:
        checkpoints: All of them, newest first.
        newest_good: The path of the newest one that verified; None when none did.
        rules: What is worth keeping.
        pinned: Paths of checkpoints, or in them, that stay anyway; each with the reason in words.
    """
    paths = [checkpoint.path for checkpoint in checkpoints]
    newest = paths.index(newest_good) if newest_good in paths else len(paths)
    reasons: dict[str, list[str]] = {path: [] for path in paths}
    for path in paths[: newest + 1]:
        reasons[path].append(_why_untouchable(path, newest_good, found_any=newest < len(paths)))
    for path in paths:
        reasons[path] += [why for pin, why in pinned.items() if f"{pin}/".startswith(f"{path}/")]
    for path, why in _by_rules(checkpoints[newest:], rules):
        reasons[path].append(why)
    kept = tuple(Kept(c, tuple(reasons[c.path])) for c in checkpoints if reasons[c.path])
    return Plan(kept, tuple(c for c in checkpoints if not reasons[c.path]))


def _why_untouchable(path: str, newest_good: str | None, *, found_any: bool) -> str:
    if path == newest_good:
        return "the newest good one"
    return "newer than the newest good one" if found_any else "no good one is there"


def _by_rules(checkpoints: Sequence[Checkpoint], rules: Rules) -> Iterator[tuple[str, str]]:
    whole = [checkpoint for checkpoint in checkpoints if checkpoint.complete]
    for checkpoint in whole[: rules.last]:
        yield checkpoint.path, f"one of the last {rules.last}"
    for place, checkpoint in enumerate(_best(whole, rules), start=1):
        value = checkpoint.metrics[rules.metric]
        yield checkpoint.path, f"{rules.metric} {value:g}, place {place} of {rules.best}"
    for checkpoint in whole:
        if rules.every and checkpoint.step is not None and checkpoint.step % rules.every == 0:
            yield checkpoint.path, f"step {checkpoint.step} of every {rules.every}"


def _best(whole: Sequence[Checkpoint], rules: Rules) -> list[Checkpoint]:
    """Sorting is stable, so that of equal ones the newest comes first."""
    known = [c for c in whole if math.isfinite(c.metrics.get(rules.metric, math.nan))]
    sign = 1 if rules.mode == "min" else -1
    return sorted(known, key=lambda checkpoint: sign * checkpoint.metrics[rules.metric])[: rules.best]
