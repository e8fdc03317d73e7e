"""`conformance.md`: every check of the author's kit, from the checks themselves."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from pages.markdown import code, docstring, table
from runctl_core.executor import JobExecutor
from runctl_core.hookspecs import TrainingProviderSpec
from runctl_core.provider import CAPABILITIES, Stoppable, TrainingProvider
from runctl_core.testing.check import PROFILES, Promise, checks_of, promise_of
from runctl_core.testing.suite import ProviderSuite

_INTRODUCTION = """\
# Conformance

The promises of the contract, and the checks of the author's kit that hold a provider to them.
[Test a provider](../how-to/test-a-provider.md) shows how to run them, and what to do when one fails.

A check belongs to the first profile that takes it in; each profile takes in those before it. `required`
is what runctl relies on, `recommended` what users see, `chaos` a cloud at its worst, and `live` the real
one. A provider is conformant when every required check passes, or is not applicable: it is about a
capability that the provider declares absent, or about a failure that cannot happen to its cloud.
"""

_CONTRACTS = (TrainingProviderSpec, TrainingProvider, Stoppable, JobExecutor)


def page() -> str:
    """The whole page."""
    parts = [_INTRODUCTION, _profiles(), *_capabilities(), *_methods()]
    for area, names in _areas().items():
        parts += [f"## {area}\n", *("\n".join(_check(name)) for name in names)]
    return "\n".join(parts)


def checks() -> dict[str, tuple[Callable[..., Any], Promise]]:
    """Every check by its name, with what it promises."""
    found = {name: (function, promise_of(function)) for name, function in checks_of(ProviderSuite).items()}
    return {name: (function, promise) for name, (function, promise) in found.items() if promise}


def _profiles() -> str:
    promises = [promise for _, promise in checks().values()]
    rows = [(code(p), str(sum(promise.profile == p for promise in promises))) for p in PROFILES]
    return table(("Profile", "Checks"), [*rows, ("all", str(len(promises)))])


def _capabilities() -> Iterator[str]:
    yield "## Capabilities\n"
    yield (
        "A capability that a provider does not declare absent (`ProviderInfo.unsupported`) is tested. One\n"
        "that it declares absent must be refused with `Unsupported` and the declared reason.\n"
    )
    yield table(("Capability", "The provider"), [(code(name), text) for name, text in CAPABILITIES.items()])


def _methods() -> Iterator[str]:
    """For each method of the contract, the checks that test it."""
    yield "## What tests a method\n"
    rows = []
    for contract in _CONTRACTS:
        for method in methods(contract):
            testing = [name for name, (_, promise) in checks().items() if method in promise.tests]
            rows.append((code(f"{contract.__name__}.{method}"), ", ".join(map(_link, testing)) or "none"))
    yield table(("Method", "Checks"), rows)


def methods(contract: type) -> list[str]:
    """The methods that an author writes, in the order of the code."""
    return [name for name, value in vars(contract).items() if inspect.isfunction(value) and name[0] != "_"]


def _areas() -> dict[str, list[str]]:
    """The checks by what they are about, which is the first words of their module."""
    found: dict[str, list[str]] = {}
    for name, (function, _) in checks().items():
        module = inspect.getmodule(function)
        title = (inspect.getdoc(module) or "").partition(".\n")[0].partition(": ")[0]
        found.setdefault(title.replace("`", "").rstrip("."), []).append(name)
    return dict(sorted(found.items()))


def _check(name: str) -> Iterator[str]:
    function, promise = checks()[name]
    yield f"### {name}\n"
    yield f"{promise.text[0].upper()}{promise.text[1:]}.\n"
    yield docstring(function.__doc__)
    needs = f" Needs {code(promise.needs)}." if promise.needs else ""
    tests = f" Tests {', '.join(map(code, promise.tests))}." if promise.tests else ""
    yield f"Profile {code(promise.profile)}.{needs}{tests}\n"


def _link(name: str) -> str:
    return f"[{name.removeprefix('test_').replace('_', ' ')}](#{name})"
