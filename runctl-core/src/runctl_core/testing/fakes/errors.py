"""The one error of the fake cloud's own, as the client of a vendor would raise it."""

from __future__ import annotations


class CloudError(Exception):
    """The cloud says no, and did nothing.

    Args:
        code: A word of the cloud's that stays the same: `unauthenticated`, `no_capacity`, `quota`,
            `no_funds`, `invalid`, `rate_limit`, `server_error`, `refused`, `not_found`, `bad_state`.
        message: A sentence for people.
        retry_after_s: Seconds to wait, when the cloud names them.
    """

    def __init__(self, code: str, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s
