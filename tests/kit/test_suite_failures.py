"""What an author is told: which promise was broken, where to read on, and how to see it again."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distribution

import pytest

from kit.authors import Author, result

FORGETS = """
class Forgets(Acme):
    def terminate_resource(self, resource_id):
        raise KeyError(resource_id)


Acme = Forgets
"""


def test_a_failure_names_promise_expectation_finding_page_and_replay(author: Author) -> None:
    author.writes(before="class Acme(Acme):\n    def offers(self, request):\n        return []\n")
    done = author.runs("-k", "test_an_empty_request_is_offered_something", "--runctl-seed", "7")
    assert done.returncode == 1
    for words in (
        "a broken promise: an empty request is offered everything, something free included",
        "expected: at least one free offer",
        "found:    []",
        "docs/reference/conformance.md#test_an_empty_request_is_offered_something",
        "--runctl-seed 7",
        "seed 7",
        "to replay: --runctl-profile recommended --runctl-seed 7",
    ):
        assert words in done.stdout, f"the author is not told: {words}\n{done.stdout}"


def test_an_unexpected_error_is_told_as_a_broken_promise_with_its_traceback(author: Author) -> None:
    author.writes(before=FORGETS)
    done = author.runs("-k", "test_terminating_twice_is_no_error")
    assert "a broken promise: terminating twice is no error" in done.stdout
    assert "found:    KeyError: 'm-0001'" in done.stdout
    assert "raise KeyError(resource_id)" in done.stdout, "the author cannot see where it was raised"


def test_a_machine_that_stays_fails_the_check_that_launched_it(author: Author) -> None:
    author.writes(
        before="class Acme(Acme):\n    def terminate_resource(self, resource_id):\n        pass\n",
    )
    patience = "import runctl_core.testing.launcher as launcher\nlauncher._ENDING_S = 0.5\n"
    (author.folder / "conftest.py").write_text(patience + 'pytest_plugins = ["runctl_core.testing.plugin"]\n')
    done = author.runs("-k", "test_create_makes_one_machine")
    assert done.returncode == 1
    assert "everything that the check launched is gone" in done.stdout


def test_the_seed_reaches_the_authors_cloud(author: Author) -> None:
    author.writes("def test_seed(self, seed):\n    assert seed == 41")
    done = author.runs("-k", "test_seed", "--runctl-seed", "41")
    assert done.returncode == 0, done.stdout


def test_a_capability_that_works_though_declared_absent_is_a_failure(author: Author) -> None:
    author.writes(
        """
        @pytest.fixture
        def info(self):
            from kit.acme import runctl_provider
            from attrs import evolve
            return evolve(runctl_provider(), unsupported={"spot": "nobody takes our machines away"})
        """
    )
    record = author.recorded("-k", "spot")
    assert result(record, "test_absent_spot_is_offered_to_nobody")[0] == "failed"
    assert result(record, "test_absent_spot_is_refused")[0] == "failed"
    assert result(record, "test_spot_is_offered") == (
        "not_applicable",
        "spot: nobody takes our machines away",
    )
    assert "spot" not in record["capabilities"]


def test_a_cloud_that_cannot_fail_so_makes_a_check_not_applicable(author: Author) -> None:
    author.writes(
        before="""
        from runctl_core.errors import Unsupported
        class FakeCloud(FakeCloud):
            def vanish(self, resource_id):
                raise Unsupported("nothing vanishes here")
        """
    )
    record = author.recorded("-k", "test_a_vanished_machine_is_gone")
    name = "test_a_vanished_machine_is_gone"
    assert result(record, name) == ("not_applicable", "nothing vanishes here")


@pytest.mark.parametrize(
    ("profile", "runs"),
    [("required", {"required"}), ("chaos", {"required", "recommended", "chaos"})],
)
def test_a_profile_takes_in_those_before_it(author: Author, profile: str, runs: set[str]) -> None:
    author.writes()
    record = author.recorded("--runctl-profile", profile, "-k", "test_offers_make_nothing")
    assert {check["profile"] for check in record["checks"]} == runs
    assert record["profile"] == profile


def test_a_suite_without_the_plugin_says_what_is_missing(author: Author) -> None:
    author.writes()
    (author.folder / "conftest.py").write_text("")
    done = author.runs("-k", "test_one_token_one_machine_whatever_fails")
    assert done.returncode == 1
    assert 'pytest_plugins = ["runctl_core.testing.plugin"]' in done.stdout


def test_two_suites_do_not_share_a_record(author: Author) -> None:
    author.writes()
    with open(author.folder / "test_mine.py", "a", encoding="utf-8") as file:
        file.write("\n\nclass TestOther(TestMine):\n    pass\n")
    done = author.runs("--runctl-conformance", "out.json", "-k", "test_offers_make_nothing")
    assert done.returncode != 0
    assert "records one suite" in done.stdout + done.stderr
    assert not (author.folder / "out.json").exists()


def test_no_other_test_run_loads_the_kit(author: Author) -> None:
    points = distribution("runctl-core").entry_points
    assert [point for point in points if point.group == "pytest11"] == []
    (author.folder / "conftest.py").write_text("")
    (author.folder / "test_theirs.py").write_text(
        "import sys\n\ndef test_it():\n    assert 'runctl_core' not in sys.modules\n"
    )
    done = author.runs()
    assert done.returncode == 0, done.stdout


def test_handing_out_names_imports_no_pytest() -> None:
    code = "import sys, runctl_core.testing as t; t.Fault; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.lower()) is False
