"""Machines to test on: real OpenSSH servers on loopback, each with a home and a PATH of its own.

Every session goes through a small script, which also lets calls go wrong: a file named after a verb of the
provider has a fault on each line, and each call takes the first one away.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SSHD = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
SFTP = next((p for d in ("lib", "libexec") for p in Path("/usr", d).glob("**/sftp-server")), None)
MARK = "RUNCTL_SSH_TEST"

SESSION = """#!/bin/sh
export HOME='{home}' PATH='{programs}:{path}' {mark}='{folder}' UV_SYSTEM_CERTS=1
cd
{limit}
run() {{ sh -c "$SSH_ORIGINAL_COMMAND"; }}
case "$SSH_ORIGINAL_COMMAND" in
sftp) exec {sftp} ;;
*' sh take '*) verb=take ;;
*' sh give '*) verb=give ;;
*' sh look') verb=look ;;
*) run; exit ;;
esac
fault=$(head -n 1 '{folder}'/faults/$verb 2> /dev/null) && sed -i 1d '{folder}'/faults/$verb
case "$fault" in
refuse) echo 'Operation not permitted' >&2; exit 1 ;;
break) kill -9 $PPID; exit 1 ;;
lose) run > /dev/null; kill -9 $PPID; exit 1 ;;
garble) run > /dev/null; echo 'Welcome!'; exit ;;
fill)
  cd .runctl-ssh
  for i in 0 1 2 3 4 5 6 7; do
    [ -s $i.slot ] || {{ cp '{folder}'/neighbour $i.slot; mine="$mine $i.slot"; }}
  done
  cd; run; status=$?; cd .runctl-ssh && rm -f $mine; exit $status ;;
esac
run
"""
NEIGHBOUR = (
    '{"token": "neighbour", "name": "neighbour", "tags": {}, "gpu": null, "gpu_count": 0,'
    ' "created_at": "2026-01-01T00:00:00+00:00"}\n'
)


@dataclass(frozen=True)
class Machine:
    """A machine that can be reached.

    Attributes:
        host: As the provider's settings name it: user, address and port.
        folder: Where its keys, its home and its faults are.
    """

    host: str
    folder: Path

    @property
    def slots(self) -> Path:
        """Where the provider keeps its slots there."""
        return self.folder / "home" / ".runctl-ssh"

    @property
    def key_file(self) -> str:
        """The private key that lets in."""
        return str(self.folder / "client_key")

    @property
    def known_hosts(self) -> str:
        """A file with its host key."""
        return str(self.folder / "known_hosts")

    def clear(self) -> None:
        """Give every slot back, and let no call go wrong."""
        _end_sessions(f"{MARK}={self.folder}", only_jobs=True)
        for folder in (self.slots, self.folder / "faults"):
            shutil.rmtree(folder, ignore_errors=True)
        (self.folder / "faults").mkdir()


@contextmanager
def machine(folder: Path, *, gpu: str = "", count: int = 0, python: bool = True, room_kb: int | None = None):
    """Run an SSH server until the end of the block.

    Args:
        folder: Where everything of it is made.
        gpu: What its `nvidia-smi` shows.
        count: How often.
        python: Whether it has any.
        room_kb: How large a file may get there, as if the disk were full.
    """
    assert SSHD and SFTP, "these tests need a real SSH server: apt-get install openssh-server"
    programs, home = folder / "bin", folder / "home"
    for made in (programs, home, folder / "faults"):
        made.mkdir()
    if count:
        _program(programs / "nvidia-smi", "#!/bin/sh\n" + f"echo '{gpu}'\n" * count)
    (folder / "neighbour").write_text(NEIGHBOUR)
    words = {"home": home, "programs": programs, "folder": folder, "sftp": SFTP, "mark": MARK}
    words["path"] = os.environ["PATH"] if python else _without_python(folder)
    words["limit"] = f"ulimit -f {room_kb * 2}" if room_kb else ""  # sh counts half kilobytes
    _program(folder / "session", SESSION.format(**words))
    port = free_port()
    host_key = _key(folder / "host_key")
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
    (folder / "authorized_keys").write_text(_key(folder / "client_key"))
    (folder / "sshd_config").write_text(_configuration(folder, port))
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    command = [SSHD, "-D", "-f", str(folder / "sshd_config"), "-E", str(folder / "sshd.log")]
    server = subprocess.Popen(command, start_new_session=True)
    try:
        _wait_until_it_answers(port, server)
        yield Machine(f"{getpass.getuser()}@127.0.0.1:{port}", folder)
    finally:
        server.terminate()
        server.wait()
        _end_sessions(f"{MARK}={folder}")


def _configuration(folder: Path, port: int) -> str:
    # A shell that is not the first one reads no start-up file: what the developer has there is not tested.
    return f"""Port {port}
SetEnv SHLVL=1
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
Subsystem sftp sftp
ForceCommand {folder}/session
"""


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _without_python(folder: Path) -> Path:
    """A folder with links to the programs of this computer, but no Python."""
    programs = folder / "programs"
    programs.mkdir()
    for program in (*Path("/bin").iterdir(), *Path("/usr/bin").iterdir()):
        if "python" not in program.name and not (programs / program.name).is_symlink():
            (programs / program.name).symlink_to(program)
    return programs


def _key(path: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
    return path.with_suffix(".pub").read_text()


def free_port() -> int:
    """A port of this computer where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_it_answers(port: int, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"sshd does not listen: {server.args}")


def _end_sessions(mark: str, *, only_jobs: bool = False) -> None:
    """Kill what sessions left running: it has their mark in its environment."""
    for entry in Path("/proc").iterdir():
        try:
            environment = (entry / "environ").read_bytes().split(b"\0") if entry.name.isdecimal() else []
            is_job = any(variable.startswith(b"RUNCTL_JOB=") for variable in environment)
            if mark.encode() in environment and (is_job or not only_jobs):
                os.kill(int(entry.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
