"""Keras: `.keras` is a zip archive, and the older `.h5` is HDF5, whose first bytes say how long it is."""

from __future__ import annotations

import os
import struct

from runctl_core.checkpoints import sidefiles, zips
from runctl_core.checkpoints.formats.opaque import unverifiable
from runctl_core.checkpoints.regular import opened
from runctl_core.models.checkpoints import Format, Look


def _keras(path: str) -> Look:
    try:
        members = zips.members(path)
        if "config.json" not in members:
            return Look(False, "no config.json in it")
        documents = {
            name: sidefiles.parsed(zips.content(path, name, members[name], sidefiles.LIMIT + 1))
            for name in ("metadata.json", "config.json")
            if name in members
        }
    except zips.Damaged as error:
        return Look(False, str(error))
    except sidefiles.TooLarge as error:
        return Look(True, f"not verified: its configuration is {error}", framework="keras")
    except sidefiles.Unreadable as error:
        return Look(False, f"its configuration is damaged: {error}")
    metadata = documents.get("metadata.json", {})
    details = {"saved_at": sidefiles.text(metadata, "date_saved")}
    details["model"] = sidefiles.text(documents["config.json"], "class_name")
    return Look(
        True,
        framework="keras",
        framework_version=sidefiles.text(metadata, "keras_version"),
        details={name: value for name, value in details.items() if value},
    )


def _hdf5(path: str) -> Look:
    """The superblock has the address where the file ends: at 40, 44, 28, 28 in versions 0 to 3."""
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(64)
    if len(head) < 64 or head[:8] != b"\x89HDF\r\n\x1a\n":
        return Look(False, "no HDF5 header")
    version = head[8]
    at = {0: 40, 1: 44, 2: 28, 3: 28}.get(version)
    if at is None or head[13 if version < 2 else 9] != 8:
        return unverifiable(path, "an HDF5 version or offset size that is not known here")
    if version == 3 and head[11] & 1:
        return Look(False, "it was not closed: it was still being written")
    (end,) = struct.unpack_from("<Q", head, at)
    return Look(end <= size, "" if end <= size else f"it should have {end} bytes, and has {size}")


KERAS = Format("keras", _keras, suffixes=(".keras",))
HDF5 = Format("hdf5", _hdf5, suffixes=(".h5", ".hdf5"))
