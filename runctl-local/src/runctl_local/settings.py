"""The settings of the local provider."""

from __future__ import annotations

import os

from attrs import define

from runctl_core.api import setting, state_dir


@define
class Settings:
    """Where slots are, and how GPUs are found."""

    directory: str | None = setting(None, help="Where slots live; below the state directory otherwise.")
    nvidia_smi: str = setting("nvidia-smi", help="The program that lists NVIDIA GPUs.")

    @property
    def home(self) -> str:
        """The absolute path of the directory of slots."""
        return os.path.abspath(os.path.expanduser(self.directory or os.path.join(state_dir(), "local")))
