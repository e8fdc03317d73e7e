"""A proxy in front of an HTTP API: unspoilt calls go through as they are, spoilt ones fail as scripted."""

from __future__ import annotations

import http.client
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from runctl_core.errors import Unsupported
from runctl_core.testing import Fault, FaultProxy

BIG = bytes(range(256)) * 20_000


class Api(BaseHTTPRequestHandler):
    """Counts what it carries out, and answers in each way that HTTP has."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        return None

    def do_GET(self):
        self.server.done.append(f"GET {self.path}")
        if self.path.startswith("/v1/events"):
            self._events()
        elif self.path == "/v1/old":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"until the end")
            self.close_connection = True
        elif self.path == "/v1/big":
            self._say(200, BIG)
        else:
            self._say(200, json.dumps({"path": self.path}).encode())

    def do_POST(self):
        body = self._body()
        self.server.done.append(f"POST {self.path}")
        self._say(201, body)

    def do_DELETE(self):
        self.server.done.append(f"DELETE {self.path}")
        self.send_response(204)
        self.end_headers()

    def _body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _say(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Host", self.headers["Host"])
        self.end_headers()
        self.wfile.write(body)

    def _events(self):
        """Two events; the second only when the test has seen the first."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in (b"data: one\n\n", b"data: two\n\n"):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            self.wfile.flush()
            assert self.server.seen.wait(20)
        self.wfile.write(b"0\r\n\r\n")


@pytest.fixture
def api():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.done, server.seen = [], threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def proxy(api):
    with FaultProxy(f"http://127.0.0.1:{api.server_port}/v1", seed=7) as proxy:
        yield proxy


@pytest.fixture
def client(proxy):
    connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=20)
    yield connection
    connection.close()


def ask(client, method, path, **options):
    client.request(method, f"/v1{path}", **options)
    answer = client.getresponse()
    return answer, answer.read()


def test_what_is_not_spoilt_goes_through_as_it_is(client, api):
    answer, body = ask(client, "GET", "/machines?page=2")
    assert (answer.status, json.loads(body)) == (200, {"path": "/v1/machines?page=2"})
    assert answer.getheader("X-Host") == f"127.0.0.1:{api.server_port}"


def test_one_connection_carries_many_calls(client):
    ask(client, "GET", "/a")
    first = client.sock
    ask(client, "POST", "/b", body=b"x")
    ask(client, "DELETE", "/c")
    ask(client, "GET", "/d")
    assert client.sock is first, "a client that keeps its connection was thrown out"


def test_bodies_of_megabytes_go_both_ways(client):
    assert ask(client, "GET", "/big")[1] == BIG
    assert ask(client, "POST", "/big", body=BIG)[1] == BIG


def test_a_body_in_chunks_goes_through(client):
    pieces = (b"one", b"two" * 1000, b"three")
    assert ask(client, "POST", "/x", body=iter(pieces), encode_chunked=True)[1] == b"".join(pieces)


def test_an_answer_that_only_the_connection_ends_goes_through(client):
    assert ask(client, "GET", "/old")[1] == b"until the end"


def test_events_arrive_when_they_are_sent(client, api):
    client.request("GET", "/v1/events")
    answer = client.getresponse()
    assert answer.readline() == b"data: one\n", "an event waits for the next one"
    api.seen.set()
    assert answer.read() == b"\ndata: two\n\n"


def test_a_status_is_answered_so_often_and_not_carried_out(client, proxy, api):
    proxy.inject("POST /machines", status=503, retry_after=3, body=b'{"code": "busy"}', times=2)
    for _ in range(2):
        answer, body = ask(client, "POST", "/machines", body=b"{}")
        assert (answer.status, answer.getheader("Retry-After"), body) == (503, "3", b'{"code": "busy"}')
    assert (api.done, proxy.pending) == ([], 0)
    assert ask(client, "POST", "/machines", body=b"{}")[0].status == 201


def test_only_calls_that_match_go_wrong(client, proxy):
    proxy.inject("DELETE /machines/*", status=500)
    assert ask(client, "GET", "/machines/m-1")[0].status == 200
    assert ask(client, "DELETE", "/machines")[0].status == 204
    assert ask(client, "DELETE", "/machines/m-1")[0].status == 500


@pytest.mark.parametrize(("when", "done"), [("before", []), ("after", ["POST /v1/machines"])])
def test_a_connection_breaks_before_or_after_the_call_is_carried_out(client, proxy, api, when, done):
    proxy.inject("POST /machines", reset=when)
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        ask(client, "POST", "/machines", body=b"{}")
    assert api.done == done


def test_a_garbled_reply_is_of_a_call_that_was_carried_out(client, proxy, api):
    proxy.inject("POST /machines", Fault.GARBLED)
    answer, body = ask(client, "POST", "/machines", body=b"{}")
    assert (answer.status, api.done) == (201, ["POST /v1/machines"])
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(body)
    assert ask(client, "GET", "/a")[0].status == 200


def test_a_delayed_call_waits_and_is_carried_out(client, proxy):
    proxy.inject("GET /a", delay_s=0.3)
    began = time.monotonic()
    assert ask(client, "GET", "/a")[0].status == 200
    assert time.monotonic() - began >= 0.3


def test_faults_have_the_names_that_clouds_have(client, proxy):
    proxy.inject("* *", Fault.RATE_LIMIT)
    answer, _ = ask(client, "GET", "/a")
    assert (answer.status, answer.getheader("Retry-After")) == (429, "1")


def test_a_fault_that_each_api_says_in_its_own_words_is_refused(proxy):
    with pytest.raises(Unsupported) as raised:
        proxy.inject("POST /machines", Fault.NO_CAPACITY)
    assert "status=" in raised.value.fix


def struck(api, seed):
    url = f"http://127.0.0.1:{api.server_port}/v1"
    with FaultProxy(url, seed=seed) as proxy:
        proxy.chaos("GET *", share=0.5)
        for number in range(20):
            client = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=20)
            try:
                ask(client, "GET", f"/{number}")
            except (OSError, http.client.HTTPException):
                continue
            finally:
                client.close()
        return proxy.replay


def test_the_same_seed_lets_the_same_calls_go_wrong(api):
    first, again, other = struck(api, 7), struck(api, 7), struck(api, 8)
    assert first == again != other
    assert first.startswith("seed 7; call ")


def test_the_journal_tells_every_call_and_no_secret(client, proxy):
    proxy.inject("GET /a", status=500)
    ask(
        client,
        "GET",
        "/a?api_key=hush-1&page=2",
        headers={"Authorization": "Bearer hush-2", "X-Api-Key": "hush-3"},
    )
    ask(client, "GET", "/b")
    first, second = proxy.journal
    assert (first.method, first.path, first.status) == ("GET", "/a?api_key=***&page=2", 500)
    assert (str(first.mishap), second.mishap) == ("500", None)
    assert "hush" not in repr(proxy.journal)
    assert "hush" not in proxy.replay


def test_an_api_that_is_not_there_breaks_the_connection(api):
    api.server_close()
    with FaultProxy(f"http://127.0.0.1:{api.server_port}") as proxy:
        client = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=20)
        with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
            ask(client, "GET", "/a")


def test_a_stream_that_hangs_ends_with_the_proxy(api):
    with FaultProxy(f"http://127.0.0.1:{api.server_port}/v1") as proxy:
        client = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=20)
        client.request("GET", "/v1/events")
        answer = client.getresponse()
        assert answer.readline() == b"data: one\n"
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        answer.read()
    api.seen.set()
