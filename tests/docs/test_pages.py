"""The pages hold together, and the check of their blocks catches a page that is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pages import ROOT, RunIds, blocks, steps, tracked
from runctl_core.dashboard import keys

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
EXPLANATIONS = sorted((ROOT / "docs" / "explanation").glob("*.md"))
_LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")

PRINTED = "brave-seal-10 on local cpu: free\nstep 1\nstep 2\nbrave-seal-10 succeeded (0.3 s)\n"
TRUE = (
    ("calm-heron-27 on local cpu: free", "step 1", "step 2", "calm-heron-27 succeeded (… s)"),
    ("calm-heron-27 on local …", "…", "calm-heron-27 succeeded (0.3 s)"),
    ("calm-heron-27  on  local cpu: free", "…"),
    ("…", "step 1", "step 2", "…"),
)
FALSE = {
    "another word": ("calm-heron-27 on local gpu: free", "…"),
    "a line less": ("calm-heron-27 on local cpu: free", "step 1", "…succeeded (0.3 s)"),
    "a line more": ("calm-heron-27 on local cpu: free", "step 0", "step 1", "…"),
    "another order": ("…", "step 2", "step 1", "…"),
    "two runs": ("calm-heron-27 on local cpu: free", "…", "bold-finch-18 failed (… s)"),
    "one run for another": ("calm-heron-27 on local cpu: free", "…", "quick-lynx-63-1 succeeded (… s)"),
    "nothing": (),
    "a gap that is none": ("brave  -seal-10 on local cpu: free", "…"),
}


@pytest.mark.parametrize("expected", TRUE, ids=lambda lines: lines[0])
def test_output_that_is_as_the_page_says_is_accepted(expected: tuple[str, ...]) -> None:
    assert RunIds().agree(expected, PRINTED)


@pytest.mark.parametrize("fault", FALSE)
def test_output_that_differs_from_the_page_is_noticed(fault: str) -> None:
    assert not RunIds().agree(FALSE[fault], PRINTED), f"a page could lie: {fault}"


def test_a_runs_id_stands_for_the_same_run_all_over_a_page() -> None:
    ids = RunIds()
    assert ids.agree(("calm-heron-27",), "brave-seal-10\n")
    assert ids.in_command("runctl stop calm-heron-27") == "runctl stop brave-seal-10"
    assert not ids.agree(("calm-heron-27",), "other-seal-11\n")
    with pytest.raises(AssertionError, match="bold-finch-18"):
        ids.in_command("runctl stop bold-finch-18")


def test_blocks_are_read_with_commands_output_and_file_names(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Write `a/train.py`:\n\n```python\nprint(1)\n```\n\n<!-- not run here: why -->\n```console\n"
        "$ first \\\n> more\nout\n\n$ second\n```\n"
    )
    program, console = blocks(page)
    assert (program.language, program.file, program.text) == ("python", "a/train.py", "print(1)\n")
    assert (console.not_run, console.file) == ("why", None)
    assert [(s.line, s.command, s.expected) for s in steps(console)] == [
        (9, "first \\\nmore", ("out", "")),
        (13, "second", ()),
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for path, heading in _LINK.findall(page.read_text()):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {path}, which is not there"
        if heading:
            assert heading in _headings(target), f"{page.name}: no heading #{heading} in {target.name}"


def _headings(page: Path) -> set[str]:
    text = page.read_text()
    lines = [line for line in text.splitlines() if line.startswith("#")]
    named = {re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-") for line in lines}
    return named | set(re.findall(r'<a id="([^"]+)">', text))


def test_the_readme_opens_with_one_command_that_sets_up_and_trains_and_one_that_tests() -> None:
    first, second, *_ = [step.command for block in blocks(ROOT / "README.md") for step in steps(block)]
    assert first.startswith("python3 -m venv ") and "train examples/digits.py" in first
    assert second == (ROOT / ".ci" / "run").read_text().splitlines()[-1]


@pytest.mark.parametrize("page", EXPLANATIONS, ids=lambda page: page.name)
def test_an_explanation_names_modules_that_are_there(page: Path) -> None:
    files = [f"/{name}" for name in tracked()]
    for name in re.findall(r"`([\w./]+(?:\.py|/))`", page.read_text()):
        there = any(f"/{name}" in file if name.endswith("/") else file.endswith(f"/{name}") for file in files)
        assert there or name.startswith("runs/"), f"{page.name} sends a reader to {name}, which is not there"


def test_a_page_is_refreshed_where_it_differs_and_left_alone_where_it_agrees(tmp_path: Path) -> None:
    page, begin, end = tmp_path / "page.md", "# T\n\n```console\n$ echo one; echo two\no…\n", "```\n\nEnd\n"
    page.write_text(f"{begin}three\n$ runctl --version\nrunctl …\n{end}")
    subprocess.run([sys.executable, str(ROOT / "tests" / "docs" / "refresh.py"), str(page)], check=True)
    assert page.read_text() == f"{begin}two\n$ runctl --version\nrunctl …\n{end}"


def test_the_keys_of_the_dashboard_stand_on_its_page_as_in_its_help() -> None:
    page = (ROOT / "docs" / "how-to" / "watch-everything.md").read_text()
    missing = [key for key, does in keys.KEYS if f"| {key} | {does} |" not in page]
    assert not missing, f"the page does not say what these keys do: {missing}"


def test_the_architecture_shows_the_layers_that_are_held() -> None:
    held = re.split("layers =\n|\nignore_imports|\n\n", (ROOT / ".importlinter").read_text())[2]
    names = [set(re.findall(r"runctl_core\.(\w+)", line)) for line in held.splitlines()]
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text()
    table = page.split("| --- | --- | --- |\n")[1].split("\n\n")[0]
    shown = [set(re.findall(r"`(\w+)(?:/|\.py)`", row.split("|")[1])) for row in table.splitlines()]
    assert shown == names, "a newcomer would look for a layer in the wrong place"
