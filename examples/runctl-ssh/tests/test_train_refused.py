"""What can be wrong with a machine is one clear error of `runctl train`, and leaves nothing behind."""

import json
import os
import subprocess
from dataclasses import replace

import pytest
from machines import Machine, free_port, machine
from test_train import runctl


class Stranger(Machine):
    """Of which another host key is known."""

    @property
    def known_hosts(self):
        """A file with a key that is not the machine's."""
        key = _new_key(self.folder / "another")
        path = self.folder / "wrong_hosts"
        path.write_text(f"[127.0.0.1]:{self.host.rpartition(':')[2]} {key}")
        return str(path)


class Closed(Machine):
    """Which does not know our key."""

    @property
    def key_file(self):
        """A key that was never brought there."""
        _new_key(self.folder / "unknown")
        return str(self.folder / "unknown")


def _new_key(path):
    path.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
    return path.with_suffix(".pub").read_text()


def away(at):
    """The same machine at a port where nobody listens."""
    return replace(at, host=f"{at.host.rpartition(':')[0]}:{free_port()}")


CASES = {
    "wrong host key": ({}, lambda at: Stranger(at.host, at.folder), "ssh-keygen -R"),
    "key refused": ({}, lambda at: Closed(at.host, at.folder), "ssh-copy-id"),
    "unreachable": ({}, away, "must work"),
    "disk full": ({"room_kb": 200}, lambda at: at, "df -h"),
    "no Python": ({"python": False}, lambda at: at, "install Python 3.8"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_said_with_what_mends_it_and_nothing_is_left(case, tmp_path):
    made, seen_as, mends = CASES[case]
    work = tmp_path / "work"
    work.mkdir()
    (work / "train.py").write_text("print('trained')")
    (work / "data.bin").write_bytes(os.urandom(1_000_000))
    (tmp_path / "there").mkdir()
    with machine(tmp_path / "there", **made) as at:
        seen = seen_as(at)
        done = runctl(seen, tmp_path, "train", "train.py", "--name", "refused")
        assert done.returncode != 0
        assert "trained" not in done.stdout, "something that is not whole was used"
        lines = done.stderr.splitlines()
        assert sum(line.startswith("error: ") for line in lines) == 1, done.stderr
        assert any(line.startswith("  fix: ") and mends in line for line in lines), done.stderr
        assert "Traceback" not in done.stderr
        assert list(at.slots.glob("*.slot")) == [], "the slot is still taken"
        assert list(at.slots.glob("**/trees/*")) == [], "half of the code is there"
        assert json.loads(runctl(at, tmp_path, "ps", "--json").stdout) == [], (
            "a run without a machine is live"
        )
