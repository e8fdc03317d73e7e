"""A job begins once, whatever becomes of the connection; a provider that contradicts itself begins none."""

from __future__ import annotations

import pytest

from core.fake_cloud import CloudProvider
from core.processes import Commands
from runctl_core.errors import PluginError, ProviderUnavailable
from runctl_core.models.runs import RunState


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
