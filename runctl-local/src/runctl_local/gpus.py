"""The GPUs of this computer, as `nvidia-smi` shows them."""

from __future__ import annotations

import subprocess

from attrs import frozen

from runctl_core.api import ProviderUnavailable, gpu_name

TIMEOUT_S = 5.0
"""A driver that hangs is given this long."""

_NO_GPU = "No devices were found"
"""What a driver without a GPU says; its exit status is 6."""


@frozen
class GPU:
    """One GPU.

    Attributes:
        uuid: What `CUDA_VISIBLE_DEVICES` takes.
        name: Its normalised name: `H100`, `RTX 4090`, `A10G`.
        memory_bytes: Its memory; 0 when the driver does not say.
    """

    uuid: str
    name: str
    memory_bytes: int


def list_gpus(program: str) -> list[GPU]:
    """Every GPU; none when there is no `nvidia-smi`.

    Raises:
        ProviderUnavailable: It hangs, fails, or prints something else.
    """
    rows = _query(program, "--query-gpu=uuid,name,memory.total")
    return [GPU(uuid, gpu_name(name), _bytes(mebibytes)) for uuid, name, mebibytes in rows]


def gpu_processes(program: str) -> set[tuple[int, str]]:
    """What computes on the GPUs: pairs of a process's pid and a GPU's uuid. Raises ProviderUnavailable."""
    rows = _query(program, "--query-compute-apps=pid,gpu_uuid,process_name")
    return {(int(pid), uuid) for pid, uuid, _ in rows if pid.isdecimal()}


def _bytes(mebibytes: str) -> int:
    """Unified memory is `[N/A]`."""
    return int(mebibytes) << 20 if mebibytes.isdecimal() else 0


def _query(program: str, query: str) -> list[tuple[str, str, str]]:
    command = [program, query, "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    except FileNotFoundError:
        return []
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(program, str(error)) from error
    said = (done.stdout + done.stderr).decode(errors="replace").strip()
    if said == _NO_GPU:
        return []
    if done.returncode != 0:
        raise _failed(program, said[-500:] or f"exit status {done.returncode}")
    lines = done.stdout.decode(errors="replace").splitlines()
    return [_row(program, line) for line in lines if line.strip()]


def _row(program: str, line: str) -> tuple[str, str, str]:
    cells = [cell.strip() for cell in line.split(",", 2)]
    if len(cells) != 3:
        raise _failed(program, f"it printed {line[:100]!r}")
    return cells[0], cells[1], cells[2]


def _failed(program: str, why: str) -> ProviderUnavailable:
    return ProviderUnavailable(
        f"{program} does not tell which GPUs are here", why=why, fix=f"run {program}, or use a cpu offer"
    )
