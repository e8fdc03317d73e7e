"""Shards held against their index: each tensor that it names must be in the shard that it names."""

from __future__ import annotations

import os
from collections.abc import Iterator

from runctl_core.checkpoints import sidefiles
from runctl_core.checkpoints.contents import Unreadable, located
from runctl_core.checkpoints.formats.huggingface import INDEXES
from runctl_core.checkpoints.formats.safetensors import tensor_names
from runctl_core.checkpoints.verdict import Finding


def check(folder: str) -> Iterator[Finding]:
    """What is missing in the shards of safetensors that an index names. Raises OSError."""
    index = next((name for name in INDEXES if os.path.isfile(os.path.join(folder, name))), None)
    if index is None:
        return
    try:
        wanted = _by_shard(sidefiles.loaded(os.path.join(folder, index)).get("weight_map"))
    except sidefiles.Unreadable as error:
        yield Finding(index, str(error))
        return
    for shard, tensors in wanted.items():
        if not shard.endswith(".safetensors"):
            continue
        try:
            missing = sorted(tensors - tensor_names(located(folder, shard)))
        except (Unreadable, sidefiles.Unreadable) as error:
            yield Finding(shard, f"its tensors are not known: {error}", damage=False)
            continue
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            yield Finding(shard, f"{index} says that {missing[0][:200]} is in it{more}, and it is not")


def _by_shard(weight_map: object) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for tensor, shard in weight_map.items() if isinstance(weight_map, dict) else ():
        if not isinstance(shard, str) or os.path.basename(shard) != shard:
            raise sidefiles.Unreadable("it names a shard that is elsewhere")
        found.setdefault(shard, set()).add(tensor)
    return found
