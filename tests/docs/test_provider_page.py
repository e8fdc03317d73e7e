"""The provider of the page `write-a-provider.md` keeps the promises that the page makes."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pages import ROOT, blocks
from runctl_core.api import LaunchSpec, ResourceNotFound, ResourceRequest, TrainingProvider

BLOCKS = [block for block in blocks(ROOT / "docs/how-to/write-a-provider.md") if block.language == "python"]
SOURCES = {
    block.file: block.text for block in BLOCKS if block.file and block.file.startswith("runctl-bench/")
}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The page's provider, with its seats in a folder of the test."""
    for name, text in SOURCES.items():
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path / "runctl-bench"))
    settings = importlib.import_module("runctl_bench.plugin").Settings(
        folder=str(tmp_path / "seats"), hourly_usd=Decimal("0.36")
    )
    yield importlib.import_module("runctl_bench.provider").Bench(settings)


def _spec(bench: TrainingProvider) -> LaunchSpec:
    (offer,), token = bench.offers(ResourceRequest()), "calm-heron-27-1-aaa"
    return LaunchSpec(token, "calm-heron-27-1", offer, {"runctl:token": token, "runctl:run": "calm-heron-27"})


def test_the_page_keeps_its_word_on_the_providers_size() -> None:
    assert sum(text.count("\n") for text in SOURCES.values()) < 100


def test_one_token_makes_one_seat(bench: TrainingProvider) -> None:
    made = [bench.create_resource(_spec(bench)) for _ in range(2)]
    assert made[0] == made[1]
    assert list(bench.list_resources()) == made[:1], "a second seat would be paid for"
    assert made[0].run_id == "calm-heron-27"


def test_a_seat_that_was_begun_by_a_killed_command_is_not_there(bench: Any) -> None:
    (bench.root / ".coming-calm-heron-27-1").mkdir(parents=True)
    assert list(bench.list_resources()) == []
    assert bench.create_resource(_spec(bench)).token == "calm-heron-27-1-aaa"


def test_an_ended_seat_is_gone_and_may_be_ended_again(bench: TrainingProvider) -> None:
    seat = bench.create_resource(_spec(bench))
    for _ in range(2):
        bench.terminate_resource(seat.id)
    assert list(bench.list_resources()) == []
    with pytest.raises(ResourceNotFound):
        bench.get_resource(seat.id)


def test_what_a_seat_is_not_is_not_offered(bench: TrainingProvider) -> None:
    for request in (ResourceRequest(gpu="H100"), ResourceRequest(spot=True), ResourceRequest(region="moon")):
        assert list(bench.offers(request)) == []
