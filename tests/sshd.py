"""A real OpenSSH server on loopback, whose sessions have a home of their own.

with sshd(tmp_path) as server:
    SSHTransport(server.host, port=server.port, **server.trusted)
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import frozen

from homes import wait_for

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or "sshd"
_FOR_FILES = "files"
"""What a session is asked for that copies files; the program of the sessions knows the word."""


@frozen
class Server:
    """A server that runs.

    Attributes:
        host: Its address.
        port: Its port.
        user: The user to be there.
        host_key: Its public key, one line.
        client_key: The file of a private key that it accepts, unless it was told to refuse.
        known_hosts: A file of known hosts that has its key.
        home: The home, and first directory, of its sessions.
        pid: Its process.
    """

    host: str
    port: int
    user: str
    host_key: str
    client_key: str
    known_hosts: str
    home: Path
    pid: int

    @property
    def trusted(self) -> dict[str, Any]:
        """What `SSHTransport` must be given to get in, beside host and port."""
        return {
            "user": self.user,
            "key_files": [self.client_key],
            "host_keys": [self.host_key],
            "agent": False,
        }

    def ssh(self, program: str = "ssh") -> list[str]:
        """The words that make `ssh` or `scp` use this server, without its address."""
        port = "-P" if program in ("scp", "sftp") else "-p"
        options = ("-F", "none", "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={self.known_hosts}")
        return [program, *options, "-o", "IdentitiesOnly=yes", "-i", self.client_key, port, str(self.port)]


@contextmanager
def sshd(
    folder: Path,
    *,
    refuse_keys: bool = False,
    python: bool = True,
    sftp: bool = True,
    disk_bytes: int | None = None,
    path: str | None = None,
    lines: tuple[str, ...] = (),
) -> Iterator[Server]:
    """Run a server until the end of the block; then all its sessions are ended too.

    Args:
        folder: Where its keys, its files and the home of its sessions are made.
        refuse_keys: Whether it accepts no key at all.
        python: Whether `python3` is on the path of its sessions.
        sftp: Whether it copies files.
        disk_bytes: The most that its home takes, each file of it: as a disk with so little room does.
        path: The path of its sessions, instead of this process's.
        lines: More lines of its configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    home = folder / "home"
    home.mkdir(exist_ok=True)
    host_key, client_key = _key(folder / "host_key"), _key(folder / "client_key")
    (folder / "authorized_keys").write_text("" if refuse_keys else client_key)
    search = path or (os.environ["PATH"] if python else _path_without_python(folder))
    port = _free_port()
    known = folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {' '.join(host_key.split()[:2])}\n")
    config = folder / "sshd_config"
    session = _session(folder, home, search, disk_bytes)
    # A login shell reads its files from the home, before it begins with what is forced.
    more = [*lines, f"SetEnv HOME={home}", f"ForceCommand {session}"]
    if sftp:
        more.append(f"Subsystem sftp {_FOR_FILES}")
    config.write_text(_configuration(folder, port, more))
    os.makedirs("/run/sshd", exist_ok=True) if os.geteuid() == 0 else None
    log = folder / "sshd.log"
    process = subprocess.Popen([SSHD, "-D", "-f", str(config), "-E", str(log)], start_new_session=True)
    try:
        wait_for(lambda: _answers(port), why=f"sshd does not listen: {log}")
        yield Server(
            "127.0.0.1",
            port,
            getpass.getuser(),
            host_key.strip(),
            str(folder / "client_key"),
            str(known),
            home,
            process.pid,
        )
    finally:
        _end(process, folder)


def _configuration(folder: Path, port: int, more: list[str]) -> str:
    return "\n".join(
        [
            *more,
            f"Port {port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {folder}/host_key",
            f"PidFile {folder}/sshd.pid",
            f"AuthorizedKeysFile {folder}/authorized_keys",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            "PrintMotd no",
            "PrintLastLog no",
            "MaxStartups 100",
            "",
        ]
    )


def _session(folder: Path, home: Path, search: str, disk_bytes: int | None) -> Path:
    """The program that every session is: a shell in the home, or the server for files."""
    limit = f"ulimit -f {disk_bytes // 512}" if disk_bytes is not None else ":"
    script = folder / "session"
    script.write_text(
        "#!/bin/sh\n"
        f"export HOME='{home}' PATH='{search}' RUNCTL_TEST_SSHD='{folder}'\n"
        "cd\n"
        "trap '' XFSZ\n"
        f"{limit}\n"
        'case "$SSH_ORIGINAL_COMMAND" in\n'
        f"{_FOR_FILES}) exec {_sftp_server()} ;;\n"
        '"") exec "${SHELL:-/bin/sh}" -l ;;\n'
        '*) exec "${SHELL:-/bin/sh}" -c "$SSH_ORIGINAL_COMMAND" ;;\n'
        "esac\n"
    )
    script.chmod(0o755)
    return script


def _sftp_server() -> str:
    places = ("/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh", "/usr/libexec")
    return next(f"{place}/sftp-server" for place in places if os.path.exists(f"{place}/sftp-server"))


def _path_without_python(folder: Path) -> str:
    """A folder with links to the programs of this machine, but no Python."""
    programs = folder / "bin"
    programs.mkdir()
    for place in ("/bin", "/usr/bin"):
        for name in os.listdir(place):
            if "python" not in name and not (programs / name).is_symlink():
                (programs / name).symlink_to(f"{place}/{name}")
    return str(programs)


def _key(path: Path) -> str:
    if not path.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as probe:
            return probe.recv(4) == b"SSH-"
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    """End the server and what its sessions left running, by the mark in their environment."""
    sessions = _children(process.pid)
    process.terminate()
    process.wait(10)
    for session in sessions:
        with suppress(ProcessLookupError):
            os.kill(session, signal.SIGKILL)
    mark = f"RUNCTL_TEST_SSHD={folder}".encode() + b"\0"
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and mark in (entry / "environ").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue


def sessions_of(server: Server) -> list[int]:
    """The processes of the server's connections."""
    return _children(server.pid)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
