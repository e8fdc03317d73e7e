"""What was decided for a run before anything was bought, kept as JSON beside the run.

A resume reads it again, so it holds everything that the first attempt was given but the values of
secrets: of those it knows where they came from.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from attrs import asdict, field, frozen

from runctl_core.models.resources import ResourceRequest
from runctl_core.paths import run_dir


def _setup(value: Any) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(program) for program in value)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(text) for text in value)


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


@frozen
class Plan:
    """What a run was asked to do.

    Attributes:
        provider: The provider's name.
        provider_flags: Settings of the provider given as flags; later commands need them too.
        request: What the resource must have; the fields of `ResourceRequest`.
        kind: What the script was found to be, one of `training.script.Kind`.
        command: The program and its arguments.
        setup: Programs that make its environment.
        workdir: Where it runs; on a machine that shares no files, in the copy of this folder.
        code_root: The folder that is brought to such a machine, `workdir` in it; None where files are shared.
        include: What of it goes although it is ignored.
        env: Variables added to its environment; no secrets.
        env_files: Files whose variables are added, read anew by each attempt.
        secrets: `NAME` or `NAME=@FILE`, read anew by each attempt.
        outputs: Files and folders to collect, from `workdir`.
        checkpoint_dir: Where checkpoints go, when the user said.
        max_hours: How long the run may take, all attempts together.
        budget_usd: How much it may cost, all attempts together.
        idle_minutes: After how long without any sign of work it is ended; 0 never.
        grace_s: Seconds between SIGTERM and SIGKILL.
        on_finish: `terminate` or `keep`: what becomes of the resource.
    """

    provider: str
    command: tuple[str, ...] = field(converter=_texts)
    workdir: str
    kind: str = "plain"
    code_root: str | None = None
    include: tuple[str, ...] = field(default=(), converter=_texts)
    setup: tuple[tuple[str, ...], ...] = field(default=(), converter=_setup)
    provider_flags: Mapping[str, Any] = field(factory=dict)
    request: Mapping[str, Any] = field(factory=dict)
    env: Mapping[str, str] = field(factory=dict)
    env_files: tuple[str, ...] = field(default=(), converter=_texts)
    secrets: tuple[str, ...] = field(default=(), converter=_texts)
    outputs: tuple[str, ...] = field(default=(), converter=_texts)
    checkpoint_dir: str | None = None
    max_hours: float | None = None
    budget_usd: Decimal | None = field(default=None, converter=_decimal)
    idle_minutes: float = 0.0
    grace_s: float = 30.0
    on_finish: str = "terminate"

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON-ready values; money as text."""
        document = asdict(self)
        document["budget_usd"] = None if self.budget_usd is None else str(self.budget_usd)
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Plan:
        """The plan that `to_json` wrote."""
        return cls(**document)

    def resource_request(self) -> ResourceRequest:
        """What the resource must have."""
        values = dict(self.request)
        values["max_hourly_usd"] = _decimal(values.get("max_hourly_usd"))
        return ResourceRequest(**values)

    def output_name(self, path: str) -> str:
        """The name under which an output comes home: the last part of where it is."""
        return os.path.basename(os.path.normpath(os.path.join(self.workdir, path)))

    def checkpoint_directory(self, run_id: str) -> str:
        """Where the run's checkpoints are on this computer."""
        return self.checkpoint_dir or os.path.join(run_dir(run_id), "checkpoints")
