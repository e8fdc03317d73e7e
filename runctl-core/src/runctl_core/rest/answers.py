"""What a REST service answered, and which of our kinds an unwelcome answer is.

Decisions only: nothing here opens a connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from attrs import frozen

from runctl_core.errors import (
    AuthenticationError,
    InsufficientFunds,
    InvalidRequest,
    ProviderUnavailable,
    RateLimited,
    ResourceNotFound,
    RunctlError,
    UnknownOutcome,
)

_TOO_EARLY = (408, 425)
_KINDS: Mapping[int, type[RunctlError]] = {
    401: AuthenticationError,
    402: InsufficientFunds,
    403: AuthenticationError,
    404: ResourceNotFound,
    410: ResourceNotFound,
    429: RateLimited,
    **dict.fromkeys(_TOO_EARLY, ProviderUnavailable),
}


@frozen
class Answer:
    """An answer that is no success, as a provider's `classify` gets it.

    Attributes:
        provider: The provider's name.
        call: What was asked, `POST /machines`.
        status: The HTTP status.
        document: The body's JSON document; None when it is none.
        message: The service's own words, on one line.
        headers: Its headers, by their names in lower case.
    """

    provider: str
    call: str
    status: int
    document: Any
    message: str
    headers: Mapping[str, str]

    def text(self, name: str) -> str:
        """A text of the document by its name, such as its machine code; empty when there is none."""
        value = self.document.get(name) if isinstance(self.document, Mapping) else None
        return value if isinstance(value, str) else ""

    @property
    def retry_after_s(self) -> float | None:
        """The seconds that the service asks us to wait, which it may say as a moment too."""
        return retry_after_s(self.headers.get("retry-after", ""), self.headers.get("date", ""))


def error_of(answer: Answer, *, creates: bool) -> RunctlError:
    """The error that an answer stands for, by its status alone.

    Args:
        answer: It.
        creates: Whether the call makes something: what a broken service, or one that points elsewhere,
            did with it is then unknown.
    """
    kind = _kind(answer.status, creates)
    return kind(
        f"{answer.provider} answered {answer.status} to {answer.call}",
        why=answer.message,
        fix=_fix(kind, answer.provider),
        retry_after_s=answer.retry_after_s,
    )


def _kind(status: int, creates: bool) -> type[RunctlError]:
    if status in _KINDS:
        return _KINDS[status]
    if 400 <= status < 500:
        return InvalidRequest
    if creates:
        return UnknownOutcome
    return ProviderUnavailable if status >= 500 else InvalidRequest


def _fix(kind: type[RunctlError], provider: str) -> str:
    if kind is AuthenticationError:
        return f"check that its key is right and may do this; runctl doctor tells what {provider} has"
    if kind is InsufficientFunds:
        return f"add money to the account at {provider}"
    if kind is UnknownOutcome:
        return "runctl orphans shows what was made; then try again"
    return "try again in a while" if issubclass(kind, ProviderUnavailable) else ""


def retry_after_s(value: str, date: str = "") -> float | None:
    """The seconds that a `Retry-After` asks for; None when it says nothing that can be understood.

    Args:
        value: The header: whole seconds, or a moment.
        date: The reply's `Date`. A moment is counted from it, for our clocks may differ.
    """
    if value.isascii() and value.strip().isdecimal():
        return float(value) if len(value) < 10 else None
    until = _moment(value)
    if until is None:
        return None
    return max(0.0, (until - (_moment(date) or datetime.now(UTC))).total_seconds())


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
