"""The client itself: which calls are tried again, and what each answer means.

A call that makes something is sent once: when its outcome is unknown, `UnknownOutcome` says so, and the
engine looks into the provider's list before it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from runctl_core.errors import AuthenticationError, ProviderUnavailable, RunctlError, UnknownOutcome
from runctl_core.rest.answers import Answer, error_of
from runctl_core.rest.connections import Connections
from runctl_core.rest.documents import Secrets, encode, message_of, parse
from runctl_core.retry import RetryPolicy, retry

if TYPE_CHECKING:
    import httpx

LARGEST_DOCUMENT = 64 << 20
"""A JSON document of more bytes is no answer: a service that sends one is broken."""

_LARGEST_ERROR = 64 << 10
_MOST_PAGES = 10_000
_TRIES = RetryPolicy(tries=3, total_s=5.0, first_s=0.2)
"""For what passes in a moment; the core waits for longer, and knows for how long it may."""


class RestClient:
    """Calls to one REST service.

    Args:
        base_url: The address that every path is added to, `https://api.example.com/v1`.
        provider: The provider's name, for errors.
        token: The account's key, sent as `Authorization: Bearer TOKEN`; None for a service that needs
            none. With an empty one, each call raises AuthenticationError.
        headers: More headers for every call. Their values are secrets too.
        connect_timeout_s: Seconds until a connection must stand.
        read_timeout_s: Seconds that the service may be silent; a document must be whole after as many.
        classify: Is asked first what an answer that is no success means, for services that say more than
            the status: it returns one of our errors, or None to leave it to the status.

    Raises:
        ConfigError: The address is none, or it would carry a secret in plain text through a network; or
            the token or a header has characters that no header may have.
    """

    def __init__(
        self,
        base_url: str,
        *,
        provider: str,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        connect_timeout_s: float = 10.0,
        read_timeout_s: float = 60.0,
        classify: Callable[[Answer], RunctlError | None] | None = None,
    ) -> None:
        own = {"Authorization": f"Bearer {token}"} if token else {}
        self._provider = provider
        self._has_key = token != ""
        self._classify = classify
        self._secrets = Secrets([token or "", *(headers or {}).values()])
        self._connections = Connections(
            base_url,
            provider=provider,
            headers={**own, **(headers or {})},
            secrets=self._secrets,
            connect_timeout_s=connect_timeout_s,
            read_timeout_s=read_timeout_s,
        )

    def __repr__(self) -> str:
        return f"RestClient({self._connections.base_url!r}, provider={self._provider!r})"

    def get(self, path: str, /, **query: Any) -> Any:
        """The JSON document at `path`; None for an empty one. Tried again when that may help.

        Args:
            path: Is added to the base URL. Parts of it are quoted, so that an id is always one name.
            query: Parameters; those that are None are left out.

        Raises:
            ResourceNotFound, AuthenticationError, InvalidRequest, InsufficientFunds, RateLimited,
                ProviderUnavailable: What the status says; or what `classify` made of it.
        """
        return self._document("GET", path, query, repeats=True)

    def pages(
        self, path: str, /, items: str, *, cursor: str = "next", parameter: str = "cursor", **query: Any
    ) -> Iterator[Any]:
        """Each item of a list that comes in pages, or an error: never a part of the list in silence.

        Args:
            path: The list's path.
            items: The field of a page that has its items; `data.machines` for a field in a field.
            cursor: The field that has the next page's cursor, likewise; null, empty or left out on the
                last page.
            parameter: The query parameter that the cursor is sent in.
            query: More parameters, sent with every page.

        Raises:
            ProviderUnavailable: A page is no page, or the pages do not end; else as `get`.
        """
        seen: set[str] = set()
        following: Any = None
        while True:
            page = self.get(path, **(query | {parameter: following}))
            found = _field(page, items)
            if not isinstance(found, list):
                self._unreadable(f"GET {path}", f"the page has no list {items}")
            yield from found
            following = _field(page, cursor)
            if following is None or following == "":
                return
            if str(following) in seen or len(seen) >= _MOST_PAGES:
                self._unreadable(f"GET {path}", "its pages lead round in circles")
            seen.add(str(following))

    def post(self, path: str, /, body: Any = None, *, creates: bool = True) -> Any:
        """Send a document, once, and return the one that comes back.

        Args:
            path: As for `get`.
            body: The document: what JSON has, and moments, `Decimal`s and any mapping; None for none.
            creates: Whether it makes something. Say False for an act that may be repeated.

        Raises:
            UnknownOutcome: It makes something, and may have: no answer came, or none that can be read.
            ProviderUnavailable: The service was not reached; or it does not make anything.
            RunctlError: As for `get`.
        """
        return self._document("POST", path, {}, body, creates=creates)

    def put(self, path: str, /, body: Any = None) -> Any:
        """Send a document that takes the place of the one there. Tried again as `get` is."""
        return self._document("PUT", path, {}, body, repeats=True)

    def patch(self, path: str, /, body: Any = None) -> Any:
        """Send a document that changes the one there. Sent once, for it may add to it."""
        return self._document("PATCH", path, {}, body)

    def delete(self, path: str, /, **query: Any) -> Any:
        """Delete what is there. Tried again as `get` is; what is gone already is ResourceNotFound."""
        return self._document("DELETE", path, query, repeats=True)

    def upload(self, path: str, /, pieces: Iterable[bytes]) -> Any:
        """PUT bytes of any length, sent as they come, once. Returns the document that comes back."""
        kind = "application/octet-stream"
        with self._success("PUT", path, {}, pieces, content_type=kind) as response:
            return self._read(f"PUT {path}", response, creates=False)

    def read(self, path: str, /, limit: int, **query: Any) -> bytes:
        """At most `limit` bytes of a body that is no document. Tried again as `get` is."""

        def once() -> bytes:
            with self._success("GET", path, query) as response:
                return self._connections.body(response, limit)

        return retry(once, _TRIES)

    def stream(self, path: str, /, **query: Any) -> Iterator[bytes]:
        """A body of any length in pieces, as they come. One that breaks off raises ProviderUnavailable."""
        with self._success("GET", path, query) as response:
            yield from response.iter_raw()

    def close(self) -> None:
        """Let go of this process's connections. Idempotent; a later call makes new ones."""
        self._connections.close()

    def _document(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        body: Any = None,
        *,
        creates: bool = False,
        repeats: bool = False,
    ) -> Any:
        content = None if body is None else encode(body)

        def once() -> Any:
            with self._success(method, path, query, content, creates=creates) as response:
                return self._read(f"{method} {path}", response, creates)

        return retry(once, _TRIES) if repeats else once()

    def _read(self, call: str, response: httpx.Response, creates: bool) -> Any:
        data = self._connections.body(response, LARGEST_DOCUMENT + 1)
        if not data and (response.status_code == 204 or not creates):
            return None
        if len(data) > LARGEST_DOCUMENT:
            self._unreadable(call, f"it is longer than {LARGEST_DOCUMENT} bytes", creates)
        try:
            return parse(data)
        except ValueError as error:
            self._unreadable(call, str(error), creates)

    def _unreadable(self, call: str, why: str, creates: bool = False) -> NoReturn:
        kind = UnknownOutcome if creates else ProviderUnavailable
        raise kind(
            f"{self._provider} answered to {call} with something that nobody can read",
            why=why,
            fix="runctl orphans shows what was made" if creates else "try again in a while",
        ) from None

    @contextmanager
    def _success(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        content: bytes | Iterable[bytes] | None = None,
        *,
        content_type: str = "application/json",
        creates: bool = False,
    ) -> Iterator[httpx.Response]:
        """An answer that is a success. Raises what any other one means."""
        if not self._has_key:
            raise AuthenticationError(
                f"no key for {self._provider} is set",
                fix=f"runctl config set providers.{self._provider}.api_key < key.txt",
            )
        with self._connections.open(
            method, path, query, content, content_type=content_type, creates=creates
        ) as response:
            if not response.is_success:
                raise self._error(f"{method} {path}", response, creates)
            yield response

    def _error(self, call: str, response: httpx.Response, creates: bool) -> RunctlError:
        data = self._connections.beginning(response, _LARGEST_ERROR)
        headers = {name.lower(): self._secrets.masked(value) for name, value in response.headers.items()}
        try:
            document = self._secrets.masked(parse(data))
        except (ValueError, RecursionError):
            document = None
        text = self._secrets.masked(data.decode(errors="replace")) or headers.get("location", "")
        answer = Answer(
            self._provider, call, response.status_code, document, message_of(document, text), headers
        )
        error = self._classify(answer) if self._classify else None
        if error and error.retry_after_s is None:
            error.retry_after_s = answer.retry_after_s
        return error or error_of(answer, creates=creates)


def _field(document: Any, name: str) -> Any:
    for part in name.split("."):
        document = document.get(part) if isinstance(document, Mapping) else None
    return document
