"""A project of 2,000 files and 20 MB to an OpenSSH server on loopback, and one file of 1 GB.

    python tests/benchmarks/bench_sync.py [--venv FOLDER] [--rounds N] [--strict]

The peers are `rsync -a` (over an open connection too), `scp -r`, and SFTP file by file. All contents are
random, so that nobody gains by compression. Ours and the peer take turns, and of each the best of all
rounds counts: what else runs only adds to a time. Choosing the files is part of ours, as rsync's own walk
is of its. Cold means that nothing is known of any file, on either side.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from environment import Place, Row, main

sys.path.insert(0, str(Path(__file__).parents[1]))
from sshd import Server, sshd

FILES, FOLDERS, SIZE_BYTES = 2000, 40, 10_000
BIG_BYTES = 1_000_000_000

_SEND = """
import json, os, sys, time
from runctl_core.sync import select, send
from runctl_core.transport.ssh import SSHTransport

what = json.loads(sys.argv[1])
def connected():
    return SSHTransport(what["host"], port=what["port"], **what["trusted"])
def ours(transport, target, project=what["project"]):
    return send(transport, select(project), target)
"""

_FROM_NOTHING = """
transport = connected()
ours(transport, what["target"])
transport.close()
"""

_BIG = """
import resource
transport = connected()
transport.run(["true"])
begun = time.perf_counter()
ours(transport, what["target"])
taken = time.perf_counter() - begun
transport.close()
print(json.dumps({"seconds": taken, "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
"""

_OPEN = """
import random, shutil, subprocess

files, home, project, rounds = what["files"], what["home"], what["project"], what["rounds"]
transport = connected()
transport.run(["true"])
times = {}
def timed(name, act):
    begun = time.perf_counter()
    act()
    taken = time.perf_counter() - begun
    times[name] = min(times.get(name, taken), taken)
def rsync(target):
    words = ["rsync", "-a", "-e", what["rsh"], project + "/", what["at"] + ":" + target + "/"]
    subprocess.run(words, check=True)
def forget(name):
    shutil.rmtree(os.environ["RUNCTL_STATE_DIR"], ignore_errors=True)
def both(name, mine, theirs):
    timed("ours " + name, lambda: ours(transport, f"{home}/{mine}"))
    timed("rsync " + name, lambda: rsync(f"{home}/{theirs}"))

for turn in range(rounds + 1):
    if turn == 1:
        times.clear()  # the first turn was for warming up
    os.sync()  # nobody waits for what the other left to be written
    forget(turn)
    both("cold", f"ours{turn}", f"rsync{turn}")
    time.sleep(2.1)  # until what is known of files may be kept
    ours(transport, f"{home}/ours{turn}")
    both("unchanged", f"ours{turn}", f"rsync{turn}")
    for path in random.sample(files, 10):
        with open(path, "r+b") as file:
            file.write(os.urandom(5000))
    both("changed", f"ours{turn}", f"rsync{turn}")
    shutil.rmtree(f"{home}/ours{turn}", ignore_errors=True)  # its spare may be in the making
    shutil.rmtree(f"{home}/rsync{turn}")

def file_by_file():
    for path in files[::10]:
        transport.put(path, f"{home}/sftp/{os.path.relpath(path, project)}")
timed("sftp", file_by_file)
times["sftp"] *= 10
transport.close()
print(json.dumps(times))
"""


def measure(place: Place, rounds: int) -> list[Row]:
    """Ratios to the peers, and the memory of the 1 GB."""
    project = place.folder / "project"
    files = [project / f"d{number % FOLDERS}" / f"f{number}" for number in range(FILES)]
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(SIZE_BYTES))
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    python = "/usr/bin" if os.path.exists("/usr/bin/python3") else str(Path(place.python).parent)
    # Bash reads the user's start-up files in every first shell of a session: those are not to be measured.
    quiet = ("SetEnv SHLVL=1",)
    with sshd(place.folder / "sshd", path=f"{python}:/usr/bin:/bin", lines=quiet) as server:
        rows = _open_connection(place, server, project, files, rounds)
        rows += _from_nothing(place, server, project, rounds)
        return rows + _one_big(place, server)


def _what(server: Server, project: Path, **more: object) -> dict[str, object]:
    trusted = server.trusted
    return {"host": server.host, "port": server.port, "trusted": trusted, "project": str(project), **more}


def _inside(place: Place, program: str, what: dict[str, object]) -> list[str]:
    return [place.python, "-c", _SEND + program, json.dumps(what)]


def _told(place: Place, program: str, what: dict[str, object]) -> dict[str, float]:
    done = subprocess.run(_inside(place, program, what), env=place.env, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


@contextmanager
def _ended(program: subprocess.Popen[bytes]) -> Iterator[None]:
    """End it however the block ends: nobody waits for a connection that is kept open."""
    try:
        yield
    finally:
        program.terminate()


def _open_connection(
    place: Place, server: Server, project: Path, files: list[Path], rounds: int
) -> list[Row]:
    at = f"{server.user}@{server.host}"
    shared = [*server.ssh(), "-o", f"ControlPath={place.folder}/master"]
    with subprocess.Popen([*shared, "-M", "-N", at], stdin=subprocess.DEVNULL) as master, _ended(master):
        while not (place.folder / "master").exists() and master.poll() is None:
            time.sleep(0.01)
        what = _what(
            server,
            project,
            files=[str(path) for path in files],
            home=str(server.home),
            rounds=rounds,
            rsh=" ".join(shared),
            at=at,
        )
        times = _told(place, _OPEN, what)
    rows = [
        _row(f"{name}, times rsync", times[f"ours {name}"], "rsync", times[f"rsync {name}"], bar)
        for name, bar in (("cold", 0.8), ("unchanged", 0.7), ("changed", 1.0))
    ]
    return [*rows, _row("cold, times SFTP file by file", times["ours cold"], "SFTP", times["sftp"], 0.5)]


def _from_nothing(place: Place, server: Server, project: Path, rounds: int) -> list[Row]:
    at = f"{server.user}@{server.host}:{server.home}"
    best: dict[str, float] = {}
    for turn in range(rounds):
        what = _what(server, project, target=f"{server.home}/nothing{turn}")
        place.env["RUNCTL_STATE_DIR"] = str(place.folder / f"state{turn}")
        acts = {
            "ours": _inside(place, _FROM_NOTHING, what),
            "rsync": [
                "rsync",
                "-a",
                "-e",
                " ".join(server.ssh()),
                f"{project}/",
                f"{at}/rsync-nothing{turn}/",
            ],
            "scp": [*server.ssh("scp"), "-q", "-r", str(project), f"{at}/scp{turn}"],
        }
        for name, words in acts.items():
            if name != "scp" or turn == 0:
                taken = place.time(words)
                best[name] = min(best.get(name, taken), taken)
    return [
        _row("from nothing, times rsync", best["ours"], "rsync", best["rsync"], 1.2),
        _row("from nothing, times scp -r", best["ours"], "scp -r", best["scp"], 0.7),
    ]


def _one_big(place: Place, server: Server) -> list[Row]:
    project = place.folder / "big"
    project.mkdir()
    with open(project / "model", "wb") as file:
        piece = os.urandom(1 << 20)
        file.writelines(piece for _ in range(BIG_BYTES // len(piece)))
    best: dict[str, float] = {}
    used = 0.0
    for turn in range(2):
        os.sync()
        place.env["RUNCTL_STATE_DIR"] = str(place.folder / f"big-state{turn}")
        found = _told(place, _BIG, _what(server, project, target=f"{server.home}/big{turn}"))
        at = f"{server.user}@{server.host}:{server.home}/scp-big{turn}"
        os.sync()
        peer = place.time([*server.ssh("scp"), "-q", str(project / "model"), at])
        best = {
            "ours": min(best.get("ours", 99.0), found["seconds"]),
            "scp": min(best.get("scp", 99.0), peer),
        }
        used = max(used, found["bytes"])
    return [
        _row("1 GB in one file, times scp", best["ours"], "scp", best["scp"], 1.1),
        ("  MB of memory", "", used / 1e6, 150),
    ]


def _row(name: str, ours: float, who: str, peer: float, bar: float) -> Row:
    return name, f"{ours * 1000:.0f} ms, {who} {peer * 1000:.0f} ms", ours / peer, bar


if __name__ == "__main__":
    sys.exit(main("2,000 files and 20 MB, and 1 GB, over SSH", measure, rounds=1))
