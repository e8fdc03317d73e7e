"""`runctl transfer`: files between this computer, runs and stores."""

from __future__ import annotations

import os
import re
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runctl_core.stores import Place
    from runctl_core.transfer import Prepared, Source, Step, Target, Workers

_OF_A_RUN = re.compile(r"(?P<run>[^/:]+):(?P<path>.*)", re.DOTALL)


def transfer(
    source: Annotated[
        str, Argument(metavar="SRC", help="A file or folder, RUN:PATH, or the URL of a store.")
    ],
    target: Annotated[str, Argument(metavar="DST", help="Where to; the same kinds.")],
    jobs: Annotated[int, Option(min=1, max=64, help="How many files at once.")] = 4,
    checksum: Annotated[
        bool, Option("--checksum", help="Compare contents also where size and time agree.")
    ] = False,
    force: Annotated[bool, Option("--force", help="Replace files that differ.")] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Show what would happen, and do nothing.")] = False,
    json: JsonFlag = False,
) -> None:
    """Copy files between this computer, runs and stores: verified, and each one whole or not at all.

    A folder's contents go into DST; a file goes to the name DST, or into it when DST is a folder or
    ends with `/`. What is there already is left alone. Repeat the command after Ctrl-C: it goes on.

    Examples:
        runctl transfer brave-otter-41:checkpoints checkpoints/
        runctl transfer checkpoints/ file:///mnt/share/checkpoints
        runctl transfer latest:results/metrics.json . --force
    """
    from runctl_core.transfer import Act, Workers, prepare
    from runctl_core.transfer.documents import of_transfer

    with ExitStack() as stack:
        workers = Workers(jobs)
        reading = _source(source, stack)
        writing, rename = _target(target, reading, source)
        prepared = prepare(reading, writing, workers, rename=rename, checksum=checksum)
        if not dry_run:
            _require_consent(prepared.of(Act.REPLACE), target, force=force)
            prepared = _carry(prepared, reading, writing, workers)
    if json:
        output.print_json(of_transfer(prepared, source, target, dry_run=dry_run))
        return
    _show(prepared, target, dry_run=dry_run)


def _carry(prepared: Prepared, reading: Source, writing: Target, workers: Workers) -> Prepared:
    from runctl_core.transfer import Act, carry

    total = sum(step.item.size_bytes for step in prepared.of(Act.COPY, Act.REPLACE))
    try:
        with output.Progress("copying", total) as progress:
            return carry(prepared, reading, writing, workers, progress=progress.advance)
    except KeyboardInterrupt:
        output.note("\nstopped; the same command goes on from here")
        raise


def _source(word: str, stack: ExitStack) -> Source:
    from runctl_core.stores import is_url, open_url
    from runctl_core.transfer import LocalSource, StoreSource

    if is_url(word):
        if word.startswith("file://"):
            return LocalSource(_path_of(word))
        return StoreSource(open_url(word), word)
    if (found := _run_path(word)) is None:
        return LocalSource(os.path.expanduser(word))
    from runctl_core.cli.follow import executor_of
    from runctl_core.cli.session import Session
    from runctl_core.training.run_files import readable

    session = Session()
    run = session.settled_run(found["run"])
    path = readable(run, session.plan(run), found["path"], executor_of(session, run))
    return LocalSource(stack.enter_context(path))


def _target(word: str, reading: Source, source: str) -> tuple[Target, str | None]:
    """The target, and the name of a single file there."""
    from runctl_core.stores import Place, is_url, open_url
    from runctl_core.transfer import LocalTarget, StoreTarget

    if is_url(word) and not word.startswith("file://"):
        place = open_url(word)
        if not reading.is_file or word.endswith("/") or not place.name or _has_files(place):
            return StoreTarget(place), None
        folder, _, name = place.name.rpartition("/")
        return StoreTarget(Place(place.store, folder)), name
    path, key = _local_target(word), f"{_name(source)}\n{_name(word)}"
    if not reading.is_file:
        _require_outside(path, reading)
        return LocalTarget(path, key), None
    if word.endswith("/") or os.path.isdir(path):
        return LocalTarget(path, key), None
    return LocalTarget(os.path.dirname(os.path.abspath(path)), key), os.path.basename(path)


def _local_target(word: str) -> str:
    if word.startswith("file://"):
        return _path_of(word)
    if (found := _run_path(word)) is None:
        return os.path.expanduser(word)
    from runctl_core.cli.follow import executor_of
    from runctl_core.cli.session import Session
    from runctl_core.training.run_files import writable

    session = Session()
    run = session.settled_run(found["run"])
    return writable(run, session.plan(run), found["path"], executor_of(session, run))


def _run_path(word: str) -> re.Match[str] | None:
    """`RUN:PATH`, as scp has it: a colon before the first slash. `./a:b` is a file of that name."""
    return None if os.path.lexists(word) else _OF_A_RUN.fullmatch(word)


def _path_of(url: str) -> str:
    from runctl_core.stores import open_url

    return f"/{open_url(url).name}{'/' if url.endswith('/') else ''}"


def _name(word: str) -> str:
    """The same for each way of writing one place, so that the same transfer is known again."""
    return word if ":" in word else os.path.abspath(os.path.expanduser(word))


def _has_files(place: Place) -> bool:
    return any(True for _ in place.store.list(f"{place.name}/"))


def _require_outside(path: str, reading: Source) -> None:
    from runctl_core.errors import UsageError
    from runctl_core.transfer import LocalSource

    inner = os.path.realpath(path)
    if isinstance(reading, LocalSource) and inner.startswith(os.path.realpath(reading.path) + os.sep):
        raise UsageError(f"{path} lies in {reading.path}", fix="transfer to a folder outside of it")


def _require_consent(differing: Sequence[Step], target: str, *, force: bool) -> None:
    """Ask before files are replaced that differ. Raises Refused."""
    if not differing or force:
        return
    from runctl_core.errors import Refused

    names = ", ".join(step.name for step in differing[:3]) + (", …" if len(differing) > 3 else "")
    if sys.stdin.isatty():
        output.confirm(f"{target} has {names} already, and they differ. Replace them?", yes=False)
        return
    differ = f"{output.count(len(differing), 'file')} at {target} would be replaced"
    raise Refused(differ, why=f"they differ from what would be copied: {names}", fix="--force")


def _show(prepared: Prepared, target: str, *, dry_run: bool) -> None:
    from runctl_core.transfer import Act

    if dry_run:
        rows = [(step.name, output.size(step.item.size_bytes), str(step.act)) for step in prepared.steps]
        output.table(("FILE", "SIZE", "WHAT"), rows, empty="nothing to copy")
    for words in prepared.left_out:
        output.note(f"left out: {words}")
    carried, same = prepared.of(Act.COPY, Act.REPLACE), prepared.of(Act.SKIP)
    total = output.size(sum(step.item.size_bytes for step in carried))
    already = f"; there already: {len(same)}" if same else ""
    done = "would be copied" if dry_run else "copied"
    output.note(f"{output.count(len(carried), 'file')} ({total}) {done} to {target}{already}")
