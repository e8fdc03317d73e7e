"""The way to a service: addresses that are safe to call, one pool of connections, time-outs.

This module alone touches httpx, and imports it when the first call is made. Connections may be used
from any thread. A forked process makes its own.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote, urlsplit

from runctl_core import __version__
from runctl_core.errors import ConfigError, InvalidRequest, ProviderUnavailable, SetupError, UnknownOutcome

if TYPE_CHECKING:
    import httpx

    from runctl_core.rest.documents import Secrets

_HEADER_VALUE = re.compile(r"[\x20-\x7e]*\Z")
_LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1")


class Connections:
    """Connections to one service.

    Args:
        base_url: The address that every path is added to.
        provider: The provider's name, for errors.
        headers: Headers for every call.
        secrets: What no error may show.
        connect_timeout_s: Seconds until a connection must stand.
        read_timeout_s: Seconds that the service may be silent.

    Raises:
        ConfigError: As `RestClient` says.
    """

    def __init__(
        self,
        base_url: str,
        *,
        provider: str,
        headers: Mapping[str, str],
        secrets: Secrets,
        connect_timeout_s: float,
        read_timeout_s: float,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._provider = provider
        self._headers = dict(headers)
        self._secrets = secrets
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._pools: dict[int, httpx.Client] = {}
        self._is_local = self._check()

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        content: bytes | Iterable[bytes] | None = None,
        *,
        content_type: str = "application/json",
        creates: bool = False,
    ) -> Iterator[httpx.Response]:
        """The service's answer, whatever it is, before its body is read.

        Raises:
            ProviderUnavailable: The service was not reached; or it did not answer, or broke off.
            UnknownOutcome: The same, when the call was sent and makes something.
        """
        pool, url = self._pool(), self._url(path)
        import httpx

        params = {name: value for name, value in query.items() if value is not None}
        headers = {} if content is None else {"Content-Type": content_type}
        try:
            with pool.stream(
                method, url, params=params or None, content=content, headers=headers
            ) as response:
                yield response
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise ProviderUnavailable(
                f"{self._provider} cannot be reached at {self.base_url}",
                why=self._in_words(error),
                fix="check the network, then try again",
            ) from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            kind = UnknownOutcome if creates else ProviderUnavailable
            raise kind(
                f"{self._provider} did not answer to {method} {path}",
                why=self._in_words(error),
                fix="runctl orphans shows what was made" if creates else "try again in a while",
            ) from error

    def body(self, response: httpx.Response, limit: int) -> bytes:
        """The body of an answer, cut at `limit` bytes. It must be there within the time for reading."""
        import httpx

        end = time.monotonic() + self._read_timeout_s
        data = bytearray()
        for piece in response.iter_raw():
            data += piece
            if len(data) >= limit:
                break
            if time.monotonic() > end:
                raise httpx.ReadTimeout("the answer does not end")
        return bytes(data[:limit])

    def beginning(self, response: httpx.Response, limit: int) -> bytes:
        """The same; nothing when it cannot be read."""
        import httpx

        try:
            return self.body(response, limit)
        except httpx.HTTPError:
            return b""

    def close(self) -> None:
        """Let go of this process's connections. Idempotent; a later call makes new ones."""
        if pool := self._pools.pop(os.getpid(), None):
            pool.close()

    def _pool(self) -> httpx.Client:
        pool = self._pools.get(os.getpid())
        if pool is None:
            made = self._make()
            pool = self._pools.setdefault(os.getpid(), made)
            if pool is not made:
                made.close()  # another thread was quicker
        return pool

    def _make(self) -> httpx.Client:
        try:
            import httpx
        except ImportError as error:
            raise SetupError(
                f"{self._provider} cannot be asked: httpx is not installed",
                why=str(error),
                fix="pip install 'runctl-core[rest]'",
            ) from error
        own = {
            "User-Agent": f"runctl-core/{__version__} ({self._provider})",
            "Accept": "application/json, */*;q=0.5",
            "Accept-Encoding": "identity",  # what is unpacked could be of any length
        }
        return httpx.Client(
            headers=own | self._headers,
            timeout=httpx.Timeout(self._read_timeout_s, connect=self._connect_timeout_s),
            follow_redirects=False,  # another host would get the token
            trust_env=not self._is_local,  # a proxy does not know this computer's loopback
        )

    def _url(self, path: str) -> str:
        """The whole address. Raises InvalidRequest for a path that leads to another one."""
        parts = path.removeprefix("/").removesuffix("/").split("/")
        if any(part in ("", ".", "..") for part in parts):
            raise InvalidRequest(
                f"{path!r} is no path of {self._provider}", why="a part of it is empty, or dots"
            )
        return f"{self.base_url}/{quote(path.removeprefix('/'), safe='/:')}"

    def _in_words(self, error: Exception) -> str:
        words: str = self._secrets.masked(" ".join(str(error).split()))
        return words or type(error).__name__

    def _check(self) -> bool:
        """Whether the service is on this computer. Raises ConfigError for what must not be called."""
        try:
            parts = urlsplit(self.base_url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            self._refuse("that address", "it is no URL")
        if "@" in parts.netloc:
            self._refuse("that address", "it has a name or a password in it, which errors would show")
        if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
            self._refuse(repr(self.base_url), "an address is https://HOST/PATH")
        is_local = bool(_LOOPBACK.fullmatch(host))
        if parts.scheme == "http" and self._headers and not is_local:
            self._refuse(repr(self.base_url), "everybody on the way could read the key; https:// hides it")
        if not all(map(_HEADER_VALUE.match, self._headers.values())):
            self._refuse("that key", "it has characters that no header may have")
        return is_local

    def _refuse(self, what: str, why: str) -> NoReturn:
        raise ConfigError(
            f"{self._provider} cannot be called with {what}",
            why=why,
            fix="runctl config show tells where it is set",
        ) from None
