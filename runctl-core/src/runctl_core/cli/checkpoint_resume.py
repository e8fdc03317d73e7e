"""`runctl checkpoint resume`: `train` that begins with a checkpoint."""

from __future__ import annotations

import inspect
import os
import typing
from typing import Annotated, Any

from typer import Argument

from runctl_core.cli import output
from runctl_core.cli.checkpoint import one_of
from runctl_core.cli.train import train


def resume(path: str, **options: Any) -> None:
    """Train a script from a checkpoint on: a new run, with the options of `runctl train`.

    Of a folder or a run, the newest whole checkpoint is taken. One in a store is copied here first,
    and kept: the next time it is there. It is verified to its end, and refused when it is damaged.
    The script finds it in RUNCTL_RESUME_FROM.

    Examples:
        runctl checkpoint resume checkpoints/step-500.pt train.py
        runctl checkpoint resume brave-otter-41 finetune.py
        runctl checkpoint resume out/checkpoint-500 train.py --gpu H100 -- --lr 1e-4
        runctl checkpoint resume file:///mnt/share/step-500.pt train.py
    """
    named = os.path.expanduser(path)
    here = _fetched(path) if "://" in path else one_of(named)
    if here != named:
        output.note(f"from {here}")
    _require_good(here)
    train(resume=here, **options)


def _fetched(url: str) -> str:
    """Where a checkpoint of a store lies on this computer, once it does."""
    import hashlib

    from runctl_core.paths import ensure_private_dir, state_dir
    from runctl_core.stores.opening import open_url
    from runctl_core.transfer import Workers, carry, prepare, routes
    from runctl_core.transfer.stored import stored_checkpoint

    place = open_url(url)
    size_bytes = stored_checkpoint(place).size_bytes
    key = hashlib.sha256(url.encode()).hexdigest()[:16]
    folder = ensure_private_dir(os.path.join(state_dir(), "fetched", key))
    here, workers = os.path.join(folder, os.path.basename(place.name)), Workers(4)
    found = routes(place, here, key, into=False)
    prepared = [prepare(each.source, each.target, workers, rename=each.rename) for each in found]
    output.note(f"copying {url} to {here}")
    with output.Progress("copying", size_bytes) as progress:
        carry(prepared, workers, progress=progress.advance)
    return here


def _require_good(path: str) -> None:
    from runctl_core.checkpoints.verify import bytes_to_read, verify
    from runctl_core.training.start import require_undamaged

    with output.Progress("verifying", bytes_to_read(path)) as progress:
        require_undamaged(verify(path, advance=progress.advance), path)


def _as_train() -> None:
    """Give `resume` the parameters of `train`, with the checkpoint first."""
    path = Annotated[
        str, Argument(metavar="PATH|RUN|URL", help="A checkpoint, a folder, a run, or one in a store.")
    ]
    hints: dict[str, Any] = typing.get_type_hints(train, include_extras=True)
    signature = inspect.signature(train)
    taken = [
        parameter.replace(annotation=hints[name])
        for name, parameter in signature.parameters.items()
        if name != "resume"
    ]
    first = inspect.Parameter("path", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=path)
    resume.__signature__ = signature.replace(parameters=[first, *taken])  # type: ignore[attr-defined]
    resume.__annotations__ = {"path": path, **{p.name: p.annotation for p in taken}, "return": None}


_as_train()
