"""What the REST client hides, and how it reads lists in pages and bodies of any length."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from rest_service import Act, Service, breaks_off, resets, says
from runctl_core.errors import (
    AuthenticationError,
    ConfigError,
    InvalidRequest,
    ProviderUnavailable,
    ResourceNotFound,
    RunctlError,
)
from runctl_core.rest import RestClient

KEY = 'key/of "acme"'


@pytest.fixture
def service() -> Iterator[Service]:
    """A service; tests tell it how to act."""
    opened = Service(says(200, {}))
    yield opened
    opened.close()


@pytest.fixture
def client(service: Service) -> Iterator[RestClient]:
    """A client of it."""
    opened = RestClient(service.url, provider="acme", token=KEY, headers={"X-Pass": "password-2"})
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "act",
    [
        says(400, {"detail": f"Bearer {KEY} may not, password-2"}),
        says(400, {"errors": [{"loc": ["h"], "msg": KEY}], KEY: KEY}),
        says(400, f"<html>{KEY} key%2Fof%20%22acme%22</html>".encode()),
        says(302, b"", Location=f"/login?key={KEY}"),
        says(400, b"\xff" + KEY.encode()),
    ],
)
def test_a_service_that_repeats_our_key_does_not_show_it(
    service: Service, client: RestClient, act: Act
) -> None:
    service.acts = [act]
    with pytest.raises(RunctlError) as caught:
        client.get("/machines")
    shown = "".join(traceback.format_exception(caught.value)) + repr(client) + str(caught.value.to_json())
    for secret in (KEY, "password-2", "key%2Fof"):
        assert secret not in shown, f"the key would stand in a log: {shown}"
    assert "***" in caught.value.why


def test_a_document_that_classify_gets_has_no_key_in_it(service: Service) -> None:
    service.acts = [says(400, {"code": KEY, KEY: ["a", {"b": KEY}]}, X_Echo=KEY)]
    seen: list[Any] = []
    client = RestClient(service.url, provider="acme", token=KEY, classify=seen.append)
    with pytest.raises(InvalidRequest):
        client.get("/machines")
    assert KEY not in repr(seen)
    assert seen[0].text("code") == "***"
    assert seen[0].text("missing") == ""


@pytest.mark.parametrize("key", ["key-of-acme\n", "kéy-of-acme", "key-\0of-acme"])
def test_a_key_that_no_header_may_have_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RestClient("https://acme.example", provider="acme", token=key)
    assert "of-acme" not in "".join(traceback.format_exception(caught.value))


def test_without_a_key_nothing_is_sent_and_the_error_says_where_to_put_it(service: Service) -> None:
    client = RestClient(service.url, provider="acme", token="")
    with pytest.raises(AuthenticationError) as caught:
        client.get("/machines")
    assert caught.value.fix == "runctl config set providers.acme.api_key < key.txt"
    assert service.requests == []


def test_a_message_of_any_length_is_one_line(service: Service, client: RestClient) -> None:
    service.acts = [says(400, {"detail": "line\n" * 10_000})]
    with pytest.raises(InvalidRequest) as caught:
        client.get("/machines")
    assert len(caught.value.why) == 300
    assert "\n" not in caught.value.why


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"title": "Bad", "detail": "no such zone", "errors": ["$.zone: x"]}, "Bad; no such zone; $.zone: x"),
        ({"detail": [{"loc": ["body", "n"], "msg": "field required"}]}, "field required"),
        ({"error": {"message": "nope"}}, "nope"),
        ({"error": "nope", "message": "nope"}, "nope"),
        ("nope", "nope"),
        ({"code": 7}, ""),
    ],
)
def test_the_services_own_words_are_shown(
    service: Service, client: RestClient, document: Any, words: str
) -> None:
    service.acts = [says(422, document)]
    with pytest.raises(InvalidRequest) as caught:
        client.get("/machines")
    assert caught.value.why == words


def page(items: list[int], following: Any) -> Act:
    return says(200, {"data": {"machines": items}, "next": following})


def test_a_list_in_pages_is_read_to_its_end(service: Service, client: RestClient) -> None:
    service.acts = [page([1, 2], "b"), says(503), page([], "c"), page([3], None)]
    found = list(client.pages("/machines", "data.machines", parameter="after", state="all"))
    assert found == [1, 2, 3]
    assert [request.path.partition("?")[2] for request in service.requests] == [
        "state=all",
        "state=all&after=b",
        "state=all&after=b",
        "state=all&after=c",
    ]


@pytest.mark.parametrize(
    "last", [says(404), says(200, {"next": None}), says(200, []), page([1], "b"), says(200, b"")]
)
def test_a_list_of_which_a_page_is_missing_is_an_error(
    service: Service, client: RestClient, last: Act
) -> None:
    service.acts = [page([1], "b"), last]
    with pytest.raises((ProviderUnavailable, ResourceNotFound)):
        list(client.pages("/machines", "data.machines"))


def test_a_log_is_read_from_where_it_was_left(service: Service, client: RestClient) -> None:
    service.acts = [resets, says(200, b"\xff\x00 log")]
    assert client.read("/jobs/j-1/log", 4, offset=12) == b"\xff\x00 l"
    assert service.requests[-1].path == "/v1/jobs/j-1/log?offset=12"


def test_a_file_comes_in_pieces_and_one_that_breaks_off_is_an_error(
    service: Service, client: RestClient
) -> None:
    body = bytes(range(256)) * 4000
    service.acts = [says(200, body), breaks_off, says(404)]
    assert b"".join(client.stream("/files", path="out")) == body
    with pytest.raises(ProviderUnavailable):
        b"".join(client.stream("/files"))
    with pytest.raises(ResourceNotFound):
        b"".join(client.stream("/files"))


def test_bytes_are_sent_as_they_come(service: Service, client: RestClient) -> None:
    service.acts = [says(200, {"bytes": 6})]
    assert client.upload("/jobs/j-1/code", iter([b"abc", b"def"])) == {"bytes": 6}
    assert service.requests[0].body == b"abcdef"
    assert service.requests[0].headers["content-type"] == "application/octet-stream"
