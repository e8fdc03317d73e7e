"""Plugins in this process: what each report says, and that none of them holds or stops us."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from distributions import COMMANDS, PROVIDERS, distribution, hook, provider
from runctl_core import plugins
from runctl_core._entrypoints import enabled
from runctl_core.errors import PluginError, UsageError
from runctl_core.models.checks import Verdict
from runctl_core.plugins import (
    checks_of,
    default_provider,
    load_all,
    load_command_group,
    load_provider,
    load_report,
    open_provider,
    provider_names,
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the path that is all that plugins come from, but for the installed ones."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("RUNCTL_PLUGINS", raising=False)
    return tmp_path


def _install(site: Path, name: str, source: str) -> None:
    distribution(site, f"{site.name}-{name}", source, {PROVIDERS: {name: ""}})


def test_a_report_says_where_a_plugin_failed(site: Path) -> None:
    _install(site, "broken", "def deep(): raise OSError('no such device')\ndeep()")
    report = load_report("broken")
    assert report.source == f"{site.name}-broken 2.5"
    assert report.error == "OSError: no such device"
    assert "in deep" in report.traceback
    assert report.info is None


def test_a_plugin_is_loaded_and_asked_once_a_process(site: Path) -> None:
    source = "from pathlib import Path\nPath(__file__).with_name('count').open('a').write('x')\n"
    _install(site, "counted", source + hook("counted"))
    for _ in range(3):
        load_provider("counted")
    load_all()
    assert (site / "count").read_text() == "x"


def test_one_that_hangs_is_left_behind_and_the_others_are_loaded(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    monkeypatch.setattr(plugins, "go_on", go, raising=False)
    _install(site, "hangs", "from runctl_core.plugins import go_on\ngo_on.wait()")
    _install(site, "works", hook("works"))
    reports = {report.name: report for report in load_all(timeout_s=3.0)}
    go.set()
    assert "did not load within" in reports["hangs"].error
    assert reports["hangs"].source == f"{site.name}-hangs 2.5"
    assert reports["works"].info is not None
    assert "did not load within" in load_report("hangs").error, "what was found must stay"


def test_a_plugin_of_another_api_names_who_must_be_upgraded(site: Path) -> None:
    _install(site, "newer", hook("newer", "factory=object, api=2"))
    _install(site, "older", hook("older", "factory=object, api=0"))
    assert load_report("newer").error.endswith("pip install --upgrade runctl-core")
    assert load_report("older").error.endswith(f"pip install --upgrade {site.name}-older")


def test_an_unknown_provider_names_the_near_one_and_the_package(site: Path) -> None:
    _install(site, "nimbus", hook("nimbus"))
    with pytest.raises(PluginError) as caught:
        load_provider("nimbos")
    assert "nimbus" in caught.value.why
    assert caught.value.fix == "--provider nimbus, or pip install runctl-nimbos"


@pytest.mark.parametrize("name", ["", "a b", "../x", "x; rm -rf y", "ü"])
def test_what_can_be_no_packages_name_is_not_to_be_installed(site: Path, name: str) -> None:
    with pytest.raises(PluginError) as caught:
        load_report(name)
    assert "pip install" not in caught.value.fix


def test_a_name_that_is_left_out_says_by_what(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(site, "nimbus", hook("nimbus"))
    monkeypatch.setenv("RUNCTL_PLUGINS", "other")
    with pytest.raises(PluginError) as caught:
        load_provider("nimbus")
    assert "RUNCTL_PLUGINS=other" in caught.value.why


def test_the_only_installed_provider_is_the_default(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        _install(site, name, hook(name))
    assert default_provider("configured") == "configured"
    monkeypatch.setenv("RUNCTL_PLUGINS", "one")
    assert default_provider(None) == "one"
    monkeypatch.setenv("RUNCTL_PLUGINS", "one,two")
    with pytest.raises(UsageError, match="several"):
        default_provider(None)
    monkeypatch.setenv("RUNCTL_PLUGINS", "none")
    with pytest.raises(PluginError, match="no provider is installed"):
        default_provider(None)


def test_names_are_read_without_importing_anything(site: Path) -> None:
    _install(site, "broken", "raise SystemExit")
    assert "broken" in provider_names()


def test_a_factory_that_is_named_is_imported_when_a_provider_is_made(site: Path) -> None:
    _install(site, "lazy", hook("lazy", "factory='theirs_of_lazy:Theirs'"))
    info = load_provider("lazy")
    assert "theirs_of_lazy" not in sys.modules, "a cloud's client would be imported by --help"
    (site / "theirs_of_lazy.py").write_text(provider("lazy", "return []"))
    assert type(open_provider(info, None)).__name__ == "Theirs"


def test_an_error_of_ours_leaves_a_factory_as_it_is(site: Path) -> None:
    source = (
        "from runctl_core.api import AuthenticationError\n"
        "def make(settings): raise AuthenticationError('no key', fix='log in')\n"
    )
    _install(site, "locked", source + hook("locked", "factory=make"))
    with pytest.raises(Exception, match="no key") as caught:
        open_provider(load_provider("locked"), None)
    assert type(caught.value).__name__ == "AuthenticationError"


CHECKS = (
    "from runctl_core import plugins\nfrom runctl_core.api import Check, Verdict, hookimpl\n"
    "@hookimpl\ndef runctl_checks(settings):\n    {body}\n"
)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise RuntimeError('no card')", "no card"),
        ("raise SystemExit(4)", "sys.exit(4)"),
        ("return ['fine']", "not a Check"),
        ("return 5", "not iterable"),
        ("plugins.go_on.wait()", "did not end within"),
    ],
)
def test_checks_that_break_are_failed_checks(
    site: Path, monkeypatch: pytest.MonkeyPatch, body: str, told: str
) -> None:
    go = threading.Event()
    monkeypatch.setattr(plugins, "go_on", go, raising=False)
    _install(site, "checked", CHECKS.format(body=body) + hook("checked"))
    (check,) = checks_of(load_report("checked"), None, timeout_s=0.5)
    go.set()
    assert check.verdict is Verdict.FAILED
    assert told in check.detail
    assert f"{site.name}-checked 2.5" in check.fix


def test_checks_are_asked_with_the_settings(site: Path) -> None:
    body = "return [Check('key', Verdict.OK, settings)]"
    _install(site, "checked", CHECKS.format(body=body) + hook("checked"))
    (check,) = checks_of(load_report("checked"), "as configured")
    assert (check.name, check.detail) == ("key", "as configured")


def test_a_command_group_may_not_have_a_name_of_ours(site: Path) -> None:
    distribution(site, f"{site.name}-thief", "app = print", {COMMANDS: {"train": "app", "fine": "app"}})
    points = {point.name: point for point in enabled(COMMANDS)}
    assert load_command_group(points["fine"], {"train"}) is print
    with pytest.raises(PluginError) as caught:
        load_command_group(points["train"], {"train"})
    assert caught.value.why == f"{site.name}-thief 2.5: runctl has train itself"


def test_damaged_metadata_stops_nothing(site: Path) -> None:
    _install(site, "works", hook("works"))
    (site / "binary-1.dist-info").mkdir()
    (site / "binary-1.dist-info" / "entry_points.txt").write_bytes(
        b"[runctl.providers]\nx\xff = \x00\n===\n["
    )
    (site / "folder-1.dist-info" / "entry_points.txt").mkdir(parents=True)
    (site / "file-1.dist-info").write_text("a file")
    reports = {report.name: report for report in load_all()}
    assert reports["works"].info is not None
    assert [report.error != "" for name, report in reports.items() if name.startswith("x")] == [True]
