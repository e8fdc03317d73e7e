"""A job begins once, whatever becomes of the connection; a provider that contradicts itself begins none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.fake_cloud import CloudExecutor, CloudProvider
from core.processes import Commands
from runctl_core.errors import AuthenticationError, PluginError, ProviderUnavailable, Refused, RunctlError
from runctl_core.models.runs import RunState
from runctl_core.retry import RetryPolicy
from runctl_core.training import begin


@pytest.mark.parametrize("broken", [("lost", True), ("lost", False), ProviderUnavailable("cut")])
def test_a_start_whose_outcome_is_unknown_is_made_again_and_starts_one_job(
    commands: Commands, broken: object
) -> None:
    commands.cloud.starts = [broken, broken]
    run = commands.train()
    assert run is not None
    assert len(commands.cloud.busy(run.id)) == 1
    commands.ps()
    assert commands.the_run().state is RunState.RUNNING


def test_a_provider_that_contradicts_its_executor_starts_nothing(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CloudProvider, "shares_files", False)
    with pytest.raises(PluginError, match="contradicts itself"):
        commands.train()
    assert commands.cloud.alive() == [], "a machine goes on costing money"


Sync = Callable[[Callable[[int, int], None]], str]


@pytest.fixture
def far(commands: Commands, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Sync], dict]:
    """Gives machines files of their own, brought there as a function says; returns the plan's part."""

    def make(sync: Sync) -> dict:
        monkeypatch.setattr(CloudProvider, "shares_files", False)
        monkeypatch.setattr(CloudExecutor, "shares_files", False)
        monkeypatch.setattr(CloudExecutor, "sync", lambda _self, _code, *, progress: sync(progress))
        monkeypatch.setattr(begin, "REACH", RetryPolicy(tries=1, total_s=0.0))
        monkeypatch.setattr(begin, "CHECK_S", -1.0)
        (tmp_path / "project").mkdir()
        return {"code_root": str(tmp_path / "project")}

    return make


def test_files_that_come_closer_with_each_cut_are_brought_to_the_end(
    commands: Commands, far: Callable[[Sync], dict]
) -> None:
    missing = [100, 60, 20]

    def cut(progress: Callable[[int, int], None]) -> str:
        progress(0, missing.pop(0))
        if missing:
            raise ProviderUnavailable("cut")
        return "/tree"

    run = commands.train(**far(cut))
    assert run is not None and len(commands.cloud.busy(run.id)) == 1, "an upload of hours was given up"


@pytest.mark.parametrize("error", [ProviderUnavailable("cut"), AuthenticationError("no")])
def test_files_that_come_no_closer_end_the_launch(
    commands: Commands, far: Callable[[Sync], dict], error: RunctlError
) -> None:
    tries = []

    def cut(progress: Callable[[int, int], None]) -> str:
        progress(0, 100)
        tries.append(1)
        raise error

    plan = far(cut)
    with pytest.raises(type(error)):
        commands.train(**plan)
    assert len(tries) == (1 if isinstance(error, AuthenticationError) else 2)
    assert commands.cloud.alive() == [], "a machine goes on costing money"


def test_a_deadline_that_passes_while_files_are_on_their_way_ends_the_launch(
    commands: Commands, far: Callable[[Sync], dict]
) -> None:
    def slow(progress: Callable[[int, int], None]) -> str:
        for done in range(100):
            commands.cloud.wait(3600)
            progress(done, 100)
        return "/tree"

    plan = far(slow)
    before = commands.cloud.now
    with pytest.raises(Refused, match="deadline"):
        commands.train(max_hours=2.0, **plan)
    assert (commands.cloud.now - before).total_seconds() <= 3 * 3600, "hours were paid that nobody allowed"
    assert commands.cloud.alive() == []


def test_a_run_that_is_stopped_while_files_are_on_their_way_costs_no_longer(
    commands: Commands, far: Callable[[Sync], dict]
) -> None:
    sent = []

    def slow(progress: Callable[[int, int], None]) -> str:
        for done in range(100):
            if done == 1:
                commands.stop(commands.the_run())
            sent.append(done)
            progress(done, 100)
        return "/tree"

    plan = far(slow)
    with pytest.raises(Refused, match="stopped by another command"):
        commands.train(**plan)
    assert len(sent) == 2, "files went on for a run that nobody wants"
    assert commands.cloud.alive() == []
