"""What runs on the fake cloud's machines: in their folders, by SSH too, and never after their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runctl_core.api import (
    AuthenticationError,
    ProviderUnavailable,
    SSHTransport,
    StateError,
    UnknownOutcome,
    machine_key,
)
from runctl_core.testing import FakeCloud

MACHINE = {"type": "cpu-2", "zone": "north-a", "name": "acme"}
DETACH = "setsid sh -c 'echo $$ > pid; exec sleep 1000' </dev/null >/dev/null 2>&1 &"
DETACH_BARE = "setsid env -i sh -c 'echo $$ > pid; exec sleep 1000' </dev/null >/dev/null 2>&1 &"


@pytest.fixture
def cloud(tmp_path):
    with FakeCloud(tmp_path / "cloud") as cloud:
        yield cloud


@pytest.fixture
def key(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path / "state"))
    return machine_key("acme")


def until(true, lost):
    end = time.monotonic() + 30
    while not (answer := true()):
        assert time.monotonic() < end, lost
        time.sleep(0.01)
    return answer


def running(cloud, **options):
    made = cloud.create(**MACHINE, **options)["id"]
    until(lambda: cloud.get(made)["state"] == "running", "the machine never ran")
    return made


def alive(pid):
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def detached(transport, command=DETACH):
    """Start a program that outlives its command; returns its pid."""
    transport.run(["sh", "-c", command])
    return int(until(lambda: transport.run(["sh", "-c", "cat pid 2>/dev/null"]).stdout, "it never started"))


def ssh(row, key, **options):
    at = row["ssh"]
    return SSHTransport(
        at["host"],
        port=at["port"],
        user=at["user"],
        client_keys=[key.private],
        host_keys=[at["host_key"]],
        agent=False,
        **options,
    )


def test_commands_run_in_the_machines_home_without_our_environment(cloud, monkeypatch):
    monkeypatch.setenv("OUR_SECRET", "hunter2")
    transport = cloud.transport(running(cloud))
    done = transport.run(
        ["sh", "-c", 'pwd; echo "$HOME"; echo "${OUR_SECRET-none}"; cat; exit 7'], input=b"in"
    )
    home, told, secret = done.stdout.split(b"\n", 2)
    assert (done.status, secret) == (7, b"none\nin")
    assert home == told
    assert home.endswith(b"/home")


def test_files_come_and_go_within_the_machine_only(cloud, tmp_path):
    transport = cloud.transport(running(cloud))
    (tmp_path / "here").write_text("text")
    transport.put(str(tmp_path / "here"), "deep/there", mode=0o600)
    transport.get("deep/there", str(tmp_path / "back"))
    assert (tmp_path / "back").read_text() == "text"
    with pytest.raises(StateError):
        transport.put(str(tmp_path / "here"), str(tmp_path / "elsewhere"))
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("command", [DETACH, DETACH_BARE], ids=["detached", "without its environment"])
@pytest.mark.parametrize("end", ["terminate", "stop", "vanish", "preempt", "fail"])
def test_nothing_runs_on_after_the_machine(cloud, end, command):
    made = running(cloud)
    transport = cloud.transport(made)
    pid = detached(transport, command)
    assert alive(pid)
    getattr(cloud, end)(made)
    states = ("terminated", "stopped", "failed")
    until(
        lambda: next(m.state for m in cloud.machines() if m.id == made) in states, "the machine never ended"
    )
    assert not alive(pid), f"process {pid} outlived its machine"
    with pytest.raises(ProviderUnavailable):
        transport.run(["true"])


def test_a_stopped_machine_keeps_its_files(cloud):
    made = running(cloud)
    cloud.transport(made).run(["sh", "-c", "echo kept > file"])
    cloud.stop(made)
    until(lambda: cloud.get(made)["state"] == "stopped", "it never stopped")
    cloud.start(made)
    until(lambda: cloud.get(made)["state"] == "running", "it never came back")
    assert cloud.transport(made).run(["cat", "file"]).stdout == b"kept\n"


def test_a_command_on_a_machine_that_goes_away_has_no_known_outcome(cloud):
    made = running(cloud)
    transport = cloud.transport(made)
    with pytest.raises(UnknownOutcome):
        cloud.preempt(made, notice_s=0.5)
        transport.run(["sleep", "1000"])


def test_leaving_the_cloud_ends_all_of_it(tmp_path):
    with FakeCloud(tmp_path) as cloud:
        pids = [detached(cloud.transport(running(cloud))) for _ in range(2)]
    assert not any(map(alive, pids))
    assert not list((tmp_path / "machines").iterdir())


_KILLED = """
import os, signal, sys, time
from runctl_core.testing import FakeCloud
cloud = FakeCloud(sys.argv[1])
made = cloud.create(type="cpu-2", zone="north-a", name="acme")["id"]
while cloud.get(made)["state"] != "running":
    time.sleep(0.01)
