"""What the scaffold writes works as it stands: it installs, passes the kit, trains, and is well-formed."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from installers import Environment

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples" / "digits.py"

pytestmark = pytest.mark.parametrize("kind", ["rest", "sdk", "jobs"], scope="module")


@pytest.fixture(scope="module")
def name(kind: str) -> str:
    """What the new provider is called."""
    return f"my-{kind}"


@pytest.fixture(scope="module")
def package(author: Environment, kind: str, name: str) -> Path:
    """The package, written by the command, and installed from its own wheel."""
    folder = author.machine.root / f"runctl-{name}"
    author.machine.run(author.runctl, "providers", "new", name, "--kind", kind)
    wheels = author.machine.root / f"wheels-{kind}"
    author.machine.run("uv", "build", "-q", "--wheel", "-o", str(wheels), str(folder))
    (wheel,) = wheels.glob("*.whl")
    author.install(f"{wheel}[test]")
    return folder


@pytest.fixture
def cloud(author: Environment, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A served fake cloud: its address and its key, as it printed them."""
    python = str(author.folder / "bin/python")
    argv = [python, "-m", "runctl_core.testing.fakes", "--json", "--directory", str(tmp_path / "cloud")]
    with subprocess.Popen(argv, env=author.machine.env, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        yield json.loads(served.stdout.readline())
        served.terminate()


def program(author: Environment, folder: Path, *argv: str, **env: str) -> str:
    """Run a program of the environment in a folder, to its success, and return what it said."""
    done = subprocess.run(
        [str(author.folder / "bin" / argv[0]), *argv[1:]],
        cwd=folder,
        env=author.machine.env | env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, f"{' '.join(argv)}\n{done.stdout}{done.stderr}"
    return done.stdout or done.stderr


def test_the_package_passes_the_kit_as_it_stands(author: Environment, package: Path, name: str) -> None:
    at_once = ("-n", "3", "--dist", "worksteal")  # most checks wait
    said = program(author, package, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *at_once)
    passed = re.search(r"(\d+) passed", said)
    assert passed
    assert int(passed[1]) > 30, f"the kit has more checks than that:\n{said}"


def test_the_package_is_formatted_linted_and_typed(author: Environment, package: Path, name: str) -> None:
    program(author, package, "ruff", "check", "--no-cache")
    program(author, package, "ruff", "format", "--check", "--no-cache")
    program(author, package, "mypy", "--cache-dir", "/dev/null")


def test_the_example_trains_on_the_fake_cloud(
    author: Environment, package: Path, name: str, cloud: dict[str, str], tmp_path: Path
) -> None:
    prefix = f"RUNCTL_{name.replace('-', '_').upper()}"
    env = {
        f"{prefix}_BASE_URL": cloud["url"],
        f"{prefix}_API_KEY": cloud["key"],
        "RUNCTL_STATE_DIR": str(tmp_path / "state"),
    }
    project = tmp_path / "project"
    project.mkdir()
    (project / "digits.py").write_bytes(DIGITS.read_bytes())
    trusted = [f"--env={own}={os.environ[own]}" for own in ("UV_SYSTEM_CERTS",) if own in os.environ]
    said = program(author, project, "runctl", "train", "digits.py", "--provider", name, *trusted, **env)
    accuracy = re.search(r"test accuracy (0\.\d+)", said)
    assert accuracy, said
    assert float(accuracy[1]) > 0.9
    rows: Any = json.loads(program(author, project, "runctl", "resources", "list", "--json", **env))
    assert rows["resources"] == [], "something is left to pay"
