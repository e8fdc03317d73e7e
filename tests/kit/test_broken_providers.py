"""Each of these providers breaks one promise: the kit fails on it, on the check named after that promise."""

from __future__ import annotations

import pytest

from kit.broken import creating, ending, heavy, jobs, telling
from kit.runs import beside, failures
from kit.small_provider import SmallProvider

BROKEN = [*creating.BROKEN, *telling.BROKEN, *ending.BROKEN, *heavy.BROKEN, *jobs.BROKEN]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda provider: provider.__name__)
def test_a_broken_promise_fails_the_check_named_after_it(broken, tmp_path):
    found = failures(tmp_path, broken, beside(broken.breaks))
    assert broken.breaks in found, f"a provider that does this passed: {broken.__doc__}"
    assert "a broken promise: " in found[broken.breaks], f"the failure names no promise: {found}"
    others = set(found) - {broken.breaks, *getattr(broken, "also", ())}
    assert not others, f"checks of other promises fail, too: {found}"


def test_the_broken_providers_are_as_many_as_were_promised():
    assert len({broken.breaks for broken in BROKEN}) >= 25


def test_a_provider_that_keeps_its_promises_passes_every_check(tmp_path):
    found = failures(tmp_path, SmallProvider, (), "--runctl-profile", "chaos")
    assert not found, f"an author would search for faults that are not there: {found}"
