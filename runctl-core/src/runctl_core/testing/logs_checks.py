"""Checks of `logs`: the script's own bytes, from any offset, while it runs and after."""

from __future__ import annotations

import hashlib
import random

from runctl_core.testing.check import broken, check
from runctl_core.testing.job_runs import FOREVER, JobFixtures, JobRuns

_BYTES = bytes(range(256)) + b"\r\n\x1b[31mred\x1b[0m\xff\n"
_BINARY = "import os; os.write(1, bytes(range(256)) + b'\\r\\n\\x1b[31mred\\x1b[0m\\xff\\n')"
_LARGE = "import os; [os.write(1, bytes([n]) * 65536) for n in range(80)]"
_LINES = 300
_STEADY = f"import time\nfor n in range({_LINES}):\n    print(f'line {{n}}'); time.sleep(0.003)"


class LogsChecks(JobFixtures):
    """What the log of a job promises."""

    @check("the log has the script's bytes as they were written", tests="logs")
    def test_log_is_exact(self, jobs: JobRuns) -> None:
        """Prints every byte that there is."""
        handle, _ = jobs.run(_BINARY)
        if (log := jobs.log(handle)) != _BYTES:
            broken(expected=repr(_BYTES), found=log)

    @check("what a script writes to standard error is in its log", tests="logs")
    def test_log_has_standard_error(self, jobs: JobRuns) -> None:
        """Prints to both."""
        handle, _ = jobs.run("import sys; print('out'); print('err', file=sys.stderr)")
        if sorted(jobs.log(handle).splitlines()) != [b"err", b"out"]:
            broken(expected="both lines, out and err", found=jobs.log(handle))

    @check("a log read from an offset begins with the byte at that offset", tests="logs")
    def test_log_offset_is_exact(self, jobs: JobRuns) -> None:
        """Reads from several offsets, the first and the last among them."""
        handle, _ = jobs.run(_BINARY)
        for offset in (0, 1, 2, 255, len(_BYTES) - 1):
            if (found := jobs.executor.logs(handle, offset)) != _BYTES[offset:]:
                broken(expected=f"from {offset} on: {_BYTES[offset:]!r}", found=found)

    @check("a log is read up to its limit, and not one byte more", tests="logs")
    def test_log_limit_is_honoured(self, jobs: JobRuns) -> None:
        """Reads with several limits."""
        handle, _ = jobs.run(_BINARY)
        for offset, limit in ((0, 1), (3, 10), (250, 10)):
            found = jobs.executor.logs(handle, offset, limit=limit)
            if found != (wanted := _BYTES[offset : offset + limit]):
                broken(expected=f"{limit} bytes from {offset} on: {wanted!r}", found=found)

    @check("a log is empty at its end and beyond it", tests="logs")
    def test_log_is_empty_at_its_end(self, jobs: JobRuns) -> None:
        """Reads at the end, and far behind it."""
        handle, _ = jobs.run(_BINARY)
        for offset in (len(_BYTES), len(_BYTES) + 1, 1 << 30):
            if found := jobs.executor.logs(handle, offset):
                broken(expected=f"nothing from {offset} on, in a log of {len(_BYTES)} bytes", found=found)

    @check("the log of a script that prints nothing is empty", tests="logs")
    def test_log_of_a_silent_script_is_empty(self, jobs: JobRuns) -> None:
        """Runs a script that prints nothing."""
        handle, _ = jobs.run("pass")
        if found := jobs.log(handle):
            broken(expected="an empty log", found=found)

    @check("what a running script printed can be read while it runs", tests="logs")
    def test_log_is_there_while_the_script_runs(self, jobs: JobRuns) -> None:
        """Waits for the words of a script that does not end."""
        handle = jobs.start(FOREVER)
        jobs.says(handle, b"ready\n")
        if (status := jobs.executor.status(handle)).phase.over:
            broken(expected="the script still runs when its first words are read", found=status)

    @check("a log that is followed while it grows loses no byte and repeats none", tests="logs")
    def test_log_is_followed_without_loss(self, jobs: JobRuns, seed: int) -> None:
        """Follows a script that prints steadily, in pieces of any size."""
        chance, log, over = random.Random(seed), b"", False  # noqa: S311
        handle = jobs.start(_STEADY)
        while True:
            if piece := jobs.executor.logs(handle, len(log), limit=chance.randint(1, 400)):
                log += piece
            elif over:
                break
            else:
                over = jobs.executor.status(handle).phase.over
        wanted = "".join(f"line {n}\n" for n in range(_LINES)).encode()
        if log != wanted:
            broken(expected=f"{_LINES} lines, {len(wanted)} bytes", found=f"{len(log)} bytes: {log[-200:]!r}")

    @check("a log of megabytes is whole", tests="logs")
    def test_large_log_is_whole(self, jobs: JobRuns) -> None:
        """Prints five megabytes."""
        handle, _ = jobs.run(_LARGE)
        wanted, log = b"".join(bytes([n]) * 65536 for n in range(80)), jobs.log(handle)
        if hashlib.sha256(log).digest() != hashlib.sha256(wanted).digest():
            broken(expected=f"{len(wanted)} bytes, as they were printed", found=f"{len(log)} bytes")

    @check("the status tells how large the log is", profile="recommended", tests="status")
    def test_log_size_is_told(self, jobs: JobRuns) -> None:
        """Compares the size with the log."""
        _, status = jobs.run(_BINARY)
        if status.log_bytes != len(_BYTES):
            broken(expected=f"log_bytes {len(_BYTES)}", found=status.log_bytes)

    @check("what set-up programs print is in a log of its own", tests="logs")
    def test_setup_log_is_separate(self, jobs: JobRuns) -> None:
        """Runs a set-up program that prints, and a script that prints something else."""
        handle, _ = jobs.run("print('script')", setup=(("echo", "set up"),))
        logs = (jobs.log(handle), jobs.executor.logs(handle, 0, log="setup"))
        if logs != (b"script\n", b"set up\n"):
            broken(expected="b'script\\n' in the log, b'set up\\n' in the log of the set-up", found=logs)
