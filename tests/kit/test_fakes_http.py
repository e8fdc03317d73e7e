"""The fake cloud over HTTP: its key, pages, problems, broken connections, and jobs that really run."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import tarfile
import time
from http.client import HTTPConnection, RemoteDisconnected

import pytest

from runctl_core.testing import Fault, HttpCloud, Operation

MACHINE = {"type": "cpu-2", "zone": "north-a", "name": "acme"}


@pytest.fixture
def cloud(tmp_path):
    with HttpCloud(tmp_path / "cloud", page_size=2) as cloud:
        yield cloud


class Client:
    """One connection that is kept."""

    def __init__(self, cloud, key=None):
        self.connection = HTTPConnection(cloud.url.removeprefix("http://"), timeout=30)
        self.headers = {"Authorization": f"Bearer {key or cloud.api_key}"}

    def raw(self, method, path, body=None):
        self.connection.request(method, path, body, self.headers)
        answer = self.connection.getresponse()
        return answer, answer.read()

    def __call__(self, method, path, document=None):
        answer, data = self.raw(method, path, None if document is None else json.dumps(document))
        return answer.status, json.loads(data) if data else None


@pytest.fixture
def client(cloud):
    return Client(cloud)


def test_a_list_comes_in_pages_and_whole(cloud, client):
    made = [client("POST", "/machines", MACHINE)[1]["id"] for _ in range(5)]
    found, cursor, pages = [], "", 0
    while cursor is not None:
        status, page = client("GET", f"/machines?cursor={cursor}")
        assert status == 200
        found += [row["id"] for row in page["machines"]]
        cursor, pages = page["next"], pages + 1
    assert (found, pages) == (made, 3)


def test_one_connection_serves_many_calls(client):
    client("GET", "/machines")
    socket = client.connection.sock
    client("POST", "/machines", MACHINE)
    client("GET", "/machines/nothing")
    assert client.connection.sock is socket


def test_a_wrong_key_gets_nothing(cloud):
    status, problem = Client(cloud, "wrong")("POST", "/machines", MACHINE)
    assert (status, problem["code"]) == (401, "unauthenticated")
    assert cloud.machines() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/machines/m-9999", None, 404, "not_found"),
        ("GET", "/nowhere", None, 404, "not_found"),
        ("POST", "/machines", {"name": "x"}, 422, "invalid"),
        ("POST", "/machines", {**MACHINE, "colour": "red"}, 422, "invalid"),
        ("POST", "/machines", {**MACHINE, "type": "h100-8"}, 409, "no_capacity"),
        ("POST", "/machines", [1], 422, "invalid"),
        ("POST", "/machines", {**MACHINE, "delete_at": "soon"}, 422, "invalid"),
        ("POST", "/machines", {**MACHINE, "tags": {"a": 1}}, 422, "invalid"),
        ("POST", "/machines", {**MACHINE, "spot": "yes"}, 422, "invalid"),
        ("GET", "/machines?cursor=x", None, 422, "invalid"),
    ],
)
def test_what_is_wrong_is_said_as_a_problem(client, method, path, body, status, code):
    answer, data = client.raw(method, path, None if body is None else json.dumps(body))
    problem = json.loads(data)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status, problem["status"], problem["code"]) == (status, status, code)


def test_a_rate_limit_says_its_time_in_a_header(cloud, client):
    cloud.inject(Operation.GET, Fault.RATE_LIMIT)
    cloud.inject(Operation.GET, Fault.RATE_LIMIT_SILENT)
    waits = [client.raw("GET", "/machines/x")[0].headers["Retry-After"] for _ in range(2)]
    assert waits == ["1", None]


@pytest.mark.parametrize(
    ("fault", "error", "made"),
    [(Fault.RESET, ConnectionResetError, 0), (Fault.REPLY_LOST, RemoteDisconnected, 1)],
)
def test_a_connection_breaks_before_or_after_the_call_was_carried_out(cloud, client, fault, error, made):
    cloud.inject(Operation.CREATE, fault)
    with pytest.raises(error) as raised:
        client("POST", "/machines", MACHINE)
    assert raised.type is error
    assert len(cloud.machines()) == made


def test_a_garbled_reply_is_a_page_for_people(cloud, client):
    cloud.inject(Operation.LIST, Fault.GARBLED)
    answer, data = client.raw("GET", "/machines")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html")
    assert data.startswith(b"<html>")


def test_a_burst_of_errors_is_over_after_its_number(cloud, client):
    cloud.inject(Operation.LIST, Fault.SERVER_ERROR, times=2)
    assert [client("GET", "/machines")[0] for _ in range(3)] == [500, 500, 200]


def archive(**files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def until(true, lost):
    end = time.monotonic() + 30
    while not (answer := true()):
        assert time.monotonic() < end, lost
        time.sleep(0.02)
    return answer


@pytest.fixture
def job(client):
    """A reserved job whose code is there: its path in the API, and its code's folder."""
    path = f"/jobs/{client('POST', '/jobs', MACHINE)[1]['id']}"
    until(lambda: client("GET", path)[1]["state"] == "running", "the job was never ready")
    code = "import sys, time; open('made', 'w').write('result'); print(sys.argv[1], flush=True)\n"
    code += "while sys.argv[1] == 'wait': time.sleep(0.1)\nsys.exit(3)\n"
    _, data = client.raw("PUT", f"{path}/code", archive(train=code))
    return path, json.loads(data)["root"]


