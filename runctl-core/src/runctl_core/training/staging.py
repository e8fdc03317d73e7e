"""A place for what comes from a run's machine, until it is whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from runctl_core.locks import is_at, is_locked, lock
from runctl_core.paths import ensure_private_dir, run_dir

_STAGING = ".fetched-"


@contextmanager
def staging(run_id: str) -> Iterator[str]:
    """A folder that is gone afterwards; those that killed commands left go too."""
    home = ensure_private_dir(run_dir(run_id))
    for name in os.listdir(home):
        path = os.path.join(home, name)
        if name.startswith(_STAGING) and not is_locked(path):
            shutil.rmtree(path, ignore_errors=True)
    folder, fd = _locked_folder(home)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(fd)


def _locked_folder(home: str) -> tuple[str, int]:
    while True:
        folder = tempfile.mkdtemp(prefix=_STAGING, dir=home)
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # another command took it for one that was left
        if lock(fd) and is_at(fd, folder):
            return folder, fd
        os.close(fd)
