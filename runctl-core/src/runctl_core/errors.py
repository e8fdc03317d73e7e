"""Every error that runctl raises on purpose, and what each one means.

    RunctlError
    ├── UsageError            101  the command line is wrong
    ├── ConfigError           102  a configured value is wrong
    ├── NotFound              103  no such run, script or file
    │   └── ResourceNotFound       the provider does not know this resource
    ├── Refused               104  allowed by nobody: a limit or a rule of safety is in the way
    │   └── PriceLimitError        what fits costs more than was allowed
    ├── AuthenticationError   105  the provider does not accept who we are
    ├── CapacityError         106  nothing free there now
    │   ├── QuotaError             the account may not have more
    │   └── InsufficientFunds      the account has no money left
    ├── ProviderUnavailable   107  the provider does not answer, or answers that it is broken
    │   └── RateLimited            too many calls; try again after a while
    ├── InvalidRequest        107  the provider understood and says that the request is wrong
    ├── UnknownOutcome        108  the call may have been carried out: reconcile, then try again
    ├── StateError            109  the state store cannot be read or written
    ├── PluginError           110  a plugin is missing, broken or does not fit
    ├── SetupError            111  the environment for the script could not be made
    ├── RunLost               112  a run whose end nobody saw
    ├── Unsupported           113  this provider cannot do that, and says why
    ├── Damaged               114  a file is not what was written
    ├── RunEnded              116  a limit of the user's ended the run: deadline, idle rule, budget
    └── LeftBehind            117  something that was to be stopped or deleted is still there

The number is the exit status of `runctl`; 100 is kept for a fault of runctl itself. Each error says
what happened (`message`), `why`, and the command that mends it (`fix`). The engine decides by kind
and by `scope`, never by the words of a message.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

INTERNAL_FAULT = 100
"""Exit status when runctl itself is at fault."""


class Scope(StrEnum):
    """How far an error reaches, and so what is worth trying next."""

    OFFER = "offer"
    ZONE = "zone"
    REGION = "region"
    ACCOUNT = "account"


def in_utf8(text: str) -> str:
    """The text with every half character written out: a plugin's words, or a file's name, may have some,
    and neither the books nor a document can keep them."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class RunctlError(Exception):
    """Base of all errors that runctl raises on purpose.

    Args:
        message: What happened, in one line without a full stop.
        why: The reason or the evidence, when it is known.
        fix: The command or the act that mends it.
        scope: How far the error reaches; None when it is no matter of place.
        retry_after_s: Seconds that the provider asked us to wait, when it did.
    """

    exit_status: ClassVar[int] = INTERNAL_FAULT
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        why: str = "",
        fix: str = "",
        scope: Scope | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = in_utf8(message)
        self.why = in_utf8(why)
        self.fix = in_utf8(fix)
        self.scope = scope
        self.retry_after_s = retry_after_s

    @property
    def summary(self) -> str:
        """What happened and why, in one line."""
        return " ".join(f"{self.message}{f': {self.why}' if self.why else ''}".split())

    @property
    def kind(self) -> str:
        """The name of the class, as it stands in JSON output."""
        return type(self).__name__

    def to_json(self) -> dict[str, str]:
        """The error as it stands in JSON output."""
        return {"kind": self.kind, "message": self.message, "why": self.why, "fix": self.fix}


class UsageError(RunctlError):
    """The command line is wrong."""

    exit_status = 101


class ConfigError(RunctlError):
    """A configured value is unknown, malformed or out of range."""

    exit_status = 102


class NotFound(RunctlError):
    """No such run, script, checkpoint or file."""

    exit_status = 103


class ResourceNotFound(NotFound):
    """The provider does not know this resource, or lists it as gone."""


class Refused(RunctlError):
    """A limit or a rule of safety is in the way; nothing was done."""

    exit_status = 104


class PriceLimitError(Refused):
    """Everything that fits costs more than the user allowed."""


class AuthenticationError(RunctlError):
    """The provider does not accept the credentials, or they lack a permission."""

    exit_status = 105


class CapacityError(RunctlError):
    """Nothing free inside `scope` at this moment; another place may have it."""

    exit_status = 106
    retryable = True


class QuotaError(CapacityError):
    """The account may not have more of this; waiting does not help."""

    retryable = False


class InsufficientFunds(CapacityError):
    """The account's balance does not cover the request."""

    retryable = False


class ProviderUnavailable(RunctlError):
    """The provider did not answer, or answered that it is broken. Nothing was carried out."""

    exit_status = 107
    retryable = True


class RateLimited(ProviderUnavailable):
    """Too many calls; `retry_after_s` says for how long to wait when the provider told us."""


class InvalidRequest(RunctlError):
    """The provider understood the request and says that it is wrong. Trying again is pointless."""

    exit_status = 107


class UnknownOutcome(RunctlError):
    """The call may have been carried out. Ask the provider's list before trying again."""

    exit_status = 108


class StateError(RunctlError):
    """The state store cannot be read or written, or its disk is full."""

    exit_status = 109


class PluginError(RunctlError):
    """A plugin is missing, broken, or was made for another plugin API."""

    exit_status = 110


class SetupError(RunctlError):
    """The environment that the script needs could not be made; the script did not start."""

    exit_status = 111


class RunLost(RunctlError):
    """The run's runner is gone and nobody saw how the script ended."""

    exit_status = 112


class Unsupported(RunctlError):
    """The provider cannot do this. The message is the provider's reason."""

    exit_status = 113


class Damaged(RunctlError):
    """A file is not what was written: a checkpoint, or a manifest that describes one."""

    exit_status = 114


class RunEnded(RunctlError):
    """A limit that the user set ended the run: its deadline, its idle rule or its budget."""

    exit_status = 116


class LeftBehind(RunctlError):
    """Something that was to be stopped or deleted is still there, and may cost money."""

    exit_status = 117
