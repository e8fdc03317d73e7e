"""`runctl train --provider ssh` trains for real: the code goes there, the results come home."""

import os
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "digits.py"
TINY = """import os, pathlib
folder = pathlib.Path(os.environ["RUNCTL_CHECKPOINT_DIR"])
for epoch in range(3):
    (folder / f"epoch-{epoch}.txt").write_text("weights")
    print("epoch", epoch)
"""


def test_a_run_trains_there_and_its_results_come_home(gpus, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    script = work / "train.py"
    script.write_text(EXAMPLE.read_text() if EXAMPLE.exists() else TINY)
    done = runctl(gpus, tmp_path, "train", "train.py", "--name", "digits")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "done: " in done.stdout or "epoch 2" in done.stdout
    assert runctl(gpus, tmp_path, "pull", "digits", "results").returncode == 0
    assert list((work / "results" / "checkpoints").iterdir()), "what was trained stayed on the machine"
    assert list(gpus.slots.glob("*.slot")) == [], "the slot is still taken"


def runctl(machine, home, *words):
    """A command of a user whose settings name the machine."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("RUNCTL_", "XDG_", "PYTHON"))}
    environment |= {
        "HOME": str(home),
        "RUNCTL_SSH_HOSTS": machine.host,
        "RUNCTL_SSH_KEY_FILE": machine.key_file,
        "RUNCTL_SSH_KNOWN_HOSTS": machine.known_hosts,
    }
    command = [str(Path(sys.executable).with_name("runctl-ssh")), *words]
    return subprocess.run(
        command, cwd=home / "work", env=environment, capture_output=True, text=True, timeout=280
    )
