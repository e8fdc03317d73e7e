"""A machine over SSH: programs, logs, ports, and the one connection behind them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homes import wait_for
from runctl_core.api import SSHTransport
from runctl_core.errors import NotFound, Refused, StateError, UnknownOutcome
from runctl_core.transport.ssh.program import command_line
from sshd import sessions_of, sshd

ECHO = "import os, sys; os.write(1, b'|'.join(map(os.fsencode, sys.argv[1:])))"


def test_run_passes_bytes_through(over_ssh):
    done = over_ssh.run(["sh", "-c", "cat; echo oops >&2; exit 3"], input=b"a\0\r\xff")
    assert (done.status, done.stdout, done.stderr) == (3, b"a\0\r\xff", b"oops\n")


def test_run_tells_a_signal_as_a_shell_does(over_ssh):
    assert over_ssh.run(["sh", "-c", "kill -9 $$"]).status == 137


@pytest.mark.parametrize(("program", "status"), [("no-such-program", 127), ("/etc/passwd", 126)])
def test_run_of_what_cannot_be_executed(over_ssh, program, status):
    done = over_ssh.run([program])
    assert done.status == status
    assert program.encode() in done.stderr


SHELLS = [shell for shell in ("sh", "bash", "zsh", "fish") if shutil.which(shell)]


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(words=st.lists(st.text(st.sampled_from("a ~=*'\"\\$`!#\n;&|%{}é-"), max_size=8), max_size=4))
def test_no_login_shell_looks_into_the_words(shell, words):
    line = command_line([sys.executable, "-I", "-S", "-c", ECHO, *words])
    done = subprocess.run([shell, "-c", line], capture_output=True, check=True)
    assert done.stdout == b"|".join(map(os.fsencode, words))


def test_input_is_sent_as_it_is_made(over_ssh, server):
    def pieces():
        yield b"one"
        wait_for(lambda: (server.home / "came").read_bytes() == b"one", why="the first piece was held back")
        yield b"two"

    assert over_ssh.run(["sh", "-c", "cat > came"], input=pieces()).status == 0
    assert (server.home / "came").read_bytes() == b"onetwo"


def test_input_that_nobody_reads_is_not_made(over_ssh):
    made = []
    pieces = (made.append(1) or b"x" * 100_000 for _ in range(10_000))
    assert over_ssh.run(["head", "-c", "5"], input=pieces).stdout == b"xxxxx"
    assert len(made) < 1000, "a program that wants no more had everything made for it"


def test_an_error_in_making_the_input_is_the_callers(over_ssh, server):
    def broken():
        yield b"half"
        wait_for(lambda: (server.home / "part").read_bytes() == b"half")
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        over_ssh.run(["sh", "-c", "cat > part"], input=broken())
    assert over_ssh.run(["echo", "x"]).stdout == b"x\n"


def test_input_that_is_no_bytes_is_the_callers_error_and_hangs_nobody(over_ssh):
    with pytest.raises(TypeError):
        over_ssh.run(["cat"], input=["text"], timeout_s=20)


def test_run_that_takes_too_long_has_an_unknown_outcome(over_ssh):
    with pytest.raises(UnknownOutcome, match="did not end within 1 s"):
        over_ssh.run(["sleep", "60"], timeout_s=1)
    assert over_ssh.run(["echo", "x"], timeout_s=30).stdout == b"x\n"


def test_many_threads_share_one_connection(over_ssh, server):
    known = set(sessions_of(server))
    answers = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(over_ssh.run(["echo", str(n)]).stdout))
        for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answers) == sorted(f"{n}\n".encode() for n in range(20))
    assert len(set(sessions_of(server)) - known) == 1, "the machine was asked to let us in more than once"


def test_a_broken_connection_is_made_again_unasked(over_ssh, server):
    known = set(sessions_of(server))
    over_ssh.run(["true"])
    (session,) = set(sessions_of(server)) - known
    os.kill(session, signal.SIGKILL)
    assert over_ssh.run(["echo", "again"]).stdout == b"again\n"
    assert over_ssh.read("/etc/hostname", 0, 1000)


def test_a_connection_that_breaks_while_a_program_runs_leaves_the_outcome_open(over_ssh, server):
    known = set(sessions_of(server))
    over_ssh.run(["true"])
    (session,) = set(sessions_of(server)) - known
    script = f"kill -9 {session}; sleep 60"
    with pytest.raises(UnknownOutcome, match="broke while sh ran"):
        over_ssh.run(["sh", "-c", script])


def test_a_forked_child_makes_a_connection_of_its_own(over_ssh):
    over_ssh.run(["true"])
    child = os.fork()
    if child == 0:
        os._exit(0 if over_ssh.run(["echo", "child"]).stdout == b"child\n" else 1)
    assert os.waitpid(child, 0)[1] == 0, "a forked process cannot use the transport"
    assert over_ssh.run(["echo", "parent"]).stdout == b"parent\n", "the child broke its parent's connection"


def test_close_is_idempotent_and_a_later_call_opens_again(over_ssh):
    over_ssh.close()
    over_ssh.run(["true"])
    over_ssh.close()
    over_ssh.close()
    assert over_ssh.run(["echo", "x"]).stdout == b"x\n"


def test_read_gives_any_part_of_a_file(over_ssh, server):
    data = os.urandom(3_000_001)
    (server.home / "log").write_bytes(data)
    for offset, limit in [
        (0, 10),
        (5, 1 << 20),
        (1, 1 << 24),
        (2_999_999, 50),
        (3_000_001, 5),
        (9_000_000, 5),
    ]:
        assert over_ssh.read(f"{server.home}/log", offset, limit) == data[offset : offset + limit]
    assert over_ssh.read("log", 0, 4) == data[:4], "a relative path is not meant from the home there"


def test_read_of_what_is_no_file(over_ssh, server):
    for path in ("gone", str(server.home), f"{server.home}/log/x"):
        with pytest.raises(NotFound):
            over_ssh.read(path, 0, 10)


def _greeting(port):
    with socket.create_connection(("127.0.0.1", port), 10) as led, suppress(ConnectionResetError):
        return led.recv(8)


def test_a_port_there_is_led_here_and_outlives_the_connection(over_ssh, server):
    known = set(sessions_of(server))
    with over_ssh.forward(0, "localhost", server.port) as port:
        for _ in range(2):
            # The connection may be about to learn that it is broken: then one comes to nothing.
            wait_for(lambda: _greeting(port) == b"SSH-2.0-")
            for session in set(sessions_of(server)) - known:
                with suppress(ProcessLookupError):
                    os.kill(session, signal.SIGKILL)
            wait_for(lambda: not set(sessions_of(server)) - known)
    with pytest.raises(ConnectionRefusedError):
        wait_for(lambda: socket.create_connection(("127.0.0.1", port), 1).close())


def test_a_port_that_is_taken_here_is_told(over_ssh, server):
    with pytest.raises(Refused, match=str(server.port)), over_ssh.forward(server.port, "localhost", 1):
        pass


def test_secrets_are_in_no_repr(server):
    secret = Path(server.client_key).read_text()
    transport = SSHTransport(server.host, port=server.port, client_keys=[secret], host_keys=[server.host_key])
    transport.run(["true"])
    held = repr(transport) + repr(vars(transport)) + repr(transport._connection.address)
    assert "PRIVATE KEY" not in held
    transport.close()


def test_the_configuration_of_ssh_names_the_machine(server, tmp_path, monkeypatch):
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text(
        f"Host gpu1\n  HostName {server.host}\n  Port {server.port}\n  User {server.user}\n"
        f"  IdentityFile {server.client_key}\n  UserKnownHostsFile none\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copy(server.known_hosts, tmp_path / ".ssh" / "known_hosts")
    transport = SSHTransport("gpu1", agent=False)
    assert transport.run(["echo", "there"]).stdout == b"there\n"
    transport.close()


def test_a_machine_that_went_away_is_told_in_our_words_only(capfd, tmp_path):
    with sshd(tmp_path) as other:
        transport = SSHTransport(other.host, port=other.port, **other.trusted)
        transport.run(["true"])
    begun = time.monotonic()
    with pytest.raises(Exception, match="cannot be reached"):
        transport.run(["true"])
    assert time.monotonic() - begun < 10
    assert capfd.readouterr().err == "", "asyncssh talks to the user past our errors"


def test_a_file_that_we_may_not_read_is_told(tmp_path, over_ssh, server):
    if os.geteuid() == 0:
        path = "/proc/self/mem"  # root may open everything, but nobody reads this from its begin
    else:
        path = str(server.home / "locked")
        Path(path).write_text("x")
        Path(path).chmod(0)
    with pytest.raises(StateError, match="cannot copy or read"):
        over_ssh.read(path, 0, 10)
