"""The key that this computer shows to the machines of one provider (extra `[ssh]`).

It is made when it is first needed and kept in the state directory, for its owner alone: the runs that
any later command looks after are reached with it.
"""

from __future__ import annotations

import contextlib
import os
import tempfile

from attrs import field, frozen

from runctl_core.errors import SetupError, StateError
from runctl_core.paths import ensure_private_dir, state_dir, to_disk


@frozen
class MachineKey:
    """A pair of SSH keys.

    Attributes:
        private: The private key as text, for `SSHTransport(client_keys=…)`.
        public: The public key in one line, `ssh-ed25519 AAAA…`: what a machine is made with.
    """

    private: str = field(repr=False)
    public: str


def machine_key(provider: str) -> MachineKey:
    """This computer's key for the machines of a provider. Made once, also by many commands at once.

    Raises:
        SetupError: The extra `[ssh]` is not installed.
        StateError: The key cannot be read, or not written.
    """
    try:
        import asyncssh
    except ImportError as error:
        raise SetupError(
            f"the machines of {provider} cannot be reached: asyncssh is not installed",
            why=str(error),
            fix="pip install 'runctl-core[ssh]'",
        ) from error
    folder = ensure_private_dir(os.path.join(state_dir(), "keys"))
    path = os.path.join(folder, provider)
    try:
        if not os.path.exists(path):
            made = asyncssh.generate_private_key("ssh-ed25519", comment="runctl")
            _keep(folder, path, made.export_private_key())
        with open(path, "rb") as file:
            text = file.read()
        public = asyncssh.import_private_key(text).export_public_key()
    except OSError as error:
        raise StateError(
            f"the key {path} cannot be read or written",
            why=error.strerror or str(error),
            fix=f"chmod u+rwx {folder}, and make room on its disk",
        ) from error
    except asyncssh.KeyImportError as error:
        raise StateError(
            f"the key {path} is damaged",
            why=str(error),
            fix=f"bring it back from a backup; rm {path} makes another, and no live machine knows that one",
        ) from error
    return MachineKey(text.decode(), public.decode().strip())


def _keep(folder: str, path: str, text: bytes) -> None:
    """Write the key, unless another command was quicker: then its key is the one."""
    fd, partial = tempfile.mkstemp(prefix=".coming-", dir=folder)  # of mode 0600
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(text)
        to_disk(partial)
        with contextlib.suppress(FileExistsError):
            os.link(partial, path)
        to_disk(folder)
    finally:
        os.unlink(partial)
