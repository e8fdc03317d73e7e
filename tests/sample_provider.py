"""The sample provider of `tests/typing`, installed for a test as an author's plugin would be."""

from __future__ import annotations

import shutil
from pathlib import Path

from homes import Home

SOURCE = Path(__file__).parent / "typing" / "mycloud"


def install(home: Home, *, plugin: str | None = None) -> None:
    """Install `mycloud` 1.0 into a home.

    Args:
        home: The home.
        plugin: The source of its plugin module; the sample's own by default.
    """
    folder = home.work.parent / "plugins"
    shutil.copytree(SOURCE, folder / "mycloud")
    if plugin is not None:
        (folder / "mycloud" / "__init__.py").write_text(plugin)
    metadata = folder / "mycloud-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mycloud\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[runctl.providers]\nmycloud = mycloud\n[runctl.commands]\nmycloud = mycloud.command:app\n"
    )
    home.env["PYTHONPATH"] = str(folder)
