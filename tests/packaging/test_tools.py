"""`uv tool` and `pipx`, by the very lines of the registry pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from installers import Machine

ROOT = Path(__file__).parents[2]
UV_TOOL = "uv tool install runctl-core --with runctl-local"
PIPX = ("pipx install runctl-core", "pipx inject runctl-core runctl-local")
OWN_COMMAND = ("uv tool install runctl-local", "pipx install runctl-local")


def test_uv_tool_gives_runctl_with_its_provider_and_takes_it_away(machine: Machine) -> None:
    machine.line(UV_TOOL)
    assert machine.commands() == ["runctl"]
    assert machine.providers() == ["local"]
    machine.line("uv tool install runctl-core")
    assert machine.providers() == [], "without --with, uv takes the provider away"
    assert machine.run("runctl", "--version").startswith("runctl ")
    machine.line("uv tool uninstall runctl-core")
    assert machine.commands() == []
    assert not (machine.root / "tools" / "runctl-core").exists()


def test_pipx_gives_runctl_with_its_provider_and_takes_it_away(machine: Machine) -> None:
    for line in PIPX:
        machine.line(line)
    assert machine.commands() == ["runctl"]
    assert machine.providers() == ["local"]
    machine.line("pipx uninject runctl-core runctl-local")
    assert machine.run("runctl", "--version").startswith("runctl ")
    assert machine.providers() == []
    machine.line("pipx uninstall runctl-core")
    assert machine.commands() == []
    assert not (machine.root / "pipx" / "venvs" / "runctl-core").exists()


@pytest.mark.parametrize(
    ("installed", "named", "mended"),
    [
        (
            UV_TOOL,
            "uv tool install 'runctl-core[top]', with the same --with as before",
            UV_TOOL.replace("runctl-core", "runctl-core[top]"),
        ),
        (PIPX[0], "pipx inject runctl-core textual", "pipx inject runctl-core textual"),
    ],
)
def test_a_tool_without_the_dashboard_names_the_command_that_adds_it(
    machine: Machine, installed: str, named: str, mended: str
) -> None:
    machine.line(installed)
    assert f"fix: {named}\n" in machine.errors("runctl", "top", status=103)
    machine.line(mended)
    assert "runctl top needs a terminal" in machine.errors("runctl", "top", status=101)


@pytest.mark.parametrize("line", OWN_COMMAND)
def test_a_provider_is_a_tool_of_its_own_name(machine: Machine, line: str) -> None:
    machine.line(line)
    assert machine.commands() == ["runctl-local"]
    (machine.root / "train.py").write_text("print('trained')")
    assert machine.run("runctl-local", "train", "train.py") == "trained\n"
    assert machine.providers("runctl-local") == ["local"]
    machine.line(f"{line.split(' install')[0]} uninstall runctl-local")
    assert machine.commands() == []


@pytest.mark.parametrize("name", ["runctl-core", "runctl-local"])
def test_the_registry_page_says_the_lines_that_are_tested(name: str) -> None:
    page = (ROOT / name / "README.md").read_text()
    for line in ("pip install runctl-local", UV_TOOL, *PIPX):
        assert f"$ {line}\n" in page, f"{name}/README.md does not say how: {line}"
