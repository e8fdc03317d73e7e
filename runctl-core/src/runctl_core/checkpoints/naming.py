"""Step and epoch from a checkpoint's name, as training scripts write them."""

from __future__ import annotations

import os
import re

from attrs import frozen

_STEP = re.compile(r"(?:global[-_]?step|step|iter(?:ation)?|checkpoint|ckpt)[-_=]?(\d{1,15})", re.IGNORECASE)
_EPOCH = re.compile(r"(?<![a-z])(?:epoch|ep)[-_=]?(\d{1,9})", re.IGNORECASE)


@frozen
class Numbers:
    """What a name says.

    Attributes:
        step: The training step, or None.
        epoch: The epoch, or None.
    """

    step: int | None
    epoch: int | None


def numbers(path: str) -> Numbers:
    """Read `step-500.pt`, `epoch=3-step=1200.ckpt`, `checkpoint-500`, `ckpt_000120.npz`."""
    name = os.path.basename(path)
    step, epoch = _STEP.search(name), _EPOCH.search(name)
    return Numbers(int(step[1]) if step else None, int(epoch[1]) if epoch else None)
