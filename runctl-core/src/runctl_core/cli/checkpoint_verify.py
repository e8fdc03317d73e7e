"""`runctl checkpoint verify`: are checkpoints good, and where are they not?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

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


def verify(
    place: Annotated[str, Argument(metavar="PATH|RUN", help="A checkpoint, a folder of them, or a run.")],
    every: Annotated[bool, Option("--all", help="Verify every checkpoint, not the newest one.")] = False,
    quick: Annotated[bool, Option("--quick", help="Read headers and sizes only.")] = False,
    record: Annotated[bool, Option("--record", help="Write a manifest beside each good one.")] = False,
    json: JsonFlag = False,
) -> None:
    """Say whether a checkpoint is good, and where it is not.

    With a manifest beside it, the sizes and hashes of all its files decide: not one bit may differ.
    Without one, its format decides: the checksums of archives, the places of tensors, the instructions
    of pickles. Nothing in it is executed.

    Of a folder or a run, the newest checkpoint is verified.

    Examples:
        runctl checkpoint verify checkpoints/step-500.pt
        runctl checkpoint verify brave-otter-41 --all
        runctl checkpoint verify checkpoints/ --all --record
    """
    if quick and record:
        raise UsageError("--record reads every byte, and --quick none", fix="leave out one of them")
    done = list(_verified(_chosen(place, every), quick, record))
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
    if len(found) > 1 and not every:
        output.note(f"the newest of {len(found):,}: --all verifies each")
        return found[:1]
    return found


def _verified(paths: Sequence[str], quick: bool, record: bool) -> Iterator[tuple[Verification, bool]]:
    """Each with whether a manifest was written for it."""
    from runctl_core.checkpoints import verify as verifying

    to_read = sum(verifying.bytes_to_read(path, quick=quick, recording=record) for path in paths)
    with output.Progress("verifying", to_read) as progress:
        for path in paths:
            verified = verifying.verify(path, quick=quick, advance=progress.advance)
            yield verified, record and verifying.record(verified, progress.advance)


def _show(done: Sequence[Verification]) -> None:
    live = output.results().isatty()
    names = [os.path.relpath(one.path) if live else one.path for one in done]
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


def _in_words(finding: Finding) -> str:
    parts = [finding.file if finding.file != "." else "", finding.where, finding.what]
    return ": ".join(part for part in parts if part)
