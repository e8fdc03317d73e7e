"""Whom SSHTransport trusts, and the one clear error of each way in which there is no connection."""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
import threading

import pytest

from runctl_core.api import SSHTransport
from runctl_core.errors import AuthenticationError, ConfigError, ProviderUnavailable, RunctlError
from sshd import sshd

OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB1AkCqxVkxrX4DkJCnzJTKsP3aeFAXqdhkJbB1QcQhL"


def refused(kind: type[RunctlError], host: str = "127.0.0.1", **options: object) -> RunctlError:
    """The error of a first call; it has all that a user needs."""
    transport = SSHTransport(host, **{"agent": False, **options})
    with pytest.raises(kind) as caught:
        transport.run(["true"])
    assert caught.value.why
    assert caught.value.fix
    return caught.value


def test_a_machine_with_another_key_than_the_pinned_one_is_refused(server):
    error = refused(AuthenticationError, port=server.port, key_files=[server.client_key], host_keys=[OTHER])
    assert "not the machine that it should be" in error.message
    assert error.why.count("SHA256:") == 2
    assert f"ssh-keyscan -p {server.port} 127.0.0.1" in error.fix


@pytest.mark.parametrize("known", ["", None])
def test_a_machine_that_nobody_knows_is_refused(server, tmp_path, known):
    file = tmp_path / "known_hosts"
    if known is not None:
        file.write_text(known)
    error = refused(
        AuthenticationError, port=server.port, key_files=[server.client_key], known_hosts=str(file)
    )
    assert "nobody knows the host key" in error.message
    assert "SHA256:" in error.why
    assert error.fix.endswith(f">> {file}")


def test_what_the_error_says_makes_a_machine_known(server, tmp_path):
    file = tmp_path / "known_hosts"
    options = {"port": server.port, "key_files": [server.client_key], "known_hosts": str(file)}
    error = refused(AuthenticationError, **options)
    command = error.fix.partition(": ")[2]
    subprocess.run(["sh", "-c", command], check=True, stderr=subprocess.DEVNULL, timeout=30)
    transport = SSHTransport("127.0.0.1", **options, user=server.user, agent=False)
    assert transport.run(["echo", "in"]).stdout == b"in\n"
    transport.close()


def test_a_key_that_has_changed_is_refused_and_its_command_forgets_the_old_one(server, tmp_path):
    file = tmp_path / "known_hosts"
    file.write_text(f"[127.0.0.1]:{server.port} {OTHER}\n")
    error = refused(
        AuthenticationError, port=server.port, key_files=[server.client_key], known_hosts=str(file)
    )
    assert "has changed" in error.message
    command = error.fix.partition(": ")[2]
    subprocess.run(shlex.split(command), check=True, capture_output=True, timeout=30)
    assert OTHER not in file.read_text()


def test_a_key_of_another_kind_is_a_changed_key_too(server, tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(tmp_path / "k")], check=True)
    pinned = (tmp_path / "k.pub").read_text()
    error = refused(AuthenticationError, port=server.port, key_files=[server.client_key], host_keys=[pinned])
    assert "not the machine that it should be" in error.message


def test_a_configuration_that_says_trust_anybody_is_not_followed(server, tmp_path, monkeypatch):
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text(
        "Host *\n  UserKnownHostsFile none\n  StrictHostKeyChecking no\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    refused(AuthenticationError, port=server.port, key_files=[server.client_key])


def test_a_refused_key_says_how_to_bring_one_there(tmp_path):
    with sshd(tmp_path, refuse_keys=True) as closed:
        error = refused(AuthenticationError, port=closed.port, **closed.trusted)
    assert "accepts none of our keys" in error.message
    assert "ssh-add" in error.fix
    assert f"ssh-copy-id -p {closed.port} {closed.user}@127.0.0.1" in error.fix


def test_a_key_that_cannot_be_used_is_named(server, tmp_path):
    locked = str(tmp_path / "locked")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", locked], check=True)
    for path, said in ((locked, "has a passphrase"), (str(tmp_path / "gone"), "cannot be read")):
        transport = SSHTransport("127.0.0.1", port=server.port, key_files=[path], host_keys=[server.host_key])
        with pytest.raises(AuthenticationError, match=said) as caught:
            transport.run(["true"])
        assert path in caught.value.message + caught.value.fix


def test_a_key_as_text_that_is_none_is_not_repeated(server):
    transport = SSHTransport(
        "127.0.0.1", port=server.port, client_keys=["s3cret"], host_keys=[server.host_key]
    )
    with pytest.raises(AuthenticationError) as caught:
        transport.run(["true"])
    assert "s3cret" not in str(caught.value.to_json())


def test_a_pinned_key_that_is_none_is_told(server):
    refused(ConfigError, port=server.port, key_files=[server.client_key], host_keys=["nonsense"])


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_machine_without_a_server_is_unreachable():
    error = refused(ProviderUnavailable, port=closed_port(), host_keys=[OTHER])
    assert "refused" in error.why.lower() or "connect" in error.why.lower()
    assert "start its SSH server" in error.fix


def test_a_name_that_nobody_has_is_told():
    error = refused(ProviderUnavailable, host="no-such-machine.invalid", host_keys=[OTHER])
    assert "cannot be reached" in error.message


@pytest.fixture
def silent():
    """A port that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_machine_that_is_silent_is_given_up_in_time(silent):
    error = refused(ProviderUnavailable, port=silent, host_keys=[OTHER], connect_timeout_s=0.5)
    assert "no answer" in error.why


def test_what_is_no_ssh_server_is_told(request):
    listening = socket.create_server(("127.0.0.1", 0))
    request.addfinalizer(listening.close)

    def answer() -> None:
        taken, _ = listening.accept()
        taken.recv(100)
        taken.sendall(b"HTTP/1.1 400 Bad Request\r\n" + b"X: y\r\n" * 3000)
        taken.close()

    threading.Thread(target=answer, daemon=True).start()
    error = refused(ProviderUnavailable, port=listening.getsockname()[1], host_keys=[OTHER])
    assert "no SSH server" in error.message


def test_a_missing_extra_names_the_command_that_installs_it(tmp_path):
    (tmp_path / "asyncssh.py").write_text("raise ImportError('No module named asyncssh')")
    code = (
        "from runctl_core.api import SSHTransport, SetupError\n"
        "try: SSHTransport('x').run(['true'])\n"
        "except SetupError as error: print(error.fix)\n"
    )
    env = {"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=30)
    assert done.stdout == "pip install 'runctl-core[ssh]'\n", done.stderr


def test_importing_it_needs_neither_asyncssh_nor_asyncio():
    code = (
        "import sys; from runctl_core.api import SSHTransport; SSHTransport('x').close()\n"
        "print({'asyncio', 'asyncssh'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stdout == "set()\n", done.stderr
