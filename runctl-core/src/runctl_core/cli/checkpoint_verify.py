"""`runctl checkpoint verify`: are checkpoints good, and where are they not?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

from typer import Argument, Exit, Option

from runctl_core.cli import output
from runctl_core.cli.checkpoint import folder_of, name_what_is_broken
from runctl_core.cli.options import JsonFlag
from runctl_core.errors import Damaged, NotFound, UsageError

if TYPE_CHECKING:
    from runctl_core.checkpoints.verdict import Finding, Verification

UNVERIFIABLE = 115
"""Exit status when nothing is damaged, and something cannot be verified."""

_MOST_FINDINGS = 20
_T = TypeVar("_T")


def verify(
    place: Annotated[
        str, Argument(metavar="PATH|RUN|URL", help="A checkpoint, a folder of them, a run, or a store's URL.")
    ],
    every: Annotated[bool, Option("--all", help="Verify every checkpoint, not the newest one.")] = False,
    quick: Annotated[bool, Option("--quick", help="Read headers and sizes only.")] = False,
    record: Annotated[bool, Option("--record", help="Write a manifest beside each good one.")] = False,
    json: JsonFlag = False,
) -> None:
    """Say whether a checkpoint is good, and where it is not.

    With a manifest beside it, the sizes and hashes of all its files decide: not one bit may differ.
    Without one, its format decides: the checksums of archives, the places of tensors, the instructions
    of pickles. Nothing in it is executed.

    Of a folder, a run or a store, the newest checkpoint is verified.

    Examples:
        runctl checkpoint verify checkpoints/step-500.pt
        runctl checkpoint verify brave-otter-41 --all
        runctl checkpoint verify checkpoints/ --all --record
        runctl checkpoint verify file:///mnt/models/step-500.pt
    """
    if quick and record:
        raise UsageError("--record reads every byte, and --quick none", fix="leave out one of them")
    stored = "://" in place
    if stored and record:
        raise UsageError("--record is for checkpoints on this computer", fix="leave it out")
    done = list(_of_store(place, every, quick) if stored else _of_folder(place, every, quick, record))
    if json:
        from runctl_core.training.documents import of_verification

        output.print_json([of_verification(verified, recorded=recorded) for verified, recorded in done])
    else:
        _show([verified for verified, _ in done])
    if written := sum(recorded for _, recorded in done):
        output.note(f"{output.count(written, 'manifest')} written")
    name_what_is_broken()
    verdicts = {str(verified.verdict) for verified, _ in done}
    if verdicts != {"good"}:
        raise Exit(Damaged.exit_status if "damaged" in verdicts else UNVERIFIABLE)


def _chosen(place: str, every: bool) -> list[str]:
    """The checkpoints to verify. Raises NotFound."""
    from runctl_core.checkpoints import claim, listing, manifest

    is_one = os.path.exists(place) and (manifest.exists(place) or claim(place, os.path.isdir(place)))
    if is_one and not (every and os.path.isdir(place)):
        return [place]
    folder = folder_of(place)
    found = [checkpoint.path for checkpoint in listing(folder, look_into=0)]
    if not found:
        raise NotFound(f"no checkpoints in {folder}", fix=f"runctl checkpoint list {place}")
    return _newest(found, every)


def _newest(found: list[_T], every: bool) -> list[_T]:
    if len(found) > 1 and not every:
        output.note(f"the newest of {len(found):,}: --all verifies each")
        return found[:1]
    return found


def _of_folder(place: str, every: bool, quick: bool, record: bool) -> Iterator[tuple[Verification, bool]]:
    """Each with whether a manifest was written for it."""
    from runctl_core.checkpoints import verify as verifying

    paths = _chosen(place, every)
    to_read = sum(verifying.bytes_to_read(path, quick=quick, recording=record) for path in paths)
    with output.Progress("verifying", to_read) as progress:
        for path in paths:
            verified = verifying.verify(path, quick=quick, advance=progress.advance)
            yield verified, record and verifying.record(verified, progress.advance)


def _of_store(url: str, every: bool, quick: bool) -> Iterator[tuple[Verification, bool]]:
    from attrs import evolve

    from runctl_core.stores.opening import open_url
    from runctl_core.transfer.stored_verify import chosen, verify_stored

    place = open_url(url)
    found = _newest(chosen(place), every)
    with output.Progress("verifying", 0 if quick else sum(size for _, size in found)) as progress:
        for name, _ in found:
            yield verify_stored(evolve(place, name=name), quick=quick, advance=progress.advance), False


def _show(done: Sequence[Verification]) -> None:
    names = _names([one.path for one in done])
    for name, one in zip(names, done, strict=True):
        for finding in one.findings[:_MOST_FINDINGS]:
            output.note(output.visible(f"{name}: {_in_words(finding)}"))
        if more := len(one.findings[_MOST_FINDINGS:]):
            output.note(output.visible(f"{name}: and {more:,} more findings: --json"))
    rows = [
        (name, str(one.verdict), str(one.evidence), output.size(one.read_bytes) if one.read_bytes else "-")
        for name, one in zip(names, done, strict=True)
    ]
    output.table(("CHECKPOINT", "VERDICT", "BY", "READ"), rows, empty="")


def _names(paths: list[str]) -> list[str]:
    """Short ones on a terminal: a folder that is not below the working one is said once."""
    if not paths or not output.results().isatty() or not all(map(os.path.isabs, paths)):
        return paths
    folder = os.path.commonpath([os.path.dirname(path) for path in paths])
    if not os.path.relpath(folder).startswith(os.pardir):
        return [os.path.relpath(path) for path in paths]
    output.note(f"in {folder}")
    return [os.path.relpath(path, folder) for path in paths]


def _in_words(finding: Finding) -> str:
    parts = [finding.file if finding.file != "." else "", finding.where, finding.what]
    return ": ".join(part for part in parts if part)
