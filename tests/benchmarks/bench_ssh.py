"""One file of 512 MB to a loopback OpenSSH server: SSHTransport.put beside `scp`.

    python tests/benchmarks/bench_ssh.py [--venv FOLDER] [--rounds N] [--strict]

Both begin with nothing: process start, handshake and the whole file, in turn. The size keeps the script
short; SSH_BENCH_MB=1024 in the environment measures 1 GB. The server's side is the same for both.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from environment import Place, Row, main

from sshd import Server, sshd

SIZE_BYTES = int(os.environ.get("SSH_BENCH_MB", "512")) << 20

_PUT = """
import json, resource, sys
from runctl_core.api import SSHTransport
host, port, trusted, source = json.loads(sys.argv[1])
SSHTransport(host, port=port, **trusted).put(source, "ours")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def measure(place: Place, rounds: int) -> list[Row]:
    """The ratio to scp, and our memory."""
    source = place.folder / "big"
    with source.open("wb") as file:
        for _ in range(SIZE_BYTES >> 20):
            file.write(os.urandom(1 << 20))
    ours, peers, memory = [], [], place.folder / "memory"
    with sshd(place.folder / "sshd") as server:
        put = [place.python, "-c", _PUT, _words(server, source)]
        scp = [*server.ssh("scp"), "-q", str(source), f"{server.user}@{server.host}:theirs"]
        for _ in range(rounds + 1):
            for argv, times, into in ((put, ours, memory), (scp, peers, None)):
                times.append(place.time(argv, into=into))
                subprocess.run(["sync"], check=True)  # neither pays for what the other left to be written
        _assert_same(source, server.home / "ours", server.home / "theirs")
    mine, peer = statistics.median(ours[1:]), statistics.median(peers[1:])
    size = SIZE_BYTES / 1e6
    figures = f"{mine:.2f} s, {size / mine:.0f} MB/s; scp {peer:.2f} s, {size / peer:.0f} MB/s"
    megabytes = int(memory.read_text()) / 1000
    return [
        (f"put of {size:.0f} MB, times scp", figures, mine / peer, 1.1),
        ("  its memory in MB", "the most that the process ever had", megabytes, 150),
    ]


def _words(server: Server, source: Path) -> str:
    return json.dumps([server.host, server.port, server.trusted, str(source)])


def _assert_same(*files: Path) -> None:
    first, *others = files
    for other in others:
        subprocess.run(["cmp", str(first), str(other)], check=True)


if __name__ == "__main__":
    sys.exit(main("One large file over SSH", measure, rounds=2))
