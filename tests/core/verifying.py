"""What tests of verification share: files to damage, and what is found wrong with them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, settings

from runctl_core.checkpoints.verdict import Finding
from runctl_core.checkpoints.verify import verify

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def saved(folder: Path, name: str, content: bytes) -> str:
    """The path of a file that is there now."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


def one_finding(path: str | Path) -> Finding:
    """The only thing that is wrong with a checkpoint."""
    (finding,) = verify(str(path)).findings
    return finding


def changed(content: bytes, part: bytes) -> bytes:
    """One bit of a part of it turned around."""
    at = content.index(part)
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
