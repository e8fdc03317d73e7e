"""pip: each wheel works alone, and comes and goes in any order without harm to the other."""

from __future__ import annotations

import pytest

from installers import Machine

CORE, LOCAL = "runctl-core", "runctl-local"


def test_the_core_alone_works_and_says_that_no_provider_is_there(machine: Machine) -> None:
    environment = machine.environment()
    environment.install(CORE)
    assert machine.run(environment.runctl, "--version").startswith("runctl ")
    assert machine.providers(environment.runctl) == []
    (machine.root / "train.py").write_text("print('trained')")
    machine.run(environment.runctl, "train", "train.py", status=110)
    assert environment.scripts() == ["runctl"]


def test_a_provider_alone_brings_the_command_and_trains(machine: Machine) -> None:
    environment = machine.environment()
    environment.install(LOCAL)
    (machine.root / "train.py").write_text("print('trained')")
    assert machine.providers(environment.runctl) == ["local"]
    assert machine.run(environment.runctl, "train", "train.py") == "trained\n"
    assert environment.scripts() == ["runctl", "runctl-local"]


@pytest.mark.parametrize("installed", [(CORE, LOCAL), (LOCAL, CORE)], ids=" then ".join)
def test_the_core_outlives_its_provider_and_leaves_nothing(machine: Machine, installed: tuple[str]) -> None:
    environment = machine.environment()
    for name in installed:
        environment.pip("install", "-q", name)
    assert machine.providers(environment.runctl) == ["local"]
    environment.pip("uninstall", "-q", "-y", LOCAL)
    assert machine.run(environment.runctl, "--version").startswith("runctl ")
    assert machine.providers(environment.runctl) == []
    assert environment.scripts() == ["runctl"], "the provider's uninstall took a command that is not its own"
    environment.pip("uninstall", "-q", "-y", CORE)
    assert environment.left() == []


def test_the_core_goes_alone_and_comes_back(machine: Machine) -> None:
    environment = machine.environment()
    environment.pip("install", "-q", LOCAL)
    environment.pip("uninstall", "-q", "-y", CORE)
    assert [path for path in environment.left() if "core" in path] == []
    assert environment.scripts() == ["runctl-local"]
    environment.pip("install", "-q", CORE)
    assert machine.providers(environment.runctl) == ["local"]
    environment.pip("uninstall", "-q", "-y", CORE, LOCAL)
    assert environment.left() == []


def test_the_dashboard_without_its_extra_names_the_command_that_brings_it(machine: Machine) -> None:
    environment = machine.environment()
    environment.install(CORE)
    errors = machine.errors(environment.runctl, "top", status=103)
    assert "fix: pip install 'runctl-core[top]'" in errors
    environment.install("runctl-core[top]")
    assert "runctl top needs a terminal" in machine.errors(environment.runctl, "top", status=101)
