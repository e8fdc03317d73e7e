"""Plugins that break when their resources are asked for: each is named, and hides nothing of the others."""

from __future__ import annotations

import json

import pytest

from distributions import PROVIDERS, distribution, hook, provider
from fleet import Fleet, row
from homes import Home

HANGS = "import time\nwhile True: time.sleep(3600)"
MACHINE = "Resource(id='i-1', provider='theirs', name='one', state='running')"


def lists(body: str) -> str:
    """The source of a plugin whose provider lists its resources with this body."""
    source = provider("theirs", "return []")
    return source.replace(
        "def list_resources(self):\n        return []", f"def list_resources(self):\n        {body}"
    )


def delayed(delay: str) -> str:
    """The source of a plugin whose provider has this listing delay."""
    head = "class Theirs(TrainingProvider):"
    return provider("theirs", "return []").replace(head, f"{head}\n    listing_delay_s = {delay}")


BROKEN = {
    "its import hangs": HANGS,
    "its import fails": "raise RuntimeError('no driver here')",
    "its import exits": "import sys; sys.exit(3)",
    "it calls itself something else": hook("someone-else"),
    "its factory hangs": "import time\n" + hook("theirs", "factory=lambda settings: time.sleep(3600)"),
    "its factory makes no provider": hook("theirs", "factory=lambda settings: 'a provider'"),
    "its list hangs": lists("import time; time.sleep(3600)"),
    "its list hangs half-way": lists("import time; yield from (); time.sleep(3600)"),
    "its list raises": lists("raise KeyError('region')"),
    "its list exits": lists("raise SystemExit(7)"),
    "it lists nothing": lists("return None"),
    "it lists words": lists("return ['a machine', 3]"),
    "it lists a state that is a word": lists(f"return [{MACHINE}]"),
    "its listing delay is a word": delayed("'long'"),
    "its listing delay has no end": delayed("float('inf')"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_plugin_that_breaks_is_named_and_the_others_are_whole(home: Home, fault: str) -> None:
    fleet = Fleet(home, ["alpha"])
    fleet.add("alpha", row("i-1"))
    distribution(home.root / "theirs", "their-plugin", BROKEN[fault], {PROVIDERS: {"theirs": ""}})
    home.env |= {
        "PYTHONPATH": f"{home.env['PYTHONPATH']}:{home.root / 'theirs'}",
        "RUNCTL_LIST_TIMEOUT_SECONDS": "4",
        "RUNCTL_PLUGINS": "alpha,theirs",
    }
    done = home.runctl("resources", "list", "--json")
    assert done.returncode == 0, done.stderr.decode()
    document = json.loads(done.stdout)
    assert [resource["resource"] for resource in document["resources"]] == ["i-1"]
    assert [problem["provider"] for problem in document["unanswered"]] == ["theirs"]
    assert "theirs does not answer" in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert home.runctl("orphans").returncode == 3, "the others' orphans were forgotten"
