"""A check of `runctl doctor` and its result."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen


class Verdict(StrEnum):
    """What a check found."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@frozen
class Check:
    """One line of `runctl doctor`.

    Attributes:
        name: What was looked at, in a few words.
        verdict: What was found.
        detail: The evidence: a version, a path, a message.
        fix: The command that mends it; empty when nothing is wrong.
    """

    name: str
    verdict: Verdict
    detail: str = ""
    fix: str = ""
