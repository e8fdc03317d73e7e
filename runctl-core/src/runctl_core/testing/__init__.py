"""The author's kit: it checks a provider against the contract, and brings clouds to check it on.

Needs the extra `[test]`. Nothing else of runctl imports it, and no test run loads it unasked.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runctl_core.testing.check import BrokenPromise, replaces
    from runctl_core.testing.cloud import CloudUnderTest, Fault, Machine, Operation
    from runctl_core.testing.fakes import CloudError, FakeCloud, HttpCloud
    from runctl_core.testing.fault_proxy import FaultProxy
    from runctl_core.testing.suite import ProviderSuite

_HOMES = {
    "BrokenPromise": "check",
    "CloudError": "fakes",
    "CloudUnderTest": "cloud",
    "FakeCloud": "fakes",
    "Fault": "cloud",
    "FaultProxy": "fault_proxy",
    "HttpCloud": "fakes",
    "Machine": "cloud",
    "Operation": "cloud",
    "ProviderSuite": "suite",
    "replaces": "check",
}
"""Each name, and the module that has it: imported when it is named."""

__all__ = [
    "BrokenPromise",
    "CloudError",
    "CloudUnderTest",
    "FakeCloud",
    "Fault",
    "FaultProxy",
    "HttpCloud",
    "Machine",
    "Operation",
    "ProviderSuite",
    "replaces",
]


def __getattr__(name: str) -> object:
    """What the kit hands out, imported when it is named."""
    if name not in _HOMES:
        raise AttributeError(f"runctl_core.testing has no {name}")
    return getattr(import_module(f"runctl_core.testing.{_HOMES[name]}"), name)
