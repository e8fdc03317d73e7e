"""The record of a run of the kit: which promises hold. It is written to `conformance.json`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import define, field, frozen

from runctl_core import __version__
from runctl_core.provider import CAPABILITIES
from runctl_core.testing.check import PROFILES, Profile, Promise, checks_of, promise_of
from runctl_core.testing.driven import NOT_APPLICABLE
from runctl_core.testing.suite import ProviderSuite

KIT = 1
"""The version of the kit: it grows when a required check is added or asks for more."""

WORST = ("failed", "skipped", "xfailed", "replaced", "passed", "not_applicable")
"""What may become of a check. Of one that ran several times, the first of these that happened counts."""

HOLDS = ("passed", "not_applicable")


@frozen
class Result:
    """What became of a check.

    Attributes:
        name: One of `WORST`.
        reason: Why; empty for a check that passed.
    """

    name: str
    reason: str = ""


@define(eq=False)
class Record:
    """Collects the results of a run, whichever process they are from.

    Attributes:
        profile: The profile that ran.
        seed: The seed.
        results: The results of each check, by the suite's name and the check's.
        said: What was said of each suite's provider.
    """

    profile: Profile
    seed: int
    results: dict[str, dict[str, list[Result]]] = field(factory=dict)
    said: dict[str, dict[str, Any]] = field(factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a result."""
        said = dict(report.user_properties).get("runctl")
        if not isinstance(said, dict) or (result := _result(report, said["replaced"])) is None:
            return
        self.results.setdefault(said["suite"], {}).setdefault(said["check"], []).append(result)
        known = self.said.setdefault(said["suite"], said)
        if known["api"] is None:
            self.said[said["suite"]] = said

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the record, where one is wanted. Raises UsageError for several suites in one file."""
        path = session.config.getoption("--runctl-conformance")
        if not path or hasattr(session.config, "workerinput"):
            return
        if len(self.results) != 1:
            raise pytest.UsageError(
                f"--runctl-conformance records one suite, and {len(self.results)} ran: choose with -k"
            )
        (suite,) = self.results
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps(self.document(suite), indent=2) + "\n")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say how many promises hold."""
        for suite in self.results:
            document = self.document(suite)
            version = f" {document['version']}" if document["version"] else ""
            terminalreporter.section(f"runctl: {document['provider']}{version}, {suite}")
            for line in self._lines(document):
                terminalreporter.line(line)

    def _lines(self, document: dict[str, Any]) -> list[str]:
        lines = []
        for profile in self.profiles:
            mine = [c for c in document["checks"] if c["profile"] == profile]
            holds = sum(c["result"] in HOLDS for c in mine)
            beside = sum(c["result"] == "not_applicable" for c in mine)
            note = f" ({beside} not applicable)" if beside else ""
            lines.append(f"{profile:12} {holds} of {len(mine)} checks hold{note}")
        lines.append("conformant" if document["conformant"] else "not conformant")
        if any(c["result"] == "failed" for c in document["checks"]):
            lines.append(f"to replay: --runctl-profile {self.profile} --runctl-seed {self.seed}")
        return lines

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """The profiles that ran."""
        return PROFILES[: PROFILES.index(self.profile) + 1]

    def document(self, suite: str) -> dict[str, Any]:
        """The record of a suite, as it stands in `conformance.json`."""
        said, results = self.said[suite], self.results[suite]
        promises = {name: promise_of(f) for name, f in checks_of(ProviderSuite).items()}
        checks = [
            _document(name, promise, _worst(results.get(name, [])))
            for name, promise in promises.items()
            if promise and promise.profile in self.profiles
        ]
        required = [check for check in checks if check["profile"] == "required"]
        return {
            "provider": said["provider"],
            "distribution": said["distribution"],
            "version": said["version"],
            "api": said["api"],
            "core": __version__,
            "kit": KIT,
            "profile": self.profile,
            "date": datetime.now(UTC).date().isoformat(),
            "conformant": all(check["result"] in HOLDS for check in required),
            "capabilities": [name for name in CAPABILITIES if name not in said["unsupported"]],
            "unsupported": said["unsupported"],
            "checks": checks,
        }


def _document(name: str, promise: Promise, result: Result) -> dict[str, str]:
    return {
        "check": name,
        "promise": promise.text,
        "profile": promise.profile,
        "result": result.name,
        "reason": result.reason,
    }


def _worst(results: list[Result]) -> Result:
    if not results:
        return Result("skipped", "it was not run")
    return min(results, key=lambda result: WORST.index(result.name))


def _result(report: pytest.TestReport, replaced: str | None) -> Result | None:
    """What a report says of its check; None when it says nothing new."""
    if hasattr(report, "wasxfail"):
        return Result("xfailed" if report.skipped else "failed", str(report.wasxfail))
    if report.failed:
        return Result("failed", _first_line(report))
    if report.skipped:
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        beside = reason.startswith(NOT_APPLICABLE)
        return Result("not_applicable" if beside else "skipped", reason.removeprefix(NOT_APPLICABLE))
    if report.when != "call":
        return None
    return Result("passed") if replaced is None else Result("replaced", replaced)


def _first_line(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else str(report.longrepr)
    found = [line.partition("found:")[2].strip() for line in text.splitlines() if "found:" in line]
    return (found or text.splitlines() or [""])[0][:300]
