"""What a format is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import field, frozen

from runctl_core.models.checkpoints import TensorTotals


@frozen
class Look:
    """What a format found in a file or folder.

    Attributes:
        complete: Whether it is whole.
        problem: Why not, or what cannot be verified.
        step: The training step from metadata, when it has one.
        epoch: Likewise.
        metrics: Likewise, finite numbers by name.
        framework: What wrote it, such as `pytorch`; empty when it does not say.
        framework_version: The version of that; empty when it does not say.
        tensors: What its tensors come to; None when headers do not say.
        details: More, as JSON-ready values by name.
    """

    complete: bool
    problem: str = ""
    step: int | None = None
    epoch: int | None = None
    metrics: Mapping[str, float] = field(factory=dict)
    framework: str = ""
    framework_version: str = ""
    tensors: TensorTotals | None = None
    details: Mapping[str, object] = field(factory=dict)


@frozen
class Format:
    """A format of checkpoints: files of certain suffixes, folders with certain files in them, or both.

    Neither `look` nor `study` may execute anything that it reads, or read tensor data; each ends within
    a second, whatever the file claims of itself. OSError may be raised: it means that it is not whole.

    Attributes:
        name: Its name in lists; for a plugin, the entry point's name.
        look: Says whether the file or folder at a path is whole, and what its headers tell. Called once
            for each that is judged, from any thread. To be whole, nothing may be missing or cut short.
        study: The same with facts that take longer to read; for `checkpoint info`. None for `look`.
        suffixes: Endings of files from the last dot on, in lower case, such as `.gguf`.
        marks: Names of files, any of which makes a folder a checkpoint; `*` and `?` stand for anything.
    """

    name: str
    look: Callable[[str], Look]
    study: Callable[[str], Look] | None = None
    suffixes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
