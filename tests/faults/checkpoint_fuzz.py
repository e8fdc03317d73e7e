"""One process of the fuzz: makes damaged checkpoints, and does with each what a user's commands do.

    PYTHONPATH=tests python tests/faults/checkpoint_fuzz.py FOLDER SEED FIRST COUNT

Each case is bounded: a timer of the C library ends the process when one takes too long, and the kernel
refuses memory. The first promise that is broken is printed, and is the exit status.
"""

from __future__ import annotations

import faulthandler
import json
import resource
import shutil
import sys
import time
from pathlib import Path

from faults.damage import Case, make
from runctl_core.checkpoints import describe, find, newest_complete
from runctl_core.checkpoints.manifest import check
from runctl_core.checkpoints.verdict import Verdict, Verification
from runctl_core.checkpoints.verify import bytes_to_read, verify
from runctl_core.errors import NotFound, RunctlError
from runctl_core.training.documents import of_checkpoint, of_verification

MOST_CPU_S = 1.0
HANGS_AFTER_S = 20.0
"""A case that waits takes no time of the processor: so long may some cases take together."""

ARMED_EVERY = 25

MOST_MEMORY_KB = 200_000
ADDRESSES_BYTES = 1 << 30
"""Threads reserve addresses that they never use, so that this is more than the memory."""


class Broken(Exception):
    """A promise that does not hold."""


def run(folder: Path, seed: int, first: int, count: int) -> int:
    """Try some cases. Returns how many there were."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES_BYTES, ADDRESSES_BYTES))
    for number in range(first, first + count):
        root = folder / str(number)
        root.mkdir(parents=True)
        print(number, file=sys.stderr)  # what it was at when it is ended from outside
        if number % ARMED_EVERY == first % ARMED_EVERY:
            faulthandler.dump_traceback_later(HANGS_AFTER_S, exit=True)
        case = make(root, seed, number)
        try:
            _bounded(root, case)
        except BaseException as error:
            said = f"case {number} of seed {seed}: {case}"
            raise Broken(f"{said}\n{type(error).__name__}: {error}") from error
        shutil.rmtree(root)
    return count


def _bounded(root: Path, case: Case) -> None:
    began = time.process_time()
    _try(root, case)
    took = time.process_time() - began
    if took > MOST_CPU_S:
        raise Broken(f"it took {took:.2f} s")
    if (peak := _peak_kb()) > MOST_MEMORY_KB:
        raise Broken(f"it took {peak} kB of memory")


def _try(root: Path, case: Case) -> None:
    """What `checkpoint list`, `info`, `resume` and `verify` ask."""
    found = find(str(root))
    choice = newest_complete(str(root))
    if choice.chosen and not choice.chosen.complete:
        raise Broken("what is not whole is chosen to resume from")
    for checkpoint in (*found, *choice.passed_over):
        if checkpoint.path.endswith(".manifest.json"):
            raise Broken("a manifest is taken for a checkpoint")
        _is_json(of_checkpoint(checkpoint))
    try:
        _is_json(of_checkpoint(describe(case.path)))
    except NotFound as error:
        _has_words(error)
    for quick in (True, False):
        bytes_to_read(case.path, quick=quick)
        try:
            _is_right(case, verify(case.path, quick=quick), deep=not quick)
        except NotFound as error:
            _has_words(error)
    if case.recorded:
        _is_right(case, check(case.path), deep=True)


def _is_right(case: Case, verified: Verification, *, deep: bool) -> None:
    _is_json(of_verification(verified, recorded=False))
    if case.recorded and not case.whole and deep and verified.verdict is Verdict.GOOD:
        raise Broken("a damaged checkpoint with a manifest is called good")
    if case.whole and verified.verdict is not Verdict.GOOD and (case.recorded or deep):
        raise Broken(f"a whole checkpoint is not called good: {verified.findings}")


def _is_json(document: object) -> None:
    json.dumps(document, allow_nan=False)


def _has_words(error: RunctlError) -> None:
    if not error.message:
        raise Broken("an error without a message")


def _peak_kb() -> int:
    """The most memory that this process ever had; unlike `ru_maxrss`, not what its parent had before."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    place, *numbers = sys.argv[1:]
    print(run(Path(place), *map(int, numbers)), _peak_kb())
