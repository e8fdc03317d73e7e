"""The reference says everything, and nothing that the code does not."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import runctl_core
import runctl_local
from homes import Home
from runctl_core import api, errors
from runctl_core.cli.app import command_for
from runctl_core.cli.table import COMMANDS, EXIT_STATUS
from runctl_core.config import KNOWN_VARIABLES
from runctl_core.core_settings import CoreSettings
from runctl_core.errors import RunctlError
from runctl_core.hookspecs import TrainingProviderSpec
from runctl_core.plugins import load_provider
from runctl_core.settings import describe

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
PAGES = sorted(path.name for path in REFERENCE.glob("*.md"))
PACKAGES = [Path(str(package.__file__)).parent for package in (runctl_core, runctl_local)]
HOOKS = [name for name in dir(TrainingProviderSpec) if name.startswith("runctl_")]


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def headings(name: str) -> list[str]:
    return re.findall(r"^#+ (.*)$", page(name), re.MULTILINE)


def anchors(name: str) -> set[str]:
    """What a link into the page may name, as GitHub makes it of headings."""
    made = {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings(name)}
    return made | set(re.findall(r'<a id="([\w-]+)">', page(name)))


def kinds(kind: type[RunctlError] = RunctlError) -> Iterator[type[RunctlError]]:
    for special in kind.__subclasses__():
        if special.__module__ == errors.__name__:  # others are private to the module that catches them
            yield special
            yield from kinds(special)


def test_the_pages_say_what_the_code_says() -> None:
    check = [sys.executable, str(REFERENCE / "generate.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: str(row[0]))
def test_every_command_stands_on_its_page_with_every_option(row: tuple[str, ...]) -> None:
    assert f"runctl {row[0]}" in headings("commands.md")
    section = page("commands.md").split(f"### runctl {row[0]}\n")[1].split("\n### ")[0]
    command = command_for(row[0], _function(row), ["--provider", "any"])
    for parameter in command.params:
        for word in parameter.opts if parameter.param_type_name == "option" else [parameter.metavar]:
            assert word in section, f"nobody can read of {word} of runctl {row[0]}"
    assert "Examples:" in section


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: str(row[0]))
def test_every_option_and_argument_is_explained(row: tuple[str, ...]) -> None:
    for parameter in command_for(row[0], _function(row), ["--provider", "any"]).params:
        assert parameter.help, f"{parameter.name} of runctl {row[0]} has no help"


def _function(row: tuple[str, ...]) -> Any:
    return getattr(importlib.import_module(row[1]), row[2])


@pytest.mark.parametrize("name", EXIT_STATUS)
def test_the_help_of_a_command_tells_its_exit_status(home: Home, name: str) -> None:
    done = home.runctl(*name.split(), "--help", env={"COLUMNS": "100"})
    assert f"Exit status:\n  {EXIT_STATUS[name]}\n" in done.stdout.decode()


def test_an_error_looks_as_the_page_of_errors_shows_it(home: Home) -> None:
    home.write("s.py", "")
    run = home.detached("s.py")
    mistyped = run[:-1] + "x"
    (shown,) = re.findall(r"^    error:.*\n(?:    .*\n)*", page("errors.md"), re.MULTILINE)
    expected = textwrap.dedent(shown).replace("brave-oter-41", mistyped).replace("brave-otter-41", run)
    assert home.runctl("status", mistyped).stderr.decode() == expected


def test_an_exit_status_is_told_of_commands_that_exist() -> None:
    assert EXIT_STATUS.keys() <= {row[0] for row in COMMANDS}


def test_every_setting_stands_on_its_page() -> None:
    for setting in describe(CoreSettings):
        for word in (setting.name, f"RUNCTL_{setting.name.upper()}", setting.help):
            assert word in page("settings.md")
    for setting in describe(load_provider("local").settings):
        for word in (f"providers.local.{setting.name}", f"RUNCTL_LOCAL_{setting.name.upper()}", setting.help):
            assert word in page("settings.md")


def test_every_variable_that_the_code_speaks_of_stands_on_the_page_of_settings() -> None:
    sources = [path.read_text(encoding="utf-8") for package in PACKAGES for path in package.rglob("*.py")]
    spoken = {name for source in sources for name in re.findall(r"RUNCTL_[A-Z]+(?:_[A-Z]+)*", source)}
    placeholders = {"RUNCTL_NAME_KEY"}
    told = set(re.findall(r"`(RUNCTL_[A-Z_]+)`", page("settings.md")))
    assert spoken - placeholders <= told
    assert told >= KNOWN_VARIABLES.keys()


def test_every_kind_of_error_stands_on_its_page_with_its_exit_status() -> None:
    told = dict(re.findall(r"\|[ \w&;]*`(\w+)` \| `(\d+)` \|", page("errors.md")))
    for kind in kinds():
        assert told[kind.__name__] == str(kind.exit_status)


def test_the_tree_at_the_head_of_the_errors_is_the_real_one() -> None:
    drawn = re.findall(r"^[ │├└─]*[├└]── (\w+)(?: +(\d+))?", str(errors.__doc__), re.MULTILINE)
    assert {name for name, _ in drawn} == {kind.__name__ for kind in kinds()}
    for name, status in drawn:
        kind = getattr(errors, name)
        assert status in ("", str(kind.exit_status)), name
        assert status or kind.exit_status == kind.__base__.exit_status, name


def test_every_error_says_what_it_means() -> None:
    assert all(kind.__doc__ and kind.__doc__.strip().endswith(".") for kind in kinds())


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_heading_and_its_exact_arguments(hook: str) -> None:
    assert hook in headings("hooks.md")
    specification = getattr(TrainingProviderSpec, hook)
    names = list(specification.__code__.co_varnames[1 : specification.__code__.co_argcount])
    (declared,) = re.findall(rf"^    def {hook}\((.*)\) -> .*[^:]$", page("hooks.md"), re.MULTILINE)
    assert re.findall(r"(\w+): ", declared) == names


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_test_of_its_example(hook: str) -> None:
    tests = (ROOT / "tests" / "docs" / "test_reference_hooks.py").read_text(encoding="utf-8")
    assert f"def test_the_example_of_{hook}" in tests


def test_the_contracts_are_what_the_api_hands_out() -> None:
    told = re.findall(r"^## (.*)$", page("contracts.md"), re.MULTILINE)
    assert sorted(told) == sorted(api.__all__)


def test_the_api_hands_out_each_name_once_and_nothing_by_accident() -> None:
    top = ast.parse(Path(str(api.__file__)).read_text(encoding="utf-8")).body
    when_named = [inner for node in top if isinstance(node, ast.If) for inner in node.body]
    imported = {
        alias.asname or alias.name
        for node in (*top, *when_named)
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
    }
    assert sorted(api.__all__) == sorted(imported)


def test_everything_public_has_a_docstring() -> None:
    silent = [
        f"{path.relative_to(package.parent)}:{node.lineno} {node.name}"
        for package in PACKAGES
        for path in package.rglob("*.py")
        for node in _public(ast.parse(path.read_text(encoding="utf-8")))
        if not ast.get_docstring(node)
    ]
    assert silent == []


def test_every_module_says_what_it_is_for() -> None:
    modules = [path for package in PACKAGES for path in package.rglob("*.py")]
    assert [path.name for path in modules if not ast.get_docstring(ast.parse(path.read_text()))] == []


def _public(
    node: ast.Module | ast.ClassDef,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Functions, classes and methods whose names begin with no underscore; not what is inside functions."""
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.ClassDef) and not child.name.startswith("_"):
            yield child
            if isinstance(child, ast.ClassDef):
                yield from _public(child)


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_the_reference_leads_somewhere(name: str) -> None:
    for path, _, fragment in re.findall(r"\]\(([^)#]*)(#?)([^)]*)\)", page(name)):
        target = REFERENCE / (path or name)
        assert target.exists(), path
        if fragment:
            anchors = {
                re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings(target.name)
            }
            anchors |= set(re.findall(r'<a id="([\w-]+)">', page(target.name)))
            assert fragment in anchors, f"{name} leads to {path}#{fragment}"


def test_the_contents_list_every_page() -> None:
    assert set(re.findall(r"\(([\w.]+\.md)\)", page("README.md"))) == {*PAGES} - {"README.md"}


@pytest.mark.parametrize("name", PAGES)
def test_no_block_of_the_reference_asks_to_be_run(name: str) -> None:
    assert "```" not in page(name), "fenced blocks are run as they stand; the reference has indented ones"
