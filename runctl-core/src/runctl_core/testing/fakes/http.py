"""The fake cloud as a REST API on loopback: what a provider over HTTP is tested against.

`docs/reference/fakes.md` has its calls. Errors are problem documents (RFC 9457) with a stable `code`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any, TypeVar

from runctl_core.testing.cloud import Operation
from runctl_core.testing.fakes.cloud import FakeCloud
from runctl_core.testing.fakes.errors import CloudError
from runctl_core.testing.fakes.http_calls import Connections, handler
from runctl_core.testing.fakes.jobs import ReservedJob, job_row
from runctl_core.testing.fakes.records import Record

_Answer = TypeVar("_Answer")
_TEXTS = ("type", "zone", "name", "token", "ssh_key", "image", "delete_at")
_FIELDS: dict[str, type] = {**dict.fromkeys(_TEXTS, str), "tags": dict, "spot": bool}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def shutdown_request(self, request: Any) -> None:
        """Close at once: a polite shutdown would send an end before a reset."""
        self.close_request(request)


class HttpCloud(FakeCloud):
    """A `FakeCloud` that also answers over HTTP, from the moment it is made.

    Args:
        directory: See `FakeCloud`, and for the other options too.
        port: Where it listens on 127.0.0.1; 0 for any.
        page_size: How many rows a page of a list has.

    Attributes:
        url: The address of the API.
        api_key: The key that it takes, as `Authorization: Bearer KEY`.
        reply_delay_s: How long each reply takes.
    """

    def __init__(self, directory: str | Path, *, port: int = 0, page_size: int = 10, **options: Any) -> None:
        super().__init__(directory, **options)
        self.page_size = page_size
        self.reply_delay_s = 0.0
        self._connections = Connections()
        self._server = _Server(("127.0.0.1", port), handler(self, self._connections))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True, name="fake-cloud-http"
        )
        self._thread.start()

    def close(self) -> None:
        """See `FakeCloud.close`. Connections are cut."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._connections.cut()
        super().close()

    def page(self, kind: str, cursor: str) -> dict[str, Any]:
        """One page of `offers`, `machines` or `jobs`; `next` is the cursor of the page after it, or null."""
        try:
            first = int(cursor or 0)
        except ValueError as error:
            raise CloudError("invalid", f"{cursor!r} is no cursor") from error

        def act() -> dict[str, Any]:
            rows = self._offers() if kind == "offers" else self._rows(kind.removesuffix("s"))
            rest = rows[first + self.page_size :]
            following = str(first + self.page_size) if rest else None
            return {kind: rows[first : first + self.page_size], "next": following}

        return self._call(Operation.OFFERS if kind == "offers" else Operation.LIST, act)

    def create_from(self, document: dict[str, Any], kind: str) -> dict[str, Any]:
        """Make a machine or a job of a document."""
        fields = {name: value for name, value in document.items() if value is not None}
        if not {"type", "zone", "name"} <= fields.keys():
            raise CloudError("invalid", "a machine has a type, a zone and a name")
        for name, value in fields.items():
            if not isinstance(value, _FIELDS.get(name, ())):
                raise CloudError("invalid", f"{name} cannot be {value!r:.100}")
        if not all(isinstance(value, str) for value in fields.get("tags", {}).values()):
            raise CloudError("invalid", "a tag's value is text")
        if "delete_at" in fields:
            fields["delete_at"] = _moment(fields["delete_at"])
        return self.create(**fields, kind=kind)

    def job(self, job_id: str, act: Callable[[ReservedJob], _Answer], *, starts: bool = False) -> _Answer:
        """Do something with a job. Starting one is a `start` that may go wrong; nothing else may."""
        if starts:
            return self._call(Operation.START, lambda: act(self._reserved(self._known(job_id))))
        with self._lock:
            self._machines.settle()
            reserved = self._reserved(self._known(job_id))
        return act(reserved)

    def unpack(self, job_id: str, archive: IO[bytes], name: str) -> dict[str, str]:
        """Give a job its `code`, or the `checkpoint` that it goes on from."""
        return {"root": self.job(job_id, lambda job: job.unpack(archive, name))}

    def _reserved(self, record: Record) -> ReservedJob:
        if record.state != "running":
            raise CloudError("bad_state", f"{record.id} is {record.state}")
        sandbox = self._machines.sandbox(record)
        self._machines.settle()
        return ReservedJob(record.id, sandbox)

    def reserved(self, job_id: str) -> dict[str, Any]:
        """One job."""
        row = self.get(job_id)
        with self._lock:
            sandbox = self._machines.sandbox_of(job_id)
        return {**row, **(job_row(None) if sandbox is None else ReservedJob(job_id, sandbox).row())}


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise CloudError("invalid", f"{text!r} is no moment") from error
