"""`runctl transfer`: files between this computer, runs and stores."""

from __future__ import annotations

import os
import re
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from runctl_core import words
from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from runctl_core.executor import JobExecutor
    from runctl_core.models.runs import Run
    from runctl_core.training.plan import Plan
    from runctl_core.transfer import Act, Prepared, Step, Where, Workers

_OF_A_RUN = re.compile(r"[^/:]+:")


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
    from runctl_core.transfer import Act, Workers, prepare, routes
    from runctl_core.transfer.documents import of_transfer

    with ExitStack() as stack:
        workers = Workers(jobs)
        there = _place(target) or _writable(target)
        here = _place(source) or stack.enter_context(_readable(source))
        key = f"{_same_for_one_place(source)} {_same_for_one_place(target)}"
        prepared = [
            prepare(route.source, route.target, workers, rename=route.rename, checksum=checksum)
            for route in routes(here, there, key, into=target.endswith("/"))
        ]
        if not dry_run:
            _require_consent(_steps(prepared, Act.REPLACE), target, force=force)
            prepared = _carry(prepared, workers)
    if json:
        output.print_json(of_transfer(prepared, source, target, dry_run=dry_run))
        return
    _show(prepared, target, dry_run=dry_run)


def _steps(prepared: Sequence[Prepared], *acts: Act) -> list[Step]:
    return [step for one in prepared for step in one.of(*acts)]


def _carry(prepared: Sequence[Prepared], workers: Workers) -> list[Prepared]:
    from runctl_core.transfer import Act, carry

    total = sum(step.item.size_bytes for step in _steps(prepared, Act.COPY, Act.REPLACE))
    try:
        with output.Progress("copying", total) as progress:
            return carry(prepared, workers, progress=progress.advance)
    except KeyboardInterrupt:
        output.note("\nstopped; the same command goes on from here")
        raise


def _place(word: str) -> Where | None:
    """What a word names, unless it is something of a run. The disk's own URL is a path."""
    from runctl_core.stores.opening import is_url, open_url

    if is_url(word):
        place = open_url(word)
        return f"/{place.name}" if word.startswith("file:") else place
    return None if _run_path(word) else os.path.abspath(os.path.expanduser(word))


def _readable(word: str) -> AbstractContextManager[str]:
    from runctl_core.training.run_files import readable

    return readable(*_of_run(word))


def _writable(word: str) -> str:
    from runctl_core.training.run_files import writable

    return writable(*_of_run(word))


def _of_run(word: str) -> tuple[Run, Plan, str, JobExecutor | None]:
    from runctl_core.cli.follow import executor_of
    from runctl_core.cli.session import Session

    ref, _, path = word.partition(":")
    session = Session()
    run = session.settled_run(ref)
    return run, session.plan(run), path, executor_of(session, run)


def _run_path(word: str) -> bool:
    """Whether it is `RUN:PATH`: as scp has it, a colon before any slash. `./a:b` is a file of that name."""
    return _OF_A_RUN.match(word) is not None and not os.path.lexists(word)


def _same_for_one_place(word: str) -> str:
    return word if ":" in word else os.path.abspath(os.path.expanduser(word))


def _require_consent(differing: Sequence[Step], target: str, *, force: bool) -> None:
    """Ask before files are replaced that differ. Raises Refused."""
    if not differing or force:
        return
    from runctl_core.errors import Refused

    names = ", ".join(step.name for step in differing[:3]) + (", …" if len(differing) > 3 else "")
    if sys.stdin.isatty():
        output.confirm(f"{target} has {names} already, and they differ. Replace them?", yes=False)
        return
    differ = f"{words.count(len(differing), 'file')} at {target} would be replaced"
    raise Refused(differ, why=f"they differ from what would be copied: {names}", fix="--force")


def _show(prepared: Sequence[Prepared], target: str, *, dry_run: bool) -> None:
    from runctl_core.transfer import Act

    if dry_run:
        rows = [
            (step.name, words.size(step.item.size_bytes), str(step.act)) for step in _steps(prepared, *Act)
        ]
        output.table(("FILE", "SIZE", "WHAT"), rows, empty="nothing to copy")
    for one in prepared:
        for what in one.left_out:
            output.note(f"left out: {what}")
    carried, same = _steps(prepared, Act.COPY, Act.REPLACE), _steps(prepared, Act.SKIP)
    total = words.size(sum(step.item.size_bytes for step in carried))
    already = f"; there already: {len(same)}" if same else ""
    done = "would be copied" if dry_run else "copied"
    output.note(f"{words.count(len(carried), 'file')} ({total}) {done} to {target}{already}")
