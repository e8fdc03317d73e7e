"""What a verification says: good, damaged or not to be verified, and each thing that is wrong."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen


class Verdict(StrEnum):
    """What is known of a checkpoint after a verification."""

    GOOD = "good"
    DAMAGED = "damaged"
    UNVERIFIABLE = "unverifiable"


class Evidence(StrEnum):
    """What a verdict rests on."""

    HASHES = "hashes"
    SIZES = "sizes"
    FORMAT = "format"
    HEADERS = "headers"


@frozen
class Finding:
    """One thing that is wrong, or that cannot be told.

    Attributes:
        file: The file, relative to the checkpoint; `.` for the checkpoint itself.
        what: What is wrong with it.
        where: The member or the byte, such as `member data/0`; empty when it is the whole file.
    """

    file: str
    what: str
    where: str = ""


@frozen
class Verification:
    """The outcome for one checkpoint.

    Attributes:
        path: Its absolute path.
        verdict: What is known of it.
        evidence: What the verdict rests on.
        findings: Why it is not good; empty when it is.
        read_bytes: How much of it was read.
    """

    path: str
    verdict: Verdict
    evidence: Evidence
    findings: tuple[Finding, ...] = ()
    read_bytes: int = 0
