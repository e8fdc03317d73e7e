"""The check of the suite itself: none of its checks was taken out without a reason."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from runctl_core.testing.check import broken, check, checks_of
from runctl_core.testing.fixtures import Fixtures

TAKE_OUT = ("xfail", "skip", "skipif")
"""Marks that keep a check from failing."""


def replacement(suite: type, original: type, name: str) -> str | None:
    """Why a suite has its own method for a check; empty for no reason, None where it has the kit's."""
    own = getattr(suite, name, None)
    if own is getattr(original, name):
        return None
    reason = getattr(own, "runctl_replaces", "")
    marks = [mark for mark in getattr(own, "pytestmark", []) if mark.name == "xfail"]
    return str(reason or next((_reason(mark) for mark in marks), ""))


def _reason(mark: pytest.Mark) -> str:
    words = mark.args if mark.name == "skip" else ()
    return str(mark.kwargs.get("reason") or next(iter(words), "")).strip()


def unreasoned_marks(items: Iterable[pytest.Item], suite: type) -> list[str]:
    """The tests of a suite that are marked to fail or to be skipped without a reason."""
    mine = [item for item in items if getattr(item, "cls", None) is suite]
    return [
        f"{item.name}: {mark.name}"
        for item in mine
        for mark in item.iter_markers()
        if mark.name in TAKE_OUT and not _reason(mark)
    ]


class Guard(Fixtures):
    """What holds of every suite."""

    @check("no check is replaced, deleted, skipped or expected to fail without a reason")
    def test_no_check_is_taken_out_without_a_reason(self, request: pytest.FixtureRequest) -> None:
        """Compares the suite with the kit's, and looks at the marks of its tests.

        A check may be marked `xfail(reason=…)`, or replaced by a method marked `replaces("why")`.
        """
        from runctl_core.testing.suite import ProviderSuite

        suite = type(self)
        taken = [name for name in checks_of(ProviderSuite) if replacement(suite, ProviderSuite, name) == ""]
        if taken:
            broken(
                expected="a reason for each check that the suite has in its own way", found=", ".join(taken)
            )
        if marks := unreasoned_marks(request.session.items, suite):
            broken(expected="a reason in every xfail and skip", found=", ".join(marks))
