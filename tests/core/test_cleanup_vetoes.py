"""Plugins that protect: each is asked alone, and whoever cannot be asked says no."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from distributions import PLUGINS, PROVIDERS, distribution, hook
from runctl_core import vetoes as vetoes_module
from runctl_core.models.resources import Resource, ResourceState
from runctl_core.vetoes import Vetoes

PROTECT = "from runctl_core.api import hookimpl\n@hookimpl\ndef runctl_protect(resource):\n    {body}\n"
MACHINE = Resource("i-1", "cloud", "one", ResourceState.RUNNING, tags={"team": "research"})


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the path where plugins are installed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("RUNCTL_PLUGINS", raising=False)
    return tmp_path


def install(site: Path, name: str, source: str, group: str = PLUGINS) -> str:
    distribution(site, f"{site.name}-{name}", source, {group: {name: ""}})
    return f"the plugin {name} ({site.name}-{name} 2.5): "


def test_without_plugins_nobody_objects(site: Path) -> None:
    assert Vetoes().of(MACHINE) == ()


def test_a_plugin_that_answers_none_has_nothing_against_it(site: Path) -> None:
    install(site, "calm", PROTECT.format(body="return None"))
    assert Vetoes().of(MACHINE) == ()


def test_the_reason_of_a_plugin_is_told_with_its_name(site: Path) -> None:
    body = "return 'of ' + resource.tags['team']"
    told = install(site, "company", PROTECT.format(body=body))
    assert Vetoes().of(MACHINE) == (f"{told}of research",)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("return ''", "it gives no reason"),
        ("return False", "False"),
        ("return 0", "0"),
        ("return 'two\\nlines'", "two"),
        ("raise ValueError('no network')", "it failed: ValueError: no network"),
        ("raise SystemExit(0)", "it failed: it called sys.exit(0)"),
        ("return type('T', (), {'__str__': lambda self: 1 / 0})()", "it failed: ZeroDivisionError"),
    ],
)
def test_any_answer_but_none_is_a_veto_and_so_is_an_exception(site: Path, body: str, why: str) -> None:
    told = install(site, "strange", PROTECT.format(body=body))
    (veto,) = Vetoes().of(MACHINE)
    assert veto.startswith(f"{told}{why}")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import a_module_that_is_not_there", "a_module_that_is_not_there"),
        ("raise SystemExit(0)", "sys.exit(0)"),
        (PROTECT.format(body="pass").replace("runctl_protect", "runctl_protct"), "runctl_protct"),
        (PROTECT.format(body="pass").replace("(resource)", "(machine)"), "machine"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_a_veto(site: Path, source: str, why: str) -> None:
    told = install(site, "broken", source)
    (veto,) = Vetoes().of(MACHINE)
    assert veto.startswith(f"{told}it cannot be loaded: ")
    assert why in veto


def test_a_plugin_that_is_left_out_is_a_veto(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = install(site, "calm", PROTECT.format(body="return None"))
    monkeypatch.setenv("RUNCTL_PLUGINS", "cloud")
    assert Vetoes().of(MACHINE) == (f"{told}RUNCTL_PLUGINS=cloud leaves it out, so nobody can ask it",)


def test_two_plugins_of_one_name_are_both_a_veto(site: Path) -> None:
    for name in ("first", "second"):
        distribution(site, f"{site.name}-{name}", PROTECT.format(body="return None"), {PLUGINS: {"twin": ""}})
    assert len(Vetoes().of(MACHINE)) == 2


def test_a_plugin_that_hangs_is_asked_once_and_forbids_everything(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go = [], threading.Event()
    monkeypatch.setattr(vetoes_module, "hang", lambda: asked.append(1) or go.wait(), raising=False)
    told = install(
        site, "slow", PROTECT.format(body="from runctl_core import vetoes; vetoes.hang(); return None")
    )
    calm = install(site, "zealous", PROTECT.format(body="return 'mine'"))
    vetoes = Vetoes(timeout_s=0.2)
    try:
        for _ in range(3):
            first, second = vetoes.of(MACHINE)
            assert first == f"{told}it did not answer within 0.2 s, and is asked no more"
            assert second == f"{calm}mine", "one that hangs hides the reason of another"
    finally:
        go.set()
    assert asked == [1]


def test_a_provider_is_asked_of_its_own_resources_alone(site: Path) -> None:
    told = install(
        site, "cloud", hook("cloud") + PROTECT.format(body="return 'billed to a client'"), PROVIDERS
    )
    install(site, "other", hook("other") + PROTECT.format(body="return 'not mine'"), PROVIDERS)
    assert Vetoes().of(MACHINE) == (f"{told}billed to a client",)


def test_a_provider_without_the_hook_has_nothing_against_it(site: Path) -> None:
    install(site, "cloud", hook("cloud"), PROVIDERS)
    assert Vetoes().of(MACHINE) == ()
