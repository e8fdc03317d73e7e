"""kill -9 of `resources export` at random moments: the file is the old one or the new one, and whole."""

from __future__ import annotations

import random
import time

import pytest

from faults.counting import seed
from fleet import Fleet, row
from homes import Home

pytestmark = pytest.mark.faults

MOMENTS = 25
ROWS = 3000


def test_a_killed_export_leaves_a_whole_report_and_the_next_one_settles_the_rest(home: Home) -> None:
    fleet = Fleet(home, ["alpha"])
    fleet.add("alpha", *(row(f"i-{number}") for number in range(ROWS)))
    words = ("resources", "export", "--to", "report.html", "--force")
    began = time.monotonic()
    assert home.runctl(*words).returncode == 0
    whole_s = time.monotonic() - began
    chance, report = random.Random(number := seed()), home.work / "report.html"
    for _ in range(MOMENTS):
        command = home.start(*words)
        time.sleep(moment_s := chance.uniform(0.4 * whole_s, 1.1 * whole_s))
        command.kill()
        command.communicate()
        page = report.read_text()
        assert page.count('class="resource"') == ROWS and page.endswith("</html>\n"), (
            f"RUNCTL_TEST_SEED={number}: half a report after {moment_s:.3f} s"
        )
    assert home.runctl(*words).returncode == 0
    assert [path.name for path in home.work.iterdir()] == ["report.html"]
