"""A stop goes on over a connection that breaks, and one that never came through says so."""

from __future__ import annotations

import pytest

from core.fake_cloud import CloudExecutor
from core.processes import Commands
from runctl_core.errors import ProviderUnavailable, RunctlError, UnknownOutcome
from runctl_core.models.jobs import JobStatus
from runctl_core.models.runs import RunState


@pytest.mark.parametrize("error", [ProviderUnavailable("cut"), UnknownOutcome("cut")])
def test_a_connection_that_breaks_once_it_is_told_does_not_end_the_stop(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, error: RunctlError
) -> None:
    run = commands.train()
    commands.ps()
    assert run is not None
    status, cuts = CloudExecutor.status, [error]

    def cut_once(self: CloudExecutor, handle: str) -> JobStatus:
        seen = status(self, handle)
        if seen.phase.over and cuts:
            raise cuts.pop()
        return seen

    monkeypatch.setattr(CloudExecutor, "status", cut_once)
    ended = commands.stop(run)
    assert ended is not None and ended.state.over
    assert commands.cloud.alive() == [], "a machine goes on costing money after a stop"


def test_a_stop_that_cannot_reach_the_machine_says_that_it_goes_on_and_what_ends_it(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = commands.train()
    commands.ps()
    assert run is not None

    def unreachable(self: CloudExecutor, handle: str) -> JobStatus:
        raise ProviderUnavailable("no answer")

    monkeypatch.setattr(CloudExecutor, "status", unreachable)
    with pytest.raises(ProviderUnavailable, match="its machine goes on") as caught:
        commands.stop(run)
    assert "m-0" in caught.value.fix and "no answer" in caught.value.why
    assert commands.the_run().state is RunState.RUNNING
