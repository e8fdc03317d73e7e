"""No check leaves a suite without a reason, and a record says which ones did."""

from __future__ import annotations

import pytest

from kit.authors import Author, result

GUARD = "test_no_check_is_taken_out_without_a_reason"
NAME = "test_offers_make_nothing"
QUICK = ("-k", f"{GUARD} or {NAME}")

TAKEN_OUT = {
    "replaced": f"def {NAME}(self): pass",
    "deleted": f"{NAME} = None",
    "xfail": f"@pytest.mark.xfail\ndef {NAME}(self): assert False",
    "xfail with an empty reason": f"@pytest.mark.xfail(reason=' ')\ndef {NAME}(self): assert False",
    "replaced for no reason": f"@replaces('')\ndef {NAME}(self): pass",
}


@pytest.mark.parametrize("how", TAKEN_OUT)
def test_a_check_taken_out_without_a_reason_fails_the_suite(author: Author, how: str) -> None:
    author.writes(TAKEN_OUT[how])
    record = author.recorded(*QUICK)
    assert result(record, GUARD)[0] == "failed"
    assert NAME in result(record, GUARD)[1]


def test_a_reasoned_xfail_is_recorded_with_its_reason(author: Author) -> None:
    author.writes(f"@pytest.mark.xfail(reason='our cloud counts badly')\ndef {NAME}(self): assert False")
    record = author.recorded(*QUICK)
    assert result(record, NAME) == ("xfailed", "our cloud counts badly")
    assert result(record, GUARD)[0] == "passed"


def test_a_reasoned_replacement_passes_and_is_recorded_as_one(author: Author) -> None:
    author.writes(f"@replaces('our offers are a file')\ndef {NAME}(self): pass")
    record = author.recorded(*QUICK)
    assert result(record, NAME) == ("replaced", "our offers are a file")
    assert result(record, GUARD)[0] == "passed"
    assert not record["conformant"], "nobody knows what the author's own method checks"


def test_the_guard_cannot_be_replaced(author: Author) -> None:
    author.writes(f"@replaces('I may')\ndef {GUARD}(self): pass")
    done = author.runs(*QUICK)
    assert done.returncode == 4, done.stdout
    assert f"TestMine replaces {GUARD}" in done.stderr


@pytest.mark.parametrize("mark", ["xfail", "skip(reason='not now')"])
def test_a_mark_for_all_checks_at_once_is_refused(author: Author, mark: str) -> None:
    author.writes(f"pytestmark = pytest.mark.{mark}")
    done = author.runs(*QUICK)
    assert done.returncode == 4, "every failure would be hidden"
    assert "TestMine marks every check as one to skip or to fail" in done.stderr


def test_a_check_that_was_not_run_makes_the_record_not_conformant(author: Author) -> None:
    author.writes()
    record = author.recorded(*QUICK)
    assert result(record, NAME) == ("passed", "")
    assert result(record, "test_create_makes_one_machine") == ("skipped", "it was not run")
    assert not record["conformant"]
