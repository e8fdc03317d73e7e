"""Whether a machine is the one it should be: what is known of its keys, and which one it showed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from runctl_core.errors import ConfigError

if TYPE_CHECKING:
    import asyncssh

_SYSTEM = "/etc/ssh/ssh_known_hosts"


class Trust:
    """What one attempt to connect trusts.

    Attributes:
        pinned: Whether the provider named the keys.
        file: The user's file of known hosts.
        known: Fingerprints of the keys that the machine may show; empty for one that nobody knows.
        shown: The fingerprint of the key that it showed and that was not trusted.
    """

    def __init__(self, host_keys: Sequence[str], known_hosts: str | None) -> None:
        self.pinned = bool(host_keys)
        self.file = os.path.expanduser(known_hosts or "~/.ssh/known_hosts")
        self.known: list[str] = []
        self.shown = ""
        self._host_keys = host_keys

    def keys_of(self, host: str, address: str, port: int | None) -> tuple[Any, Any, Any]:
        """The trusted keys, authorities and revoked keys of a host, as asyncssh asks for them."""
        keys, authorities, revoked = self._pinned() if self.pinned else self._filed(host, address, port)
        self.known = [key.get_fingerprint() for key in (*keys, *authorities)]
        return keys, authorities, revoked

    def client(self) -> asyncssh.SSHClient:
        """Notes the key that the machine shows, and trusts none beyond the known ones."""
        import asyncssh

        trust = self

        class Witness(asyncssh.SSHClient):
            def validate_host_public_key(self, *shown: Any, **_: Any) -> bool:
                trust.shown = shown[-1].get_fingerprint()
                return False

        return Witness()

    def _pinned(self) -> tuple[Any, Any, Any]:
        import asyncssh

        try:
            return [asyncssh.import_public_key(key) for key in self._host_keys], [], []
        except asyncssh.KeyImportError as error:
            raise ConfigError(
                "a pinned host key is none that SSH knows",
                why=str(error),
                fix="give it as one line: ssh-ed25519 AAAA…",
            ) from error

    def _filed(self, host: str, address: str, port: int | None) -> tuple[Any, Any, Any]:
        import asyncssh

        files = [path for path in (self.file, _SYSTEM) if os.access(path, os.R_OK)]
        if not files:
            return [], [], []
        try:
            keys, authorities, revoked, *_ = asyncssh.read_known_hosts(files).match(host, address, port)
        except (ValueError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{' or '.join(files)} cannot be read", why=str(error), fix="mend the line, or take it out"
            ) from error
        return keys, authorities, revoked
