"""What `runctl train` adds to a script: to an empty one, and to one that prints a million lines.

    python tests/benchmarks/bench_train.py [--venv FOLDER] [--rounds N] [--strict]

The peer is `python script.py > file`, in turns with ours. Everything is compared byte for byte. The
start of a run is measured by an empty one, and taken off the run of many lines, as the start of
Python is taken off the peer's.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from environment import Place, Row, main

LINES = 1_000_000
_EMPTY = 'print("ready")\n'
_MANY = f'for number in range({LINES}):\n    print("step", number, "loss", 0.12345)\n'


def measure(place: Place, rounds: int) -> list[Row]:
    """The overhead in milliseconds, and the ratios of the run with many lines."""
    empty, many = (_script(place, name, text) for name, text in (("empty", _EMPTY), ("many", _MANY)))
    _both(place, empty)
    overheads = [_both(place, empty) for _ in range(5 * rounds)]
    firsts = [(_first_line(place, [place.python, empty]), _first_line(place, _train(place, empty)))
              for _ in range(3 * rounds)]  # fmt: skip
    _both(place, many)
    logs = [(*_both(place, many), _itself(place)) for _ in range(rounds)]
    peer_start, our_start = (statistics.median(times) for times in zip(*overheads, strict=True))
    peer, ours, itself = (statistics.median(times) for times in zip(*logs, strict=True))
    peer_first, our_first = (statistics.median(times) for times in zip(*firsts, strict=True))
    return [
        _added("an empty script", peer_start, our_start),
        _added("its first line", peer_first, our_first),
        _ratio(f"{LINES:,} lines, whole", ours - our_start, peer - peer_start, 1.25),
        _ratio(f"{LINES:,} lines, the run itself", itself, peer, 1.10),
    ]


def _script(place: Place, name: str, text: str) -> str:
    path = place.folder / f"{name}.py"
    path.write_text(text)
    return str(path)


def _train(place: Place, script: str) -> list[str]:
    return [place.runctl, "train", script, "--provider", "local", "--python", place.python]


def _both(place: Place, script: str) -> tuple[float, float]:
    """Seconds of the peer and of ours; what they printed must be the same."""
    theirs, ours = place.folder / "peer.out", place.folder / "ours.out"
    taken = (
        place.time([place.python, script], into=theirs),
        place.time(_train(place, script), into=ours),
    )
    if theirs.read_bytes() != ours.read_bytes():
        raise SystemExit(f"bytes were lost: {theirs.stat().st_size} became {ours.stat().st_size}")
    return taken


def _first_line(place: Place, argv: list[str]) -> float:
    begun = time.perf_counter()
    with subprocess.Popen(
        argv, env=place.env, cwd=place.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        return time.perf_counter() - begun


def _itself(place: Place) -> float:
    """Seconds from the script's start to its end, as the runner saw the newest run."""
    receipts = Path(place.env["RUNCTL_STATE_DIR"]).glob("runs/*/receipt.json")
    newest = max(receipts, key=lambda path: path.stat().st_mtime_ns)
    return float(json.loads(newest.read_text())["duration_s"])


def _added(name: str, peer: float, ours: float) -> Row:
    return (
        f"{name}: ms added",
        f"{ours * 1000:.0f} ms against {peer * 1000:.0f} ms",
        (ours - peer) * 1000,
        400,
    )


def _ratio(name: str, ours: float, peer: float, bar: float) -> Row:
    return f"{name}: ratio", f"{ours * 1000:.0f} ms against {peer * 1000:.0f} ms", ours / peer, bar


if __name__ == "__main__":
    sys.exit(main("What `runctl train` adds to `python script.py > file`", measure, rounds=5))
