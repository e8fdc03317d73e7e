"""What went wrong with a connection or a file, as one clear error with the command that mends it."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

from runctl_core.errors import AuthenticationError, ProviderUnavailable, RunctlError, SetupError

if TYPE_CHECKING:
    from runctl_core.transport.ssh.address import Address
    from runctl_core.transport.ssh.trust import Trust

_NO_SERVER = ("Unsupported SSH version", "Banner line too long", "Too many banner lines", "Version too long")
_CLOSED = "SSH connection closed"
_UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN)


def in_our_words(address: Address, trust: Trust, error: Exception) -> RunctlError:
    """Why there is no connection."""
    import asyncssh

    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return _not_trusted(address, trust, error)
    if isinstance(error, asyncssh.PermissionDenied) or "authentication fail" in str(error).lower():
        return _not_let_in(address, error)
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return _no_common(address, trust, error)
    if isinstance(error, asyncssh.DisconnectError) and error.reason in _NO_SERVER:
        return ProviderUnavailable(
            f"what answers at {address} is no SSH server",
            why=error.reason,
            fix=f"give the port of its SSH server; ssh -p PORT {address.host} tries one",
        )
    return ProviderUnavailable(
        f"{address} cannot be reached", why=_why(address, error), fix=_mend(address, error)
    )


def is_gone(error: BaseException) -> bool:
    """Whether something failed because the connection is no more, and not for a reason of its own.

    The errors of sockets come through as they are; those of files here are others.
    """
    import asyncssh

    if isinstance(error, asyncssh.ChannelOpenError):
        return error.reason == _CLOSED  # a server that opens no more sessions has the same code
    if isinstance(error, asyncssh.SFTPConnectionLost | asyncssh.SFTPNoConnection | asyncssh.DisconnectError):
        return True
    return isinstance(error, ConnectionError | TimeoutError) or (
        isinstance(error, OSError) and error.errno in _UNREACHABLE
    )


def open_failed(address: Address, error: Exception, *, sftp: bool = False) -> RunctlError:
    """Why a session on a connection could not be opened."""
    import asyncssh

    if not isinstance(error, asyncssh.ChannelOpenError) or is_gone(error):
        return lost(address, error)
    if sftp and error.code == asyncssh.OPEN_REQUEST_SESSION_FAILED:
        return SetupError(
            f"the SSH server at {address} has no SFTP, which copies files",
            why=error.reason,
            fix="add the line 'Subsystem sftp internal-sftp' to its sshd_config, and reload it",
        )
    return ProviderUnavailable(
        f"{address} opens no more sessions",
        why=error.reason,
        fix="end what runs there, or raise MaxSessions in its sshd_config",
    )


def lost(address: Address, error: BaseException) -> RunctlError:
    """The connection broke before anything was carried out, or in what may be done again."""
    return ProviderUnavailable(
        f"the connection to {address} broke", why=str(error), fix=f"ssh {address.host} must work; try again"
    )


def _not_trusted(address: Address, trust: Trust, error: Exception) -> RunctlError:
    scanned = f"ssh-keyscan -p {address.port} {address.host}"
    shown = f"it shows {trust.shown}" if trust.shown else str(error)
    if trust.pinned:
        return AuthenticationError(
            f"{address} is not the machine that it should be",
            why=f"{shown}, and not {' or '.join(trust.known)}",
            fix=f"{scanned} prints its keys; when it was made anew, give the new one as its host key",
        )
    if trust.known:
        name = address.host if address.port == 22 else f"[{address.host}]:{address.port}"
        return AuthenticationError(
            f"the host key of {address} has changed, or another machine answers",
            why=f"{shown}, and {trust.file} has {' and '.join(trust.known)}",
            fix=f"when its owner says that the new key is right: ssh-keygen -R '{name}' -f {trust.file}",
        )
    return AuthenticationError(
        f"nobody knows the host key of {address}",
        why=f"{shown}, and {trust.file} has no line for it",
        fix=f"when that fingerprint is the machine's: {scanned} >> {trust.file}",
    )


def _no_common(address: Address, trust: Trust, error: Exception) -> RunctlError:
    """Where only other kinds of keys are known, no key can be agreed on: that too is a changed key."""
    if "host key" in str(error).lower() and trust.known:
        return _not_trusted(address, trust, error)
    return ProviderUnavailable(
        f"{address} and we have no cipher or key in common", why=str(error), fix="update its SSH server"
    )


def _not_let_in(address: Address, error: Exception) -> RunctlError:
    whose = f"{address.user}@{address.host}" if address.user else address.host
    return AuthenticationError(
        f"{address} accepts none of our keys",
        why=str(error),
        fix=f"ssh-add -l lists the agent's keys; ssh-copy-id -p {address.port} {whose} brings one there",
    )


def _why(address: Address, error: Exception) -> str:
    if isinstance(error, TimeoutError) and not error.args:
        return f"no answer within {address.connect_timeout_s:.0f} s"
    if isinstance(error, socket.gaierror):
        return f"no machine has the name {address.host}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _mend(address: Address, error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"start its SSH server, or give its port; ssh -p {address.port} {address.host} must work"
    if isinstance(error, OSError) and error.errno in _UNREACHABLE:
        return "check the network, and whether the machine runs"
    return f"check its name and that it runs: ssh -p {address.port} {address.host} must work"
