"""The key for a provider's machines: one for all commands, and readable by its owner alone."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import asyncssh
import pytest

from runctl_core.errors import StateError
from runctl_core.transport.keys import machine_key


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of the test's own."""
    monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def test_the_key_of_a_provider_is_the_same_for_every_command(state: Path) -> None:
    code = "from runctl_core.api import machine_key; print(machine_key('acme').public)"
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    printed = {process.communicate()[0].strip() for process in started}
    assert printed == {machine_key("acme").public}, "a machine made by one could not be reached by another"
    assert os.listdir(state / "keys") == ["acme"]


def test_the_private_key_is_its_owners_alone_and_never_shown(state: Path) -> None:
    key = machine_key("acme")
    assert stat.S_IMODE((state / "keys" / "acme").stat().st_mode) == 0o600
    assert stat.S_IMODE((state / "keys").stat().st_mode) == 0o700
    assert key.private not in repr(key)


def test_the_two_keys_belong_together() -> None:
    key = machine_key("acme")
    public = asyncssh.import_private_key(key.private).export_public_key().decode().strip()
    assert public == key.public
    assert key.public.startswith("ssh-ed25519 ")


def test_two_providers_do_not_share_a_key() -> None:
    assert machine_key("acme").public != machine_key("mycloud").public


def test_a_damaged_key_is_kept_and_named(state: Path) -> None:
    machine_key("acme")
    path = state / "keys" / "acme"
    path.write_text("nonsense")
    with pytest.raises(StateError, match="is damaged") as caught:
        machine_key("acme")
    assert str(path) in caught.value.message
    assert path.read_text() == "nonsense", "a key that opens live machines must not be written over"
