"""PyTorch's files: a zip archive of a pickle and the bytes of each tensor, or the older row of pickles.

Lightning writes the same, with more in the pickle. The pickle is read as data, never run, and only by
`study`: whether a file is whole is told by the archive's directory.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from runctl_core.checkpoints import zips
from runctl_core.checkpoints.formats.opaque import unverifiable
from runctl_core.checkpoints.regular import opened
from runctl_core.models.checkpoints import Format, Look, TensorTotals

_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How the older format begins: a pickle of its magic number."""


def _look(path: str) -> Look:
    if zips.is_archive(path):
        return _archive(path)
    with opened(path) as file:
        head = file.read(len(_MAGIC))
    if head and _MAGIC.startswith(head):
        from runctl_core.checkpoints.formats.pytorch_contents import older_look

        return older_look(path)
    return unverifiable(path, "neither a zip archive nor PyTorch's older format")


def _archive(path: str) -> Look:
    try:
        return _of(zips.members(path))
    except zips.Damaged as error:
        return Look(False, str(error))


def _of(members: Mapping[str, zips.Member]) -> Look:
    names = {name.partition("/")[2] for name in members}
    if not names & {"data.pkl", "constants.pkl"}:
        return Look(False, "no data.pkl in it")
    count = sum(name.startswith("data/") for name in names)
    kind = {"contents": "TorchScript"} if "constants.pkl" in names else {}
    return Look(True, framework="pytorch", tensors=TensorTotals(count), details=kind)


def _small_members(path: str, members: Mapping[str, zips.Member]) -> dict[str, str]:
    """What the archive says of itself."""
    found = {}
    for name, member in members.items():
        if known := _SMALL.get(name.partition("/")[2]):
            found[known] = zips.content(path, name, member, 40).decode("ascii", "replace").strip()
    return found


_SMALL = {
    "version": "archive_version",
    ".format_version": "format_version",
    "byteorder": "byteorder",
    ".data/serialization_id": "serialization_id",
}
"""The members to show, and how they are called then."""


def _binary(path: str) -> Look:
    """`.bin` may be anything: only what is surely PyTorch's is taken for a checkpoint."""
    look = _look(path)
    if look.complete and not look.framework:
        return Look(False, "not a PyTorch file: neither a zip archive nor its older format")
    return look


def _study(path: str) -> Look:
    """With what its pickle says. A pickle that cannot be read changes nothing: a script may still."""
    if not zips.is_archive(path):
        return _look(path)
    try:
        members = zips.members(path)
    except zips.Damaged as error:
        return Look(False, str(error))
    look = _of(members)
    return _with_pickle(look, path, members) if look.complete else look


def _with_pickle(look: Look, path: str, members: Mapping[str, zips.Member]) -> Look:
    from runctl_core.checkpoints import pickles
    from runctl_core.checkpoints.formats import pytorch_contents

    try:
        look = evolve(look, details={**look.details, **_small_members(path, members)})
        return pytorch_contents.with_contents(look, pytorch_contents.root_in(path, members))
    except (pickles.Unreadable, zips.Damaged) as error:
        return evolve(look, details={**look.details, "pickle": f"not read: {error}"})


def _study_binary(path: str) -> Look:
    return _study(path) if zips.is_archive(path) else _binary(path)


TORCH = Format("pytorch", _look, _study, suffixes=(".pt", ".pth", ".ckpt"))
TORCH_BINARY = Format("pytorch", _binary, _study_binary, suffixes=(".bin",))
