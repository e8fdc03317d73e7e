"""Step, epoch and metrics from a checkpoint's name, as training scripts write them."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping

from attrs import field, frozen

_STEP = re.compile(r"(?:global[-_]?step|step|iter(?:ation)?|checkpoint|ckpt)[-_=]?(\d{1,15})", re.IGNORECASE)
_EPOCH = re.compile(r"(?<![a-z])(?:epoch|ep)[-_=]?(\d{1,9})", re.IGNORECASE)
_METRIC = re.compile(r"([A-Za-z][\w./]*)=(-?\d{1,15}(?:\.\d{1,15})?(?:e[-+]?\d{1,3})?)(?![\d.]*\d)")
_NO_METRICS = frozenset("step global_step epoch ep iter iteration checkpoint ckpt v".split())


@frozen
class Numbers:
    """What a name says.

    Attributes:
        step: The training step, or None.
        epoch: The epoch, or None.
        metrics: What Lightning writes into names, such as `val_loss=0.25`.
    """

    step: int | None
    epoch: int | None
    metrics: Mapping[str, float] = field(factory=dict)


def numbers(path: str) -> Numbers:
    """Read `step-500.pt`, `epoch=3-step=1200.ckpt`, `checkpoint-500`, `ckpt_000120.npz`."""
    name = os.path.basename(path)
    epoch = _EPOCH.search(name)
    return Numbers(step_in(name), int(epoch[1]) if epoch else None, _metrics(name) if "=" in name else {})


def step_in(name: str) -> int | None:
    """The step that a name says; a name that is a number is one, as Orbax writes it."""
    if step := _STEP.search(name):
        return int(step[1])
    return int(name) if len(name) <= 15 and name.isascii() and name.isdecimal() else None


def _metrics(name: str) -> dict[str, float]:
    found = {key.rpartition("/")[2]: float(value) for key, value in _METRIC.findall(name)}
    return {key: value for key, value in found.items() if key not in _NO_METRICS and math.isfinite(value)}
