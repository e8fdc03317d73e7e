"""Putting what was made beside a target in its place: the target is the old one or the new one, whole."""

from __future__ import annotations

import os


def replace(partial: str, target: str) -> None:
    """Put `partial` in the place of `target`; what is there is moved aside first where either is a folder."""
    if os.path.lexists(target) and (os.path.isdir(partial) or os.path.isdir(target)):
        aside = f"{partial}.old"
        os.rename(target, aside)
        os.rename(partial, target)
        discard(aside)
    else:
        os.replace(partial, target)


def discard(path: str) -> None:
    """Remove a file or a folder, if it is there."""
    import shutil

    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)
