"""Transfers for tests, from paths and URLs of stores, as the command makes them."""

from __future__ import annotations

import random
from pathlib import Path

from runctl_core.stores.opening import open_url
from runctl_core.transfer import Act, Prepared, Where, Workers, carry, prepare, routes


def few_files(folder: Path) -> Path:
    """Make a folder with a few files in it, of strange names too."""
    chance = random.Random(1)
    for name, size in {"a.bin": 300_000, "deep/b/c.bin": 10, "deep/empty": 0, "ü\n.txt": 5}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(size))
    (folder / "deep" / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "deep" / "run.sh").chmod(0o755)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """What is below a folder, hidden files included."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def look(
    source: Path | str, target: Path | str, *, checksum: bool = False, into: bool = False
) -> list[Prepared]:
    """What a transfer would do."""
    workers = Workers(2)
    ways = routes(where(source), where(target), f"{source} {target}", into=into)
    return [prepare(w.source, w.target, workers, rename=w.rename, checksum=checksum) for w in ways]


def where(word: Path | str) -> Where:
    """A path, or the place that a URL names."""
    return open_url(word) if isinstance(word, str) else str(word)


def transfer(source: Path | str, target: Path | str, *, into: bool = False) -> list[Prepared]:
    """What a transfer did."""
    return carry(look(source, target, into=into), Workers(2), progress=lambda _: None)


def acts(prepared: list[Prepared]) -> dict[str, Act]:
    """What became of each name."""
    return {step.name: step.act for one in prepared for step in one.steps}
