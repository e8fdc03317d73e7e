"""A checkpoint, described without executing anything in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen


@frozen
class Checkpoint:
    """What is known of a checkpoint from its name, its headers and the files beside it.

    Attributes:
        path: The absolute path of the file or folder.
        format: The name of the format that claims it.
        step: The training step, when name or metadata say so.
        epoch: The epoch, likewise.
        metrics: Metrics by name, from side files.
        size_bytes: Size of all its files.
        modified_at: When it was last changed.
        complete: Whether it is whole, as far as its format can tell.
        problem: Why it is not whole; or what cannot be verified about it.
        details: More facts for `checkpoint info`, as JSON-ready values.
    """

    path: str
    format: str
    step: int | None
    epoch: int | None
    size_bytes: int
    modified_at: datetime
    complete: bool
    problem: str = ""
    metrics: Mapping[str, float] = field(factory=dict)
    details: Mapping[str, object] = field(factory=dict)
