"""Deleting only what is safe: the rules, the plan, and its execution.

`rules.py` is every reason against a deletion, `facts.py` finds what they look at, `safety.py` makes the
plan, `apply.py` carries it out, and `release.py` is the one place that ends or stops a resource.
"""

from __future__ import annotations

from runctl_core.cleanup.apply import Cleaned, Cleanup, Failure
from runctl_core.cleanup.facts import Lookout
from runctl_core.cleanup.rules import STOP_ENOUGH, Facts, JobSeen, Mode, Policy, Reason, Rule
from runctl_core.cleanup.safety import CleanupSafety, Plan, Skipped, Step
from runctl_core.cleanup.select import meant

__all__ = [
    "STOP_ENOUGH",
    "Cleaned",
    "Cleanup",
    "CleanupSafety",
    "Facts",
    "Failure",
    "JobSeen",
    "Lookout",
    "Mode",
    "Plan",
    "Policy",
    "Reason",
    "Rule",
    "Skipped",
    "Step",
    "meant",
]
