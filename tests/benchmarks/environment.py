"""What every benchmark shares: a clean environment with runctl in it, one run's time, the table."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = ("runctl-core", "runctl-local")
_UNWANTED = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPATH")


class Place:
    """Where a benchmark runs.

    Attributes:
        python: The interpreter of the environment.
        runctl: The command in it.
        env: A user's variables: bytecode is written, output is buffered, nothing of ours is set.
        folder: An empty folder, which is the home too.
    """

    def __init__(self, venv: Path, folder: Path) -> None:
        self.python = str(venv / "bin/python")
        self.runctl = str(venv / "bin/runctl")
        self.folder = folder
        kept = {k: v for k, v in os.environ.items() if k not in _UNWANTED and not k.startswith("RUNCTL_")}
        self.env = kept | {
            "RUNCTL_STATE_DIR": str(folder / "state"),
            "RUNCTL_CONFIG_DIR": str(folder / "config"),
            "HOME": str(folder),
        }

    def time(self, argv: list[str], *, into: Path | None = None) -> float:
        """Seconds that a command takes to its end, its output thrown away or kept in a file."""
        with (into or Path(os.devnull)).open("wb") as file:
            begun = time.perf_counter()
            subprocess.run(
                argv, env=self.env, cwd=self.folder, stdout=file, stderr=subprocess.DEVNULL, check=True
            )
            return time.perf_counter() - begun


@contextmanager
def place(venv: Path | None) -> Iterator[Place]:
    """A place in `venv`; else in this environment, when runctl is installed there from wheels; else
    in a new one."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        found = venv or _own_environment() or _fresh_environment(folder)
        bytecode = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
        subprocess.run(
            [found / "bin/python", "-m", "compileall", "-q", found / "lib"], env=bytecode, check=True
        )
        yield Place(found, folder)


def _own_environment() -> Path | None:
    site = Path(sysconfig.get_path("purelib"))
    return Path(sys.prefix) if (site / "runctl_core").is_dir() else None


def _fresh_environment(scratch: Path) -> Path:
    venv, wheels = scratch / "venv", scratch / "wheels"
    subprocess.run(["uv", "venv", "-q", "-p", sys.executable, str(venv)], check=True)
    for name in DISTRIBUTIONS:
        subprocess.run(["uv", "build", "--wheel", "-q", "-o", str(wheels), str(ROOT / name)], check=True)
    install = ["uv", "pip", "install", "-q", "--python", str(venv)]
    built = [f"{wheel}[ssh]" if "core" in wheel.name else str(wheel) for wheel in wheels.glob("*.whl")]
    subprocess.run([*install, *built], check=True)
    return venv


Row = tuple[str, str, float, float]
"""What was measured, the figures in words, the value that is held against the bar, the bar."""


def main(about: str, measure: Callable[[Place, int], list[Row]], rounds: int) -> int:
    """Measure, print the table, and return 0; with `--strict` 1 when a bar is missed.

    A noisy machine must not turn a change away, so that `nox -s bench` prints and does not judge.

    Args:
        about: One line for `--help`, and the table's title.
        measure: Makes the rows, with so many rounds of each.
        rounds: How many by default.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--venv", type=Path, help="an environment with runctl installed from wheels")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--strict", action="store_true", help="end with status 1 when a bar is missed")
    options = parser.parse_args()
    with place(options.venv) as there:
        rows = measure(there, options.rounds)
    print(about)
    width = max(len(name) for name, *_ in rows)
    for name, figures, value, bar in rows:
        verdict = "met" if value < bar else "MISSED"
        print(f"  {name.ljust(width)}  {value:8.2f} of {bar:g}  {verdict:6}  {figures}")
    return int(options.strict and any(value >= bar for *_, value, bar in rows))