cloud.transport(made).run(["sh", "-c", sys.argv[2]])
print(cloud.transport(made).run(["sh", "-c", "until [ -s pid ]; do :; done; cat pid"]).stdout.decode())
sys.stdout.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_nothing_runs_on_after_a_killed_test(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, tmp_path, DETACH], stdout=subprocess.PIPE, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    pid = int(done.stdout)
    until(lambda: not alive(pid), "a killed test left a process for ever")


def test_a_later_cloud_ends_what_an_earlier_one_left(tmp_path):
    home = tmp_path / "machines" / "m-0001" / "home"
    home.mkdir(parents=True)
    left = subprocess.Popen(["sleep", "1000"], cwd=home, start_new_session=True)
    with FakeCloud(tmp_path) as cloud:
        assert left.wait(10) == -signal.SIGKILL
        assert cloud.machines() == []
        assert not home.exists()


def test_ssh_runs_programs_with_their_input_output_and_status(cloud, key):
    made = running(cloud, ssh_key=key.public)
    transport = ssh(cloud.get(made), key)
    data = os.urandom(1 << 20)
    done = transport.run(["sh", "-c", "cat; echo error >&2; exit 3"], input=data)
    assert (done.status, done.stdout == data, done.stderr) == (3, True, b"error\n")
    home = cloud.get(made)["ssh"]["home"]
    assert transport.run(["pwd"]).stdout == f"{home}\n".encode()
    transport.close()


def test_ssh_answers_only_while_the_machine_runs(cloud, key):
    made = cloud.create(**MACHINE, ssh_key=key.public)
    assert made["ssh"] is None
    until(lambda: cloud.get(made["id"])["state"] == "running", "it never ran")
    transport = ssh(cloud.get(made["id"]), key, connect_timeout_s=5)
    assert transport.run(["true"]).status == 0
    cloud.vanish(made["id"])
    with pytest.raises((ProviderUnavailable, UnknownOutcome)):
        transport.run(["true"])
    with pytest.raises(ProviderUnavailable):
        transport.run(["true"])
    transport.close()


def test_ssh_lets_nobody_in_with_another_key(cloud, key):
    made = running(cloud, ssh_key=key.public)
    transport = ssh(cloud.get(made), machine_key("another"))
    with pytest.raises(AuthenticationError):
        transport.run(["true"])
    transport.close()


def test_openssh_gets_a_terminal(cloud, key, tmp_path):
    at = cloud.get(running(cloud, ssh_key=key.public))["ssh"]
    (tmp_path / "key").write_text(key.private)
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "known").write_text(f"[127.0.0.1]:{at['port']} {at['host_key']}\n")
    options = [
        "-i",
        str(tmp_path / "key"),
        "-p",
        str(at["port"]),
        "-o",
        f"UserKnownHostsFile={tmp_path / 'known'}",
    ]
    argv = ["ssh", "-F", "none", "-tt", *options, f"{at['user']}@{at['host']}", "test -t 0 && tty && exit 5"]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    assert done.returncode == 5, done.stderr
    assert b"/dev/" in done.stdout


def test_a_new_machine_may_get_the_address_of_a_gone_one_with_another_host_key(cloud, key):
    cloud.reuse_addresses = True
    first = cloud.get(running(cloud, ssh_key=key.public))
    cloud.vanish(first["id"])
    second = cloud.get(running(cloud, ssh_key=key.public))
    assert second["ssh"]["port"] == first["ssh"]["port"]
    assert second["ssh"]["host_key"] != first["ssh"]["host_key"]
