"""Where files may lie besides a machine's disk: the contract. `local.py` is a folder.

Four calls. A plugin brings a store under the entry-point group `runctl.stores`; the entry's name is
the scheme of its URLs (`s3://BUCKET/a/b`), and nothing is imported before it is named (`opening.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import datetime

from attrs import frozen

__all__ = ["Store", "StoredFile"]


@frozen
class StoredFile:
    """What a store says of one file.

    Attributes:
        name: Its name, parts divided by `/`, without one at the beginning.
        size_bytes: Its size.
        modified_at: When it was written; aware, in UTC.
        etag: The store's own mark of its content; empty when the store has none. Equal marks of one
            name mean equal content.
    """

    name: str
    size_bytes: int
    modified_at: datetime
    etag: str = ""


class Store(ABC):
    """Files by name, in one place: a bucket, a volume, a folder.

    The entry point names a class, or a function, that is called with what stands between `://` and the
    next `/` of a URL: `S3("bucket")` for `s3://bucket/a/b`. Making it asks nobody and costs nothing.
    Methods may be called from many threads at once, and block. A name is never empty, has no part that
    is empty, `.` or `..`, and is at most 1,024 bytes long.

    Every error leaves as one of ours: AuthenticationError, NotFound, ProviderUnavailable (worth another
    try), RateLimited, StateError (full, or not writable), InvalidRequest. No secret stands in any of them.
    """

    def __init__(self, place: str) -> None:
        self.place = place

    @abstractmethod
    def list(self, prefix: str) -> Iterable[StoredFile]:
        """Every file whose name begins with `prefix`, in any order, as of now; nothing when there is none.

        `prefix` is plain text: `a/b` fits `a/b`, `a/b/c` and `a/bc`. What `write` ended is listed at once;
        what a killed `write` left never is.
        """

    @abstractmethod
    def read(self, name: str, offset: int, limit: int) -> bytes:
        """At most `limit` bytes of a file from `offset` on; none only at its end. Raises NotFound.

        Called for one piece after the other, up to some megabytes each.
        """

    @abstractmethod
    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """Make or replace a file, whole or not at all.

        Whoever lists or reads meanwhile sees the old file or none, also when `pieces` raises, and also
        when this process is killed.
        """

    @abstractmethod
    def delete(self, name: str) -> None:
        """Take a file away. Idempotent: one that is not there is no error."""
