"""The pytest plugin of the kit: `pytest_plugins = ["runctl_core.testing.plugin"]` in a conftest.py.

No entry point loads it: nobody's tests have it who did not ask for it.
"""

from __future__ import annotations

from collections.abc import Generator
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest

from runctl_core.testing.check import PROFILES, BrokenPromise, checks_of, promise_of
from runctl_core.testing.guard import TAKE_OUT, Guard, replacement
from runctl_core.testing.live_checks import BUDGET, Budget
from runctl_core.testing.record import Record
from runctl_core.testing.suite import ProviderSuite

RECORD = pytest.StashKey[Record]()

_GUARD = Guard.test_no_check_is_taken_out_without_a_reason


def pytest_addoption(parser: pytest.Parser) -> None:
    """The kit's options."""
    group = parser.getgroup("runctl", "the conformance kit of runctl")
    group.addoption(
        "--runctl-profile",
        choices=PROFILES,
        default="recommended",
        help="which checks run: required, recommended (and required, the default), chaos (and those), live",
    )
    group.addoption(
        "--runctl-seed", type=int, default=0, metavar="N", help="what chance is drawn from (0 by default)"
    )
    group.addoption(
        "--runctl-live", action="store_true", help="allow the profile live, which makes machines that cost"
    )
    group.addoption("--runctl-budget", metavar="USD", help="what live checks may spend, all of them together")
    group.addoption(
        "--runctl-conformance", metavar="FILE", help="where the result is recorded, as JSON: conformance.json"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Open the record, and the budget of the live profile."""
    config.stash[RECORD] = record = Record(
        config.getoption("--runctl-profile"), config.getoption("--runctl-seed")
    )
    config.pluginmanager.register(record, "runctl-record")
    if config.getoption("--runctl-profile") == "live":
        config.stash[BUDGET] = Budget(_budget(config))


def _budget(config: pytest.Config) -> Decimal:
    if not config.getoption("--runctl-live"):
        raise pytest.UsageError("the profile live makes machines that cost: add --runctl-live")
    if hasattr(config, "workerinput") or config.getoption("numprocesses", None):
        raise pytest.UsageError("the profile live has one budget: run it without -n")
    text = config.getoption("--runctl-budget") or ""
    try:
        usd = Decimal(text)
    except InvalidOperation:
        usd = Decimal("NaN")
    if not (usd.is_finite() and usd > 0):
        raise pytest.UsageError(f"--runctl-budget takes dollars above zero, such as 2.50, not {text!r}")
    return usd


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the checks of higher profiles. Raises UsageError for a suite without its guard."""
    chosen = PROFILES.index(config.getoption("--runctl-profile"))
    for item in items:
        if _is_suite(item) and (problem := _unguarded(item)):
            raise pytest.UsageError(f"{problem}, which holds the suite whole")
    above = [item for item in items if _profile(item) > chosen]
    if above:
        config.hook.pytest_deselected(items=above)
        items[:] = [item for item in items if item not in above]


def _unguarded(item: pytest.Item) -> str:
    """What is wrong with the guard of an item's suite; empty for nothing."""
    name, suite = _GUARD.__name__, getattr(item, "cls", type)
    if getattr(suite, name, None) is not _GUARD:
        return f"{suite.__name__} replaces {name}"
    if item.name == name and any(mark.name in TAKE_OUT for mark in item.iter_markers()):
        return f"{suite.__name__} marks every check as one to skip or to fail, and with them {name}"
    return ""


def _is_suite(item: pytest.Item) -> bool:
    suite = getattr(item, "cls", None)
    return isinstance(suite, type) and issubclass(suite, ProviderSuite)


def _check_of(item: pytest.Item) -> Any:
    """The kit's own method for a test of a suite, replaced or not; None for any other test."""
    name = getattr(item, "originalname", None) or item.name
    return checks_of(ProviderSuite).get(name) if _is_suite(item) else None


def _profile(item: pytest.Item) -> int:
    promise = promise_of(_check_of(item))
    return PROFILES.index(promise.profile) if promise else 0


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Say of a failure which promise was broken. The traceback stays as it is."""
    __tracebackhide__ = True
    promise = promise_of(_check_of(pyfuncitem))
    if promise is None:
        return (yield)
    name = pyfuncitem.originalname or pyfuncitem.name
    told = (promise.text, name, _replay(pyfuncitem))
    try:
        return (yield)
    except BrokenPromise as error:
        error.of(*told)
        raise
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        expected = "the check comes to its end without an error"
        told_so = BrokenPromise(expected=expected, found=found).of(*told)
        raise told_so.with_traceback(error.__traceback__) from None


def _replay(item: pytest.Function) -> str:
    option = f"pytest {item.nodeid!r} --runctl-seed {item.config.getoption('--runctl-seed')}"
    profile = item.config.getoption("--runctl-profile")
    option += f" --runctl-profile {profile}" if profile != "recommended" else ""
    cloud: Any = item.funcargs.get("cloud")
    return f"{option} ({cloud.replay})" if cloud is not None and cloud.replay else option


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send with each result what the record needs; it may be made in another process."""
    if isinstance(item, pytest.Function) and (function := _check_of(item)):
        suite: Any = item.cls
        name = function.__name__
        point = suite.installed()
        info: Any = item.funcargs.get("info")
        said = {
            "suite": suite.__name__,
            "check": name,
            "replaced": replacement(suite, ProviderSuite, name),
            "distribution": point.distribution if point else None,
            "version": point.version if point else None,
            "provider": info.name if info else suite.entry_point or None,
            "api": info.api if info else None,
            "unsupported": dict(info.unsupported) if info else {},
        }
        item.user_properties[:] = [p for p in item.user_properties if p[0] != "runctl"] + [("runctl", said)]
    return (yield)
