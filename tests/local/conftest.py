"""This computer as a provider, with a driver of our own making."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runctl_core.api import Job, LaunchSpec, Offer, ResourceRequest
from runctl_local.provider import LocalProvider
from runctl_local.settings import Settings

H100 = ("GPU-a", "NVIDIA H100 80GB HBM3", "81559")
SECOND_H100 = ("GPU-b", "NVIDIA H100 80GB HBM3", "81559")
RTX = ("GPU-c", "NVIDIA GeForce RTX 4090", "24564")

PRINTS = """#!/bin/sh
case "$1 $2" in
"--query-gpu=uuid,name,memory.total --format=csv,noheader,nounits") cat "{folder}/gpus" ;;
"--query-compute-apps=pid,gpu_uuid,process_name --format=csv,noheader,nounits") cat "{folder}/apps" ;;
*) echo "ERROR: Option $1 is not recognized."; exit 1 ;;
esac
"""


class Driver:
    """An `nvidia-smi` that answers the two questions that we ask, in the real one's format."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.program = str(folder / "nvidia-smi")
        self.says(PRINTS.format(folder=folder))
        self.shows()
        self.computes()

    def says(self, script: str) -> None:
        """Replace the program."""
        path = Path(self.program)
        path.write_text(script)
        path.chmod(0o755)

    def shows(self, *gpus: tuple[str, str, str]) -> None:
        """Uuid, name and memory in MiB of each GPU."""
        (self._folder / "gpus").write_text("".join(", ".join(gpu) + "\n" for gpu in gpus))

    def computes(self, *apps: tuple[int, str]) -> None:
        """Pid and GPU of each process that computes."""
        rows = [f"{pid}, {gpu}, /usr/bin/python3 --with, commas\n" for pid, gpu in apps]
        (self._folder / "apps").write_text("".join(rows))


class Local(LocalProvider):
    """The provider, and short words for what tests do with it."""

    def __init__(self, home: Path, program: str) -> None:
        super().__init__(Settings(str(home), program))
        self.home = home
        self.work = home.parent / "work"
        self.work.mkdir(exist_ok=True)

    def offer(self, name: str = "cpu") -> Offer:
        """The one offer of a name."""
        (found,) = self.offers(ResourceRequest(instance_type=name))
        return found

    def names(self, *, free: bool | None = None) -> list[str]:
        """The names of what is offered; only what is free, or is not."""
        every = self.offers(ResourceRequest())
        return [offer.name for offer in every if free in (None, offer.available)]

    def slot_ids(self) -> list[str]:
        """The slots that are listed."""
        return [found.id for found in self.list_resources() if found.kind != "process"]

    def slot_path(self, slot_id: str) -> Path:
        """A slot's directory."""
        return self.home / "slots" / slot_id

    def job(self, code: str, job_id: str = "otter-1") -> Job:
        """A job of Python code."""
        return Job(id=job_id, command=(sys.executable, "-c", code), workdir=str(self.work))


def spec(offer: Offer, called: str = "t-1") -> LaunchSpec:
    """What the engine asks for."""
    return LaunchSpec(called, "otter-1", offer, {"runctl:run": "otter", "runctl:token": called})


@pytest.fixture
def driver(tmp_path: Path) -> Driver:
    """A driver that shows no GPU yet."""
    return Driver(tmp_path / "driver")


@pytest.fixture
def local(tmp_path: Path, driver: Driver) -> Iterator[Local]:
    """The provider. Slots that are left are ended."""
    made = Local(tmp_path / "home", driver.program)
    yield made
    for slot_id in made.slot_ids():
        made.terminate_resource(slot_id)
