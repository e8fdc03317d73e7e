"""Every fenced block of the README and of the docs is run as it is written, page by page."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from page_shell import PageShell, make_environment
from pages import FILES, ROOT, Block, RunIds, blocks, steps, tracked

PAGES = [*sorted(ROOT.glob("*.md"), reverse=True), *sorted((ROOT / "docs").rglob("*.md"))]
WITH_BLOCKS = [page for page in PAGES if any(blocks(page))]
IN_A_CLONE = ("README.md", "CONTRIBUTING.md", "docs/how-to/install.md")
"""Pages whose reader stands in a clone; the others begin in an empty folder."""


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with pip and with what this session has installed."""
    folder = tmp_path_factory.mktemp("python") / "python"
    make_environment(folder)
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Downloads that pages share, so that each package is fetched once."""
    return tmp_path_factory.mktemp("uv-cache")


def begin(shell: PageShell, page: Path) -> None:
    """Put a copy of what a fresh clone has where a page's reader stands in one."""
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)  # what a machine's own service makes for its SSH server
    for name in tracked() if page in [ROOT / name for name in IN_A_CLONE] else ():
        target = shell.work / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)


def _follow(block: Block, shell: PageShell, ids: RunIds, page: str) -> None:
    """Run the commands; each succeeds, or the next one asks for its status."""
    listed = list(steps(block))
    assert listed, f"{page}, line {block.line}: a console block without a command"
    for step, after in zip(listed, [*listed[1:], None], strict=True):
        status, printed = shell.run(ids.in_command(step.command))
        told = f"{page}, line {step.line}: $ {step.command}\nprinted, with status {status}:\n{printed}"
        assert ids.agree(step.expected, printed), told
        assert status == 0 or (after and after.command == "echo $?"), told


def write(block: Block, shell: PageShell, page: str) -> None:
    """Write a block's text to the file that the line above it names."""
    where = f"{page}, line {block.line}"
    assert block.language in FILES, f"{where}: nobody runs a {block.language!r} block"
    assert block.file, f"{where}: the line above does not name the file"
    target = shell.directory / block.file
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(block.text)


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_a_page_does_what_the_page_says(
    page: Path, tmp_path: Path, environment: Path, cache: Path
) -> None:
    name, ids = str(page.relative_to(ROOT)), RunIds()
    with PageShell(tmp_path, environment, cache) as shell:
        begin(shell, page)
        for block in blocks(page):
            if block.language == "console" and block.not_run is None:
                _follow(block, shell, ids, name)
            elif block.not_run is None:
                write(block, shell, name)


def test_the_only_block_that_is_not_run_is_the_one_that_runs_this_very_test() -> None:
    left_out = [(page.name, block.text) for page in PAGES for block in blocks(page) if block.not_run]
    command = (ROOT / ".ci" / "run").read_text().splitlines()[-1]
    assert left_out == [("README.md", f"$ {command}\n")], "a reader meets a block that nobody ever ran"
