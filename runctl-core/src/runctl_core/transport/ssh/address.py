"""Where a machine is, and how we prove to each other who we are."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class Address:
    """Where a machine is, and who we are there.

    Attributes:
        host: Its name, address or alias in `~/.ssh/config`.
        port: Its port; with 22 the configuration may say another.
        user: The user there.
        key_files: Files of private keys.
        client_keys: Private keys as text.
        host_keys: Public keys of which the machine must show one.
        known_hosts: The file of known hosts.
        agent: Whether the keys of the agent are tried.
        connect_timeout_s: Seconds for the whole of connecting.
    """

    host: str
    port: int = 22
    user: str | None = None
    key_files: tuple[str, ...] = ()
    client_keys: tuple[str, ...] = field(default=(), repr=False)
    host_keys: tuple[str, ...] = ()
    known_hosts: str | None = None
    agent: bool = True
    connect_timeout_s: float = 15.0

    def __str__(self) -> str:
        return self.host if self.port == 22 else f"{self.host}:{self.port}"
