"""What the kit asks of a cloud: the contract between a provider's checks and the fake it runs on.

An author whose cloud is none of `runctl_core.testing.fakes` implements it for a fake of their own. The
kit looks at the cloud itself, behind the provider's back, and tells it how to misbehave.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import StrEnum

from attrs import frozen


class Operation(StrEnum):
    """What a provider asks of its cloud, whatever the cloud calls it."""

    OFFERS = "offers"
    CREATE = "create"
    GET = "get"
    LIST = "list"
    TERMINATE = "terminate"
    STOP = "stop"
    START = "start"


class Fault(StrEnum):
    """How a call to the cloud goes wrong. The comment says what the provider must make of it."""

    UNAUTHENTICATED = "unauthenticated"  # AuthenticationError
    NO_CAPACITY = "no_capacity"  # CapacityError, with a scope
    QUOTA = "quota"  # QuotaError
    NO_FUNDS = "no_funds"  # InsufficientFunds
    INVALID = "invalid"  # InvalidRequest
    RATE_LIMIT = "rate_limit"  # RateLimited, with retry_after_s as the cloud said
    RATE_LIMIT_SILENT = "rate_limit_silent"  # RateLimited; the cloud names no time
    SERVER_ERROR = "server_error"  # ProviderUnavailable; UnknownOutcome of a create
    RESET = "reset"  # the connection breaks before the call is carried out: the same two
    REPLY_LOST = "reply_lost"  # it is carried out, and the reply never comes: UnknownOutcome of a create
    GARBLED = "garbled"  # carried out, and the reply is no document: ProviderUnavailable or UnknownOutcome
    REFUSED = "refused"  # the cloud does not do it (a protected machine): one of our errors, nothing done


@frozen
class Machine:
    """A machine as the cloud itself has it.

    Attributes:
        id: The cloud's id.
        tags: What it was tagged with when it was made.
        state: The cloud's own word for its state.
        gone: Whether it is gone, whatever the cloud still lists.
    """

    id: str
    tags: Mapping[str, str]
    state: str
    gone: bool


class CloudUnderTest(ABC):
    """A fake cloud as the kit drives it.

    What a cloud cannot do raises Unsupported with the reason, and the check says so: it is not applicable.
    """

    @abstractmethod
    def machines(self) -> Sequence[Machine]:
        """Every machine that was ever made, the gone ones too, in the order of their making."""

    @abstractmethod
    def inject(self, operation: Operation, fault: Fault, *, times: int = 1, after: int = 0) -> None:
        """Let `times` calls of an operation go wrong, once `after` calls of it went well.

        A page of a list is a call.

        Raises:
            Unsupported: This cloud cannot fail in that way.
        """

    @abstractmethod
    def pending_faults(self) -> int:
        """How many injected faults have not struck yet."""

    @abstractmethod
    def clear_faults(self) -> None:
        """Take back every injected fault that has not struck yet."""

    @abstractmethod
    def add_foreign(self) -> str:
        """Make a machine that runctl knows nothing of, and return its id."""

    @abstractmethod
    def set_listing_lag(self, seconds: float) -> None:
        """Show machines made from now on in lists only after so many seconds."""

    @abstractmethod
    def vanish(self, resource_id: str) -> None:
        """Take a machine away at once, without a trace in the cloud's lists."""

    @abstractmethod
    def preempt(self, resource_id: str, *, notice_s: float = 0.0) -> None:
        """Take a machine away as clouds take spot machines, after a notice when one is given."""

    @abstractmethod
    def skew_clock(self, seconds: float) -> None:
        """Let the cloud's clock be ahead of this computer's by so much; behind it when negative."""

    @property
    @abstractmethod
    def secrets(self) -> Sequence[str]:
        """The keys that the provider was given: they may appear nowhere."""

    @property
    @abstractmethod
    def replay(self) -> str:
        """What a failure message says so that the same faults strike again, such as `seed 7`."""
