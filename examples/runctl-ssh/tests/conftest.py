"""Loads the kit, and starts the machines that the tests run on."""

import pytest
from machines import Machine, machine

pytest_plugins = ["runctl_core.testing.plugin"]


@pytest.fixture(scope="session")
def gpus(tmp_path_factory) -> Machine:
    """A machine with eight GPUs."""
    with machine(tmp_path_factory.mktemp("gpus"), gpu="NVIDIA H100 80GB HBM3", count=8) as running:
        yield running


@pytest.fixture(scope="session")
def plain(tmp_path_factory) -> Machine:
    """A machine without any."""
    with machine(tmp_path_factory.mktemp("plain")) as running:
        yield running
