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
        damage: Whether it is wrong; False when it is only not to be told.
    """

    file: str
    what: str
    where: str = ""
    damage: bool = True


@frozen
class Verification:
    """The outcome for one checkpoint.

    Attributes:
        path: Its absolute path.
        evidence: What the verdict rests on.
        findings: Why it is not good; empty when it is.
        read_bytes: How many bytes of its files were read to their end.
    """

    path: str
    evidence: Evidence
    findings: tuple[Finding, ...] = ()
    read_bytes: int = 0

    @property
    def verdict(self) -> Verdict:
        """Good only when there is nothing to say."""
        if any(finding.damage for finding in self.findings):
            return Verdict.DAMAGED
        return Verdict.UNVERIFIABLE if self.findings else Verdict.GOOD