def test_a_job_runs_with_its_log_its_status_and_its_files(client, job):
    path, root = job
    document = {"id": "one-1", "command": ["python3", "train", "hello"], "workdir": root}
    assert client("POST", f"{path}/start", document)[0] == 200
    assert client("POST", f"{path}/start", document)[0] == 200
    assert client("POST", f"{path}/start", {**document, "id": "two-1"})[1]["code"] == "bad_state"
    row = until(lambda: (r := client("GET", path)[1])["phase"] == "finished" and r, "the job never ended")
    assert (row["handle"], row["exit_code"], row["log_bytes"]) == ("one-1", 3, 6)
    assert client.raw("GET", f"{path}/log?offset=2")[1] == b"llo\n"
    _, packed = client.raw("GET", f"{path}/files?path=made")
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert tar.extractfile("made").read() == b"result"
    assert client("GET", f"{path}/files?path=nothing")[1]["code"] == "not_found"


def test_a_job_is_cancelled_and_deleted(client, job):
    path, root = job
    client("POST", f"{path}/start", {"id": "one-1", "command": ["python3", "train", "wait"], "workdir": root})
    until(lambda: client.raw("GET", f"{path}/log")[1] == b"wait\n", "the job printed nothing")
    client("POST", f"{path}/cancel", {"grace_s": 5})
    row = until(lambda: (r := client("GET", path)[1])["phase"] == "finished" and r, "the job never ended")
    assert (row["ended_by"], row["signal"]) == ("cancel", signal.SIGTERM)
    assert client("DELETE", path)[0] == 204
    until(lambda: client("GET", path)[1]["state"] == "terminated", "the job was never deleted")


def test_the_program_serves_until_it_is_told_to_end(tmp_path):
    argv = [sys.executable, "-m", "runctl_core.testing.fakes", "--directory", str(tmp_path), "--json"]
    with subprocess.Popen([*argv, "--faults", "list:reset@1"], stdout=subprocess.PIPE) as served:
        told = json.loads(served.stdout.readline())
        connection = HTTPConnection(told["url"].removeprefix("http://"), timeout=30)
        connection.request("GET", "/offers", headers={"Authorization": f"Bearer {told['key']}"})
        assert json.loads(connection.getresponse().read())["offers"]
        served.send_signal(signal.SIGINT)
        assert served.wait(30) == 0


def test_the_program_refuses_faults_that_are_none(tmp_path):
    argv = [
        sys.executable,
        "-m",
        "runctl_core.testing.fakes",
        "--directory",
        str(tmp_path),
        "--faults",
        "boom",
    ]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 101
    assert "fix: create:reply_lost@2" in done.stderr
