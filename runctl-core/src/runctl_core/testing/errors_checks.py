"""Checks of errors: each is one of runctl's, of the right kind, with a scope, and without a secret."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import TypeVar

import pytest

from runctl_core.errors import (
    AuthenticationError,
    CapacityError,
    InsufficientFunds,
    InvalidRequest,
    ProviderUnavailable,
    QuotaError,
    RateLimited,
    RunctlError,
    UnknownOutcome,
)
from runctl_core.models.resources import Resource
from runctl_core.provider import TrainingProvider
from runctl_core.testing.check import BrokenPromise, broken, check
from runctl_core.testing.cloud import Fault, Operation
from runctl_core.testing.driven import Driven, not_applicable
from runctl_core.testing.expect import raised
from runctl_core.testing.fixtures import Fixtures
from runctl_core.testing.launcher import Launcher

_FOR_GOOD = 20
"""A provider may try again by itself; it gives up before so many failures."""

ASKED = (Operation.OFFERS, Operation.CREATE, Operation.GET, Operation.LIST, Operation.TERMINATE)
READ = (Operation.OFFERS, Operation.GET, Operation.LIST)
BROKEN = (Fault.SERVER_ERROR, Fault.RESET, Fault.GARBLED)

Call = Callable[[Operation], object]

_Error = TypeVar("_Error", bound=RunctlError)


class ErrorsChecks(Fixtures):
    """What leaves a provider when its cloud fails."""

    @pytest.fixture
    def call(self, provider: TrainingProvider, launch: Launcher, machine: Resource) -> Call:
        """Makes one call of the contract; those about one machine are about `machine`."""
        calls: dict[Operation, Callable[[], object]] = {
            Operation.OFFERS: lambda: list(provider.offers(self.wanted)),
            Operation.CREATE: lambda: launch(),
            Operation.GET: lambda: provider.get_resource(machine.id),
            Operation.LIST: lambda: list(provider.list_resources()),
            Operation.TERMINATE: lambda: provider.terminate_resource(machine.id),
        }
        return lambda operation: calls[operation]()

    @pytest.mark.parametrize("operation", ASKED, ids=str)
    @check("a key that is not accepted is an AuthenticationError", tests="offers")
    def test_a_refused_key_is_an_authentication_error(
        self, call: Call, fake: Driven, operation: Operation
    ) -> None:
        """Refuses the key in each call, and wants a fix in the error."""
        fake.inject(operation, Fault.UNAUTHENTICATED)
        error = raised(AuthenticationError, lambda: call(operation), when="of a refused key")
        if not error.fix:
            broken(expected="a fix: where a key comes from, and how to set it", found=error.to_json())

    @check("no capacity is a CapacityError with a scope", tests="create_resource")
    def test_no_capacity_is_a_capacity_error(self, call: Call, fake: Driven) -> None:
        """Has nothing free. The engine goes on with the next offer outside the scope."""
        fake.inject(Operation.CREATE, Fault.NO_CAPACITY)
        error = raised(CapacityError, lambda: call(Operation.CREATE), when="of a full cloud")
        if isinstance(error, QuotaError | InsufficientFunds) or not error.retryable:
            broken(expected="a CapacityError that is worth trying again", found=error.to_json())
        if error.scope is None:
            broken(expected="a scope: how far nothing is free", found="scope is None")

    @check("a reached quota is a QuotaError", tests="create_resource")
    def test_a_reached_quota_is_a_quota_error(self, call: Call, fake: Driven) -> None:
        """Has the account at its limit: waiting does not help."""
        fake.inject(Operation.CREATE, Fault.QUOTA)
        raised(QuotaError, lambda: call(Operation.CREATE), when="of a reached quota")

    @check("an empty account is InsufficientFunds", tests="create_resource")
    def test_an_empty_account_is_insufficient_funds(self, call: Call, fake: Driven) -> None:
        """Has no money in the account."""
        fake.inject(Operation.CREATE, Fault.NO_FUNDS)
        raised(InsufficientFunds, lambda: call(Operation.CREATE), when="of an empty account")

    @check("a wrong request is an InvalidRequest", tests="create_resource")
    def test_a_wrong_request_is_invalid(self, call: Call, fake: Driven) -> None:
        """Says that the request is wrong: trying again is pointless."""
        fake.inject(Operation.CREATE, Fault.INVALID)
        raised(InvalidRequest, lambda: call(Operation.CREATE), when="of a wrong request")

    @pytest.mark.parametrize("operation", READ, ids=str)
    @pytest.mark.parametrize("fault", BROKEN, ids=str)
    @check("a broken cloud is ProviderUnavailable, never a missing machine", tests="get_resource")
    def test_a_broken_cloud_is_unavailable(
        self, call: Call, fake: Driven, fault: Fault, operation: Operation
    ) -> None:
        """Breaks each call that reads, for good. `Not found` would make runctl forget a machine."""
        _for_good(fake, operation, fault, call, ProviderUnavailable)

    @pytest.mark.parametrize("fault", (*BROKEN, Fault.REPLY_LOST), ids=str)
    @check("a create that broke has an unknown outcome", tests="create_resource")
    def test_a_broken_create_has_an_unknown_outcome(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven, fault: Fault
    ) -> None:
        """Breaks the create in each way. Only one that surely never began may be ProviderUnavailable."""
        spec = launch.spec()
        fake.inject(Operation.CREATE, fault, times=_FOR_GOOD)
        try:
            provider.create_resource(spec)
        except UnknownOutcome:
            return
        except ProviderUnavailable as error:
            if there := fake.alive(spec.token):
                found = f"{error.kind}, which says that nothing was carried out, and {there}"
                raise BrokenPromise(expected="UnknownOutcome", found=found) from error
            if fault is not Fault.RESET:
                raise BrokenPromise(expected="UnknownOutcome", found=error.kind) from error
        finally:
            fake.clear_faults()
        if len(there := fake.alive(spec.token)) > 1:
            broken(expected="one machine for the token", found=there)

    @pytest.mark.parametrize("operation", ASKED, ids=str)
    @check("too many calls are RateLimited, with the time that the cloud asks for", tests="offers")
    def test_too_many_calls_are_rate_limited(self, call: Call, fake: Driven, operation: Operation) -> None:
        """Limits each call, for good, with a time to wait."""
        error = _for_good(fake, operation, Fault.RATE_LIMIT, call, RateLimited)
        if not error.retry_after_s or error.retry_after_s < 0:
            broken(expected="retry_after_s as the cloud said", found=error.retry_after_s)

    @check("too many calls are RateLimited when the cloud names no time", tests="list_resources")
    def test_too_many_calls_without_a_time_are_rate_limited(self, call: Call, fake: Driven) -> None:
        """Limits the list without a time to wait."""
        _for_good(fake, Operation.LIST, Fault.RATE_LIMIT_SILENT, call, RateLimited)

    @pytest.mark.parametrize("fault", Fault, ids=str)
    @check("no other error than runctl's own leaves a provider", tests="create_resource")
    def test_no_foreign_error_leaves_a_provider(self, call: Call, fake: Driven, fault: Fault) -> None:
        """Makes each call fail in each way that the cloud can, and looks at the error's class."""
        possible = 0
        for operation in ASKED:
            if not fake.injected(operation, fault):
                continue
            possible += 1
            try:
                call(operation)
            except RunctlError as error:
                if not error.message or "\n" in error.message:
                    broken(expected="a message in one line", found=error.to_json())
            except Exception as error:
                found = f"{type(error).__module__}.{type(error).__name__}: {error}"
                expected = f"{operation} with {fault} raises a RunctlError, or none"
                raise BrokenPromise(expected=expected, found=found) from error
            finally:
                fake.clear_faults()
        if not possible:
            not_applicable(f"{fault} cannot happen there")

    @pytest.mark.parametrize("operation", ASKED, ids=str)
    @check("no key stands in an error, nor in what caused it", tests="offers")
    def test_no_secret_is_in_an_error(self, call: Call, fake: Driven, operation: Operation) -> None:
        """Makes each call fail, and looks for the provider's keys in the error and its whole traceback."""
        if not fake.secrets:
            not_applicable("the provider has no key")
        for fault in (Fault.UNAUTHENTICATED, Fault.SERVER_ERROR):
            fake.inject(operation, fault)
            try:
                call(operation)
            except Exception as error:
                text = "".join(traceback.format_exception(error)) + str(getattr(error, "why", ""))
                text += str(getattr(error, "fix", ""))
                if any(secret in text for secret in fake.secrets):
                    broken(expected="no key in an error", found=f"the key, in {type(error).__name__}")
            finally:
                fake.clear_faults()


def _for_good(fake: Driven, operation: Operation, fault: Fault, call: Call, kind: type[_Error]) -> _Error:
    """The error of an operation that fails as often as it is tried."""
    __tracebackhide__ = True
    fake.inject(operation, fault, times=_FOR_GOOD)
    try:
        return raised(kind, lambda: call(operation), when=f"of {operation} with {fault}")
    finally:
        fake.clear_faults()
