"""A folder of 10,000 checkpoints, 200 GB of them sparse: listed, and the newest whole one found.

    python tests/benchmarks/bench_checkpoints.py [--venv FOLDER] [--rounds N] [--strict]

The peer is one pass of `os.scandir` that asks for the size and age of each file, and does nothing with
them. Both are warmed up and take turns, so that neither has the disk's cache to itself. What is measured
is the processor's time, the kernel's included: both wait for nothing else, and other programs do not count.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

from environment import Place, Row, main

FILES = 10_000
SIZE_BYTES = 20_000_000

_INSIDE = """
import json, os, struct, sys, time
from runctl_core.checkpoints import listing, newest_complete

count, size, rounds, folder = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
header = json.dumps({"w": {"dtype": "U8", "shape": [size - 200], "data_offsets": [0, size - 200]}})
header = header.encode().ljust(192)
for number in range(count):
    path = os.path.join(folder, f"step-{number:06d}.safetensors")
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", 192) + header)
        file.truncate(size)
    os.utime(path, (1_700_000_000 + number * 7919 % count * 60,) * 2)

def peer():
    with os.scandir(folder) as entries:
        for entry in entries:
            entry.stat()

def as_on_a_terminal():
    found = listing(folder, look_into=20)
    assert len(found) == count
    assert all(checkpoint.complete for checkpoint in found[:20])

def every_row():
    assert sum(checkpoint.size_bytes for checkpoint in listing(folder, look_into=20)) == count * size

def newest():
    assert newest_complete(folder).chosen

acts = (peer, as_on_a_terminal, every_row, newest)
times = {act.__name__: [] for act in acts}
for turn in range(rounds + 2):
    for act in acts:
        begun = time.process_time()
        act()
        times[act.__name__] += [(time.process_time() - begun) * 1000] if turn > 1 else []

opened = []
sys.addaudithook(lambda event, args: opened.append(args[0])
                 if event == "open" and isinstance(args[0], str) else None)
def bytes_read():
    with open("/proc/self/io") as file:
        return int(file.readline().split()[1])
before = bytes_read()
as_on_a_terminal()
read = bytes_read() - before
least = {name: min(taken) for name, taken in times.items()}  # what else runs only adds to a time
print(json.dumps({"opened": len(opened) - 2, "read": read, **least}))
"""

_PEER_COMMAND = """
import json, os, sys
entries = [(e.stat().st_mtime, e.path, e.stat().st_size) for e in os.scandir(sys.argv[1])]
print(json.dumps(sorted(entries, reverse=True)))
"""


def measure(place: Place, rounds: int) -> list[Row]:
    """Ratios to the peer, and how little is opened and read."""
    folder = place.folder / "checkpoints"
    folder.mkdir()
    words = [place.python, "-c", _INSIDE, str(FILES), str(SIZE_BYTES), str(rounds), str(folder)]
    done = subprocess.run(words, env=place.env, stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout)
    peer = found["peer"]
    beside = f"scandir with stat: {peer:.1f} ms"
    return [
        (
            "list, times a scandir",
            f"{found['as_on_a_terminal']:.1f} ms, {beside}",
            found["as_on_a_terminal"] / peer,
            1.5,
        ),
        ("  files that it opens", "the folder, and the newest 20", found["opened"], 21.5),
        ("  kB that it reads of 200 GB", "", found["read"] / 1000, 200),
        ("newest whole one, times a scandir", f"{found['newest']:.1f} ms", found["newest"] / peer, 1.5),
        ("every row made, times a scandir", f"{found['every_row']:.1f} ms", found["every_row"] / peer, 5),
        _command(place, folder, rounds),
    ]


def _command(place: Place, folder: Path, rounds: int) -> Row:
    """The whole command with all rows as JSON, against a program that does and prints as little as can be."""
    ours, peers = [], []
    for _ in range(rounds):
        peers.append(place.time([place.python, "-c", _PEER_COMMAND, str(folder)]))
        ours.append(place.time([place.runctl, "checkpoint", "list", str(folder), "--json"]))
    ms, peer_ms = statistics.median(ours) * 1000, statistics.median(peers) * 1000
    words = f"{ms:.0f} ms, a script that prints times and sizes: {peer_ms:.0f} ms"
    return "the command with --json, times a script", words, ms / peer_ms, 5


if __name__ == "__main__":
    sys.exit(main(f"{FILES:,} checkpoints of 20 MB each", measure, rounds=15))
