"""A checkpoint, described without executing anything in it, and the formats that tell how."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from attrs import field, frozen


@frozen
class TensorTotals:
    """What the tensors of a checkpoint come to, the optimizer's included where they are in the same file.

    Attributes:
        count: How many tensors.
        parameters: How many numbers are in all of them; None when nobody knows.
        dtype_bytes: Bytes by type of number, such as `bfloat16`; empty when nobody knows.
    """

    count: int
    parameters: int | None = None
    dtype_bytes: Mapping[str, int] = field(factory=dict)

    @classmethod
    def of(cls, tensors: Iterable[tuple[str, int, int]]) -> TensorTotals:
        """Add up tensors, each given as type of number, how many numbers, how many bytes."""
        count, parameters = 0, 0
        dtype_bytes: dict[str, int] = {}
        for dtype, numbers, size_bytes in tensors:
            count += 1
            parameters += numbers
            dtype_bytes[dtype] = dtype_bytes.get(dtype, 0) + size_bytes
        return cls(count, parameters, dtype_bytes)

    def __add__(self, other: TensorTotals) -> TensorTotals:
        known = self.parameters is not None and other.parameters is not None
        names = dict.fromkeys((*self.dtype_bytes, *other.dtype_bytes))
        return TensorTotals(
            self.count + other.count,
            (self.parameters or 0) + (other.parameters or 0) if known else None,
            {name: self.dtype_bytes.get(name, 0) + other.dtype_bytes.get(name, 0) for name in names},
        )


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


@frozen
class Checkpoint:
    """What is known of a checkpoint from its name, its headers and the files beside it.

    Attributes:
        path: The absolute path of the file or folder.
        format: The name of the format that claims it.
        step: The training step, when name or metadata say so.
        epoch: The epoch, likewise.
        size_bytes: Size of all its files.
        modified_at: When it was last changed.
        complete: Whether it is whole, as far as its format can tell; None when nobody looked into it.
        problem: Why it is not whole; or what cannot be verified about it.
        metrics: Metrics by name, from its name and from side files.
        framework: What wrote it, such as `pytorch`; empty when it does not say.
        framework_version: The version of that; empty when it does not say.
        tensors: What its tensors come to; None when nobody knows.
        details: More facts for `checkpoint info`, as JSON-ready values.
    """

    path: str
    format: str
    step: int | None
    epoch: int | None
    size_bytes: int
    modified_at: datetime
    complete: bool | None
    problem: str = ""
    metrics: Mapping[str, float] = field(factory=dict)
    framework: str = ""
    framework_version: str = ""
    tensors: TensorTotals | None = None
    details: Mapping[str, object] = field(factory=dict)
