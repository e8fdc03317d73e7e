"""One connection to a machine: opened when it is first needed, shared, and opened again after it broke.

Lives in the loop's thread. Host keys are always verified: against the pinned ones, else known_hosts.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from runctl_core.errors import AuthenticationError, ConfigError, RunctlError, SetupError
from runctl_core.transport.ssh.address import Address
from runctl_core.transport.ssh.trouble import in_our_words, is_gone, open_failed
from runctl_core.transport.ssh.trust import Trust

if TYPE_CHECKING:
    import asyncssh

KEEPALIVE_S = 10
_UNANSWERED = 2
_SESSIONS = 8
"""Programs at once: servers allow ten sessions by default, and files and a terminal need one each."""

_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr")
"""The fastest first."""


class Connection:
    """The connection, and the SFTP session on it."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._loop: asyncio.AbstractEventLoop | None = None
        self._forget()

    def _forget(self) -> None:
        self._connected: asyncssh.SSHClientConnection | None = None
        self._opening: asyncio.Task[asyncssh.SSHClientConnection] | None = None
        self._files: asyncio.Task[asyncssh.SFTPClient] | None = None
        self.sessions = asyncio.Semaphore(_SESSIONS)

    async def opened(self) -> asyncssh.SSHClientConnection:
        """The connection, opened when there is none that works.

        Raises:
            SetupError: The extra is missing.
            AuthenticationError: The machine is not the one it should be, or does not let us in.
            ProviderUnavailable: It cannot be reached.
        """
        if self._loop is not asyncio.get_running_loop():  # the first call, or the first in a forked child
            self._forget()
            self._loop = asyncio.get_running_loop()
        if self._connected is not None and not self._connected.is_closed():
            return self._connected
        if self._opening is None or self._opening.done():
            self._connected = self._files = None
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(_seen)
        return await asyncio.shield(self._opening)

    async def _open(self) -> asyncssh.SSHClientConnection:
        self._connected = await connect(self.address)
        return self._connected

    async def files(self) -> asyncssh.SFTPClient:
        """The SFTP session on the connection, shared by all. Raises as `opened`; SetupError without SFTP."""
        for last in (False, True):
            opened = await self.opened()
            import asyncssh  # there, once a connection is

            if self._files is None:
                self._files = asyncio.create_task(_start_files(opened))
                self._files.add_done_callback(_seen)
            try:
                return await asyncio.shield(self._files)
            except (asyncssh.Error, OSError) as error:
                self._files = None
                if last or not is_gone(error):
                    raise open_failed(self.address, error, sftp=True) from error
                self.drop(opened)
        raise AssertionError("the second try returns or raises")

    def files_failed(self) -> None:
        """Begin a new SFTP session when files are needed again."""
        self._files = None

    def drop(self, broken: asyncssh.SSHClientConnection) -> None:
        """Use a connection no more; it may not have been told yet itself that it is broken."""
        if self._connected is broken:
            self._connected = None
        broken.abort()

    async def close(self) -> None:
        """Let go. A later call opens it again."""
        connected, self._connected, self._files = self._connected, None, None
        if connected is not None and self._loop is asyncio.get_running_loop():
            connected.close()
            try:
                await asyncio.wait_for(connected.wait_closed(), 2)
            except TimeoutError:
                connected.abort()


def _seen(task: asyncio.Task[Any]) -> None:
    """Take note of a failure for which nobody waits any more: asyncio would print it."""
    if not task.cancelled():
        task.exception()


async def _start_files(connection: asyncssh.SSHClientConnection) -> asyncssh.SFTPClient:
    return await connection.start_sftp_client(path_encoding=None)


async def connect(address: Address) -> asyncssh.SSHClientConnection:
    """Open a connection. Raises as `Connection.opened`."""
    try:
        import asyncssh
    except ImportError as error:
        raise SetupError(
            "machines over SSH need asyncssh",
            why=str(error),
            fix="pip install 'runctl-core[ssh]'",
        ) from error
    _be_quiet()
    trust = Trust(address.host_keys, address.known_hosts)
    try:
        async with asyncio.timeout(address.connect_timeout_s):
            return await _verified(address, trust)
    except asyncssh.ConfigParseError as error:
        raise ConfigError(
            "the SSH configuration cannot be read", why=str(error), fix="mend ~/.ssh/config"
        ) from error
    except RunctlError:
        raise
    except Exception as error:
        raise in_our_words(address, trust, error) from error


async def _verified(address: Address, trust: Trust) -> asyncssh.SSHClientConnection:
    """Connect, asking for a key of a kind that is known.

    A server that has none of such a kind only hangs up. Then any kind is asked for, to see and tell
    which key it shows; that it is not trusted does not change.
    """
    import asyncssh

    options = _options(address, trust)
    try:
        connection, _ = await asyncssh.create_connection(trust.client, address.host, **options)
    except (asyncssh.KeyExchangeFailed, asyncssh.ConnectionLost, ConnectionResetError):
        if not trust.known or trust.shown:
            raise
        options["server_host_key_algs"] = "default"
        connection, _ = await asyncssh.create_connection(trust.client, address.host, **options)
    return connection


def _options(address: Address, trust: Trust) -> dict[str, Any]:
    """What asyncssh is told. Everything that is left out may be said by `~/.ssh/config`."""
    options: dict[str, Any] = {
        "known_hosts": trust.keys_of,
        "client_keys": _client_keys(address),
        "preferred_auth": "publickey",
        "keepalive_interval": KEEPALIVE_S,
        "keepalive_count_max": _UNANSWERED,
        "compression_algs": None,
        "encryption_algs": "^" + ",".join(_CIPHERS),
        "agent_forwarding": False,
        "x11_forwarding": False,
        "connect_timeout": None,
        "login_timeout": None,
    }
    if address.port != 22:
        options["port"] = address.port
    if address.user is not None:
        options["username"] = address.user
    if not address.agent:
        options["agent_path"] = None
    return {name: value for name, value in options.items() if value != ()}


def _client_keys(address: Address) -> Sequence[Any]:
    """The keys to show; none means those of the configuration, else the usual files."""
    import asyncssh

    keys: list[Any] = []
    for path in address.key_files:
        name = os.path.expanduser(path)
        try:
            keys.append(asyncssh.read_private_key(name))
        except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            if "passphrase" in str(error).lower():
                raise AuthenticationError(
                    f"the key {path} has a passphrase", fix=f"ssh-add {path}, and name no key file"
                ) from error
            raise AuthenticationError(
                f"the key {path} cannot be read",
                why=getattr(error, "strerror", None) or "it is no private key that SSH knows",
                fix=f"ssh-keygen -y -f {path} must print its public key",
            ) from error
    for text in address.client_keys:
        try:
            keys.append(asyncssh.import_private_key(text))
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
            raise AuthenticationError(
                "a private key that was given as text is none that SSH knows",
                fix="give the whole key, from its BEGIN line to its END line, without a passphrase",
            ) from None
    return keys or ()


def _be_quiet() -> None:
    """Let asyncssh log only for whoever set a level for it: nobody reads of lost connections twice."""
    logger = logging.getLogger("asyncssh")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL + 1)
