"""The author's cloud as checks drive it: what it cannot do makes a check not applicable, with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

import pytest

from runctl_core.errors import Unsupported
from runctl_core.testing.cloud import CloudUnderTest, Fault, Machine, Operation

NOT_APPLICABLE = "not applicable: "
"""How the reason begins when a check says nothing of a provider, which is no fault of it."""


def not_applicable(reason: str) -> NoReturn:
    """End a check that says nothing of this provider."""
    pytest.skip(f"{NOT_APPLICABLE}{reason}")


class Driven(CloudUnderTest):
    """A cloud under test; where it raises Unsupported, the check is not applicable."""

    def __init__(self, cloud: CloudUnderTest) -> None:
        self._cloud = cloud

    def machines(self) -> Sequence[Machine]:
        """Every machine that was ever made."""
        return self._cloud.machines()

    def alive(self, token: str) -> list[Machine]:
        """The machines that are there and carry a token."""
        return [m for m in self.machines() if not m.gone and token in m.tags.values()]

    def machine(self, resource_id: str) -> Machine | None:
        """One machine as the cloud has it."""
        return next((m for m in self.machines() if m.id == resource_id), None)

    def inject(self, operation: Operation, fault: Fault, *, times: int = 1, after: int = 0) -> None:
        """Let calls of an operation go wrong."""
        with _where_it_can():
            self._cloud.inject(operation, fault, times=times, after=after)

    def injected(self, operation: Operation, fault: Fault) -> bool:
        """Let the next call of an operation go wrong; whether this cloud can fail so."""
        try:
            self._cloud.inject(operation, fault)
        except Unsupported:
            return False
        return True

    def clear_faults(self) -> None:
        """Take back every fault that has not struck yet."""
        self._cloud.clear_faults()

    def pending_faults(self) -> int:
        """How many faults have not struck yet."""
        return self._cloud.pending_faults()

    def add_foreign(self) -> str:
        """Make a machine that runctl knows nothing of."""
        with _where_it_can():
            return self._cloud.add_foreign()

    def set_listing_lag(self, seconds: float) -> None:
        """Show new machines in lists only later."""
        with _where_it_can():
            self._cloud.set_listing_lag(seconds)

    def vanish(self, resource_id: str) -> None:
        """Take a machine away without a trace."""
        with _where_it_can():
            self._cloud.vanish(resource_id)

    def preempt(self, resource_id: str, *, notice_s: float = 0.0) -> None:
        """Take a machine away as clouds take spot machines."""
        with _where_it_can():
            self._cloud.preempt(resource_id, notice_s=notice_s)

    def skew_clock(self, seconds: float) -> None:
        """Let the cloud's clock be wrong."""
        with _where_it_can():
            self._cloud.skew_clock(seconds)

    @property
    def secrets(self) -> Sequence[str]:
        """The keys that the provider was given."""
        return self._cloud.secrets

    @property
    def replay(self) -> str:
        """How the same faults strike again."""
        return self._cloud.replay


@contextmanager
def _where_it_can() -> Iterator[None]:
    try:
        yield
    except Unsupported as error:
        not_applicable(error.summary)
