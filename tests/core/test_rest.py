"""The REST client against a real service: each answer becomes our kind, and nothing is made twice."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs

import pytest

from rest_service import Act, Service, breaks_off, resets, says
from runctl_core.errors import (
    AuthenticationError,
    CapacityError,
    ConfigError,
    InsufficientFunds,
    InvalidRequest,
    ProviderUnavailable,
    RateLimited,
    ResourceNotFound,
    RunctlError,
    Scope,
    UnknownOutcome,
)
from runctl_core.rest import Answer, RestClient

KEY = "key-of-acme-123"

Open = Callable[..., tuple[Service, RestClient]]


@pytest.fixture
def acme() -> Iterator[Open]:
    """Opens a service that takes these acts, and a client of it."""
    opened: list[tuple[Service, RestClient]] = []

    def open_(*acts: Act, **options: Any) -> tuple[Service, RestClient]:
        service = Service(*acts)
        client = RestClient(service.url, **{"provider": "acme", "token": KEY, **options})
        opened.append((service, client))
        return service, client

    yield open_
    for service, client in opened:
        client.close()
        service.close()


def test_a_call_is_signed_and_says_who_calls(acme: Open) -> None:
    service, client = acme(says(200, {}), headers={"X-Org": "research"})
    client.get("/machines", zone="a b", page=2, spot=True, gpu=None)
    (request,) = service.requests
    path, _, query = request.path.partition("?")
    assert (path, parse_qs(query)) == ("/v1/machines", {"zone": ["a b"], "page": ["2"], "spot": ["true"]})
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["user-agent"].startswith("runctl-core/")
    assert request.headers["x-org"] == "research"


def test_a_price_keeps_every_digit(acme: Open) -> None:
    _, client = acme(says(200, b'{"price": 0.10000000000000001, "gpus": 2}'))
    assert client.get("/offers") == {"price": Decimal("0.10000000000000001"), "gpus": 2}


def test_moments_money_and_any_mapping_are_sent(acme: Open) -> None:
    service, client = acme(says(201, {"id": "m-1"}))
    end = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    body = {"tags": MappingProxyType({"a": "b"}), "end": end, "most": Decimal("1.50"), "n": Decimal(3)}
    assert client.post("/machines", body) == {"id": "m-1"}
    sent = {"tags": {"a": "b"}, "end": "2026-11-24T12:00:00Z", "most": 1.5, "n": 3}
    assert json.loads(service.requests[0].body) == sent
    assert service.requests[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, AuthenticationError),
        (402, InsufficientFunds),
        (403, AuthenticationError),
        (404, ResourceNotFound),
        (405, InvalidRequest),
        (409, InvalidRequest),
        (413, InvalidRequest),
        (422, InvalidRequest),
        (429, RateLimited),
        (301, UnknownOutcome),
        (500, UnknownOutcome),
        (503, UnknownOutcome),
    ],
)
def test_a_creating_call_is_sent_once_and_its_status_is_our_kind(
    acme: Open, status: int, kind: type[RunctlError]
) -> None:
    service, client = acme(says(status, {"detail": "no"}, Location="https://elsewhere.example"))
    with pytest.raises(RunctlError) as caught:
        client.post("/machines", {})
    assert type(caught.value) is kind
    assert len(service.requests) == 1, "a second machine could have been bought"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408])
def test_a_call_that_looks_is_tried_until_it_answers(acme: Open, status: int) -> None:
    service, client = acme(says(status), resets, says(200, {"ok": 1}))
    assert client.get("/machines") == {"ok": 1}
    assert len(service.requests) == 3


def test_a_call_that_looks_gives_up_with_what_was_said_last(acme: Open) -> None:
    service, client = acme(says(500, {"message": "the disk is full"}))
    with pytest.raises(ProviderUnavailable, match="500") as caught:
        client.get("/machines")
    assert caught.value.why == "the disk is full"
    assert len(service.requests) == 3


@pytest.mark.parametrize("call", ["put", "delete"])
def test_what_may_be_repeated_is(acme: Open, call: str) -> None:
    service, client = acme(says(503), says(204))
    assert getattr(client, call)("/machines/m-1") is None
    assert len(service.requests) == 2


def test_an_act_that_makes_nothing_is_not_repeated_by_the_client(acme: Open) -> None:
    service, client = acme(says(503))
    for call in (lambda: client.post("/machines/m-1/stop", creates=False), lambda: client.patch("/m", {})):
        with pytest.raises(ProviderUnavailable):
            call()
    assert len(service.requests) == 2


def test_the_wait_that_the_service_asks_for_is_passed_on(acme: Open) -> None:
    _, client = acme(says(429, Retry_After="77"))
    for call in (client.get, client.post):
        with pytest.raises(RateLimited) as caught:
            call("/machines")
        assert caught.value.retry_after_s == 77.0


def test_a_moment_to_wait_for_is_counted_by_the_services_own_clock(acme: Open) -> None:
    skewed = {"Date": "Tue, 24 Nov 2015 10:00:00 GMT", "Retry_After": "Tue, 24 Nov 2015 10:01:30 GMT"}

    def act(handler: Any) -> None:
        handler.date_time_string = lambda *_: skewed["Date"]
        says(429, Retry_After=skewed["Retry_After"])(handler)

    _, client = acme(act)
    with pytest.raises(RateLimited) as caught:
        client.get("/machines")
    assert caught.value.retry_after_s == 90.0


@pytest.mark.parametrize("value", ["soon", "-5", "nan", "1e9", "", "99999999999999999999"])
def test_a_wait_that_nobody_understands_is_none(acme: Open, value: str) -> None:
    _, client = acme(says(429, Retry_After=value))
    with pytest.raises(RateLimited) as caught:
        client.post("/machines")
    assert caught.value.retry_after_s is None


@pytest.mark.parametrize(
    "act", [resets, breaks_off, says(201, b"<html>"), says(201, b""), says(201, b"[" * 100_000)]
)
def test_a_creating_call_without_a_readable_answer_has_an_unknown_outcome(acme: Open, act: Act) -> None:
    service, client = acme(act)
    with pytest.raises(UnknownOutcome):
        client.post("/machines", {})
    assert len(service.requests) == 1


def test_a_creating_call_that_hangs_has_an_unknown_outcome(acme: Open) -> None:
    service, client = acme(says(200, {}), read_timeout_s=0.3)
    service.acts = [service.hangs]
    with pytest.raises(UnknownOutcome, match="did not answer to POST"):
        client.post("/machines", {})


def test_an_answer_that_never_ends_is_cut_off(acme: Open) -> None:
    service, client = acme(says(200, {}), read_timeout_s=0.3)
    service.acts = [service.drips]
    with pytest.raises(UnknownOutcome, match="did not answer"):
        client.post("/machines", {})


def test_a_service_that_is_not_there_has_made_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = RestClient(f"http://127.0.0.1:{taken.getsockname()[1]}", provider="acme", token=KEY)
        with pytest.raises(ProviderUnavailable, match="cannot be reached"):
            client.post("/machines", {})


@pytest.mark.parametrize("body", [b"<html>", b'{"a": NaN}', b"\xff\xfe", b"{" * 5000, b'{"a": 1'])
def test_garbage_is_an_unavailable_service(acme: Open, body: bytes) -> None:
    _, client = acme(says(200, body))
    with pytest.raises(ProviderUnavailable, match="nobody can read"):
        client.get("/machines")


def test_an_answer_of_any_length_does_not_fill_the_memory(acme: Open, monkeypatch: Any) -> None:
    monkeypatch.setattr("runctl_core.rest.client.LARGEST_DOCUMENT", 1000)
    _, client = acme(says(200, b'"' + b"x" * 2000 + b'"'))
    with pytest.raises(ProviderUnavailable) as caught:
        client.get("/machines")
    assert caught.value.why == "it is longer than 1000 bytes"


def test_a_provider_says_itself_what_its_codes_mean(acme: Open) -> None:
    def classify(answer: Answer) -> RunctlError | None:
        if answer.text("code") == "sold_out":
            return CapacityError(answer.message, scope=Scope.ZONE)
        return None

    problem = {"code": "sold_out", "detail": "no H100 in a-1"}
    _, client = acme(says(500, problem, Retry_After="9"), says(500, b"<html>"), classify=classify)
    with pytest.raises(CapacityError, match="no H100 in a-1") as caught:
        client.post("/machines", {})
    assert (caught.value.scope, caught.value.retry_after_s) == (Scope.ZONE, 9.0)
    with pytest.raises(UnknownOutcome):
        client.post("/machines", {})


def test_paths_hold_ids_as_they_are_and_lead_nowhere_else(acme: Open) -> None:
    service, client = acme(says(200, {}))
    client.get("/machines/a b?x=1#y%2e")
    assert service.requests[0].path == "/v1/machines/a%20b%3Fx%3D1%23y%252e"
    for path in ("/machines/../users", "/machines//stop", "", "/."):
        with pytest.raises(InvalidRequest):
            client.delete(path)
    assert len(service.requests) == 1


def test_the_key_does_not_follow_to_another_host(acme: Open) -> None:
    thief, _ = acme(says(200, {}))
    _, client = acme(says(302, b"", Location=thief.url))
    with pytest.raises(InvalidRequest) as caught:
        client.get("/machines")
    assert thief.requests == []
    assert thief.url in caught.value.why


def test_without_httpx_the_error_says_how_to_get_it() -> None:
    code = (
        "import sys; sys.modules['httpx'] = None\n"
        "from runctl_core.api import RestClient, SetupError\n"
        "try: RestClient('https://a.example', provider='acme', token='k').get('/x')\n"
        "except SetupError as error: print(error.fix)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "pip install 'runctl-core[rest]'\n"


def test_httpx_is_imported_by_the_first_call_and_not_before() -> None:
    code = (
        "import sys; from runctl_core.api import RestClient\n"
        "RestClient('https://a.example', provider='acme', token='k'); print('httpx' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_many_threads_share_one_client(acme: Open) -> None:
    _, client = acme(says(200, {"ok": 1}))
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(client.get("/x"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"ok": 1}] * 16


def test_calls_one_after_the_other_use_one_connection(acme: Open) -> None:
    service, client = acme(says(200, {}))
    for _ in range(5):
        client.get("/x")
    assert len({request.client for request in service.requests}) == 1


def test_a_forked_process_makes_connections_of_its_own(acme: Open) -> None:
    service, client = acme(says(200, {}))
    client.get("/x")
    if (child := os.fork()) == 0:
        try:
            client.get("/x")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    client.get("/x")
    first, forked, last = (request.client for request in service.requests)
    assert first == last
    assert forked != first, "two processes would have read each other's answers"


def test_a_closed_client_may_be_used_again(acme: Open) -> None:
    _, client = acme(says(200, {"ok": 1}))
    client.get("/x")
    client.close()
    client.close()
    assert client.get("/x") == {"ok": 1}


@pytest.mark.parametrize(
    "url",
    ["acme", "ftp://acme.example", "https://", "https://a:b@acme.example", "https://x:y", "https://a/?k=1"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RestClient(url, provider="acme", token=KEY)
    assert "a:b" not in str(caught.value)


def test_a_key_is_not_sent_in_plain_text_through_a_network() -> None:
    with pytest.raises(ConfigError, match="cannot be called with 'http:"):
        RestClient("http://acme.example", provider="acme", token=KEY)
