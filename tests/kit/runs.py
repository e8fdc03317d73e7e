"""Runs of the kit in a pytest of its own, as an author runs it, and which checks failed."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

from runctl_core.testing import ProviderSuite
from runctl_core.testing.check import checks_of

HERE = Path(__file__).parent
SUITE = HERE / "suite_of.py"
LIMIT_S = 240


SLOW = {
    "test_cancel_ends_every_process",
    "test_cancel_honours_the_grace",
    "test_cancel_kills_after_the_grace",
    "test_deadline_ends_the_job",
    "test_budget_ends_the_job",
    "test_idle_job_is_ended",
    "test_log_is_followed_without_loss",
    "test_another_process_does_not_start_it_again",
}
"""Checks that wait for real time to pass: not every broken provider is held against all of them."""


def beside(check: str) -> list[str]:
    """A check, and the quick ones of the same mixin."""
    owner = next(cls for cls in ProviderSuite.__mro__ if check in vars(cls))
    return sorted(name for name in checks_of(owner) if name in vars(owner) and name not in SLOW - {check})


def failures(folder: Path, provider: type, checks: Iterable[str] = (), *options: str) -> dict[str, str]:
    """Run checks on a provider of the small cloud, all of them by default; what failed, and why."""
    report = folder / "report.xml"
    chosen = [f"{SUITE}::TestSmall::{check}" for check in checks] or [str(SUITE)]
    env = {
        **os.environ,
        "PYTHONPATH": str(HERE.parent),
        "SMALL_PROVIDER": f"{provider.__module__}:{provider.__name__}",
        "SMALL_READY_S": str(getattr(provider, "ready_s", 60)),
    }
    command = [sys.executable, "-m", "pytest", "-q", *chosen, f"--junitxml={report}", *options]
    command += ["-p", "runctl_core.testing.plugin", "-p", "no:cacheprovider", f"--basetemp={folder / 'run'}"]
    done = subprocess.run(
        command, cwd=HERE.parent.parent, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode in (0, 1), f"the kit did not run: {done.stdout[-3000:]}{done.stderr[-2000:]}"
    cases = list(ET.parse(report).iter("testcase"))  # noqa: S314  our own file
    assert cases, f"no check ran: {done.stdout[-3000:]}"
    bad = [(case, end) for case in cases for end in case if end.tag in ("failure", "error")]
    return {case.get("name", "").partition("[")[0]: end.get("message", "") for case, end in bad}
