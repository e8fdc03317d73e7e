"""How fast the command starts: each kind of command as a ratio to `python -c pass` of the same
clean environment, in one run, alternating.

    python tests/benchmarks/bench_start.py [--venv FOLDER] [--rounds N]

Without `--venv` it measures the environment that it runs in, when runctl is installed there from
wheels; otherwise it builds wheels and makes an environment for them. Ends with status 1 when a bar
is missed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = ("runctl-core", "runctl-local")
RUNS = 1000

BARS: tuple[tuple[str, float, tuple[str, ...]], ...] = (
    ("--version", 2, ("--version",)),
    ("--help", 3, ("--help",)),
    ("completion of a command", 3, ("_complete", "1", "runctl", "")),
    (f"ps, {RUNS} runs", 8, ("ps",)),
    (f"ps --all, {RUNS} runs", 8, ("ps", "--all")),
    (f"ps --all --json, {RUNS} runs", 8, ("ps", "--all", "--json")),
    ("train --help", 12, ("train", "--help")),
)
"""Name, highest ratio, arguments."""

_FILL = """
import sys
from datetime import UTC, datetime, timedelta
from runctl_core.models.runs import Run, RunState
from runctl_core.tracking import ResourceTracker

begun = datetime(2026, 1, 1, tzinfo=UTC)
ends = (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.LOST)
tracker = ResourceTracker()
for number in range(int(sys.argv[1])):
    at = begun + timedelta(hours=number)
    over = {"started_at": at, "ended_at": at + timedelta(minutes=number), "exit_code": 0}
    run = Run(f"brave-otter-{number}", "train.py", f"project-{number % 7}", "tester", "local",
              "train.py", "/home/tester/project", RunState.PLANNED, at)
    tracker.add_run(run, {"command": ["python", "train.py"]})
    tracker.change_run(run.id, RunState.FAILED, **over)
"""


def main() -> int:
    """Measure everything, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", type=Path, help="an environment with runctl installed from wheels")
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        venv = options.venv or _own_environment() or _fresh_environment(Path(scratch))
        _compile(venv)
        env = _environment(Path(scratch))
        subprocess.run([venv / "bin/python", "-c", _FILL, str(RUNS)], env=env, check=True)
        measured = measure(venv, env, options.rounds)
    return report(measured)


def measure(venv: Path, env: dict[str, str], rounds: int) -> list[tuple[str, float, float, float]]:
    """Name, median ms, ratio to the peer of the same rounds, and bar of each kind of command."""
    peer = [str(venv / "bin/python"), "-c", "pass"]
    found = []
    for name, bar, words in BARS:
        ours = [str(venv / "bin/runctl"), *words]
        _once(ours, env)
        pairs = [(_once(peer, env), _once(ours, env)) for _ in range(rounds)]
        floor, taken = (statistics.median(times) for times in zip(*pairs, strict=True))
        found.append((name, taken * 1000, taken / floor, bar))
    return found


def report(measured: list[tuple[str, float, float, float]]) -> int:
    """Print the table; 1 when a bar is missed."""
    width = max(len(name) for name, *_ in measured)
    print(f"{'start'.ljust(width)}      ms   ratio   bar")
    for name, taken, ratio, bar in measured:
        verdict = "met" if ratio < bar else "MISSED"
        print(f"{name.ljust(width)}  {taken:6.1f}  {ratio:5.2f}x  {bar:3.0f}x  {verdict}")
    return int(any(ratio >= bar for _, _, ratio, bar in measured))


def _once(argv: list[str], env: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(argv, env=env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def _own_environment() -> Path | None:
    """The environment of this interpreter, when runctl is installed there as a user's is."""
    site = Path(sysconfig.get_path("purelib"))
    return Path(sys.prefix) if (site / "runctl_core").is_dir() else None


def _fresh_environment(scratch: Path) -> Path:
    venv = scratch / "venv"
    subprocess.run(["uv", "venv", "-q", "-p", sys.executable, str(venv)], check=True)
    wheels = scratch / "wheels"
    for name in DISTRIBUTIONS:
        subprocess.run(["uv", "build", "--wheel", "-q", "-o", str(wheels), str(ROOT / name)], check=True)
    install = ["uv", "pip", "install", "-q", "--python", str(venv), *map(str, wheels.glob("*.whl"))]
    subprocess.run(install, check=True)
    return venv


def _compile(venv: Path) -> None:
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run([venv / "bin/python", "-m", "compileall", "-q", venv / "lib"], env=env, check=True)


def _environment(scratch: Path) -> dict[str, str]:
    """A user's: bytecode is written, output is buffered, nothing of ours is set."""
    unwanted = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPATH")
    env = {k: v for k, v in os.environ.items() if k not in unwanted and not k.startswith("RUNCTL_")}
    return env | {
        "RUNCTL_STATE_DIR": str(scratch / "state"),
        "RUNCTL_CONFIG_DIR": str(scratch / "config"),
        "HOME": str(scratch),
    }


if __name__ == "__main__":
    sys.exit(main())
