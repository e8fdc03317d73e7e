"""What one command works with: the books, the configuration, the engine. Each is made when asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from runctl_core.tracking import ResourceTracker

if TYPE_CHECKING:
    from runctl_core.cleanup import Cleanup, CleanupSafety, Lookout
    from runctl_core.config import Config, CoreSettings
    from runctl_core.inventory import Inventory
    from runctl_core.models.runs import Run
    from runctl_core.provider import TrainingProvider
    from runctl_core.tracking.audit import Actor
    from runctl_core.training.engine import Engine
    from runctl_core.training.plan import Plan
    from runctl_core.training.reporter import Reporter


class Session:
    """Opens things once, and only those that the command really uses.

    Args:
        flags: Core settings given as flags; None values are left out.
        reporter: Who is told what the engine does; notes go to standard error by default.
    """

    def __init__(self, flags: Mapping[str, Any] | None = None, reporter: Reporter | None = None) -> None:
        self._flags = {key: value for key, value in (flags or {}).items() if value is not None}
        self._reporter = reporter
        self._providers: dict[str, TrainingProvider] = {}

    @cached_property
    def tracker(self) -> ResourceTracker:
        """The books."""
        return ResourceTracker(actor=self._actor)

    @cached_property
    def config(self) -> Config:
        """The layered configuration, as seen from the current directory."""
        from runctl_core.config import load

        return load(directory=os.getcwd(), flags=self._flags)

    @property
    def settings(self) -> CoreSettings:
        """The core's settings."""
        return self.config.settings

    @cached_property
    def engine(self) -> Engine:
        """The run engine."""
        from runctl_core.cli.progress import TerminalReporter
        from runctl_core.training.engine import Engine

        reporter = self._reporter or TerminalReporter(output_to_stderr=True)
        return Engine(self.tracker, self.open_provider, reporter=reporter)

    @property
    def owner(self) -> str:
        """Who uses runctl here: the owner of new runs. What carries this name is the user's own."""
        return self.settings.owner or _account()

    def _actor(self) -> Actor:
        from runctl_core.cli import table
        from runctl_core.errors import ConfigError
        from runctl_core.tracking.audit import Actor

        try:
            owner = self.owner
        except ConfigError:  # the log must not depend on a file that the user is just writing
            owner = _account()
        row = table.find(sys.argv[1:])
        return Actor(owner, _account(), row[0] if row else " ".join(sys.argv[1:2]))

    def open_provider(self, plan: Plan) -> TrainingProvider:
        """The provider of a plan. Raises PluginError or ConfigError."""
        return self.provider(plan.provider, plan.provider_flags)

    def provider(self, name: str, flags: Mapping[str, Any] | None = None) -> TrainingProvider:
        """A provider with its configured settings. Raises PluginError or ConfigError."""
        key = f"{name} {sorted((flags or {}).items())}"
        if key not in self._providers:
            from runctl_core.plugins import load_provider, open_provider

            info = load_provider(name)
            settings = self.config.provider_settings(name, info.settings, flags)
            self._providers[key] = open_provider(info, settings)
        return self._providers[key]

    def inventory(self, names: Sequence[str] | None = None, *, timeout_s: float | None = None) -> Inventory:
        """Everything that the providers have, asked now.

        Args:
            names: Whom to ask; every installed provider by default, and those that the books know.
            timeout_s: Seconds that each has; as configured by default.

        Raises:
            PluginError: A name that is neither installed nor in the books.
            StateError: The books cannot be read or written.
        """
        from runctl_core.inventory import take_inventory
        from runctl_core.plugins import load_report, provider_names

        everyone = dict.fromkeys([*provider_names(), *self.tracker.providers()])
        for name in names or ():
            if name not in everyone:
                load_report(name)  # it names the near ones
        timeout_s = timeout_s or self.settings.list_timeout_seconds
        return take_inventory(self.tracker, list(names or everyone), self.provider, timeout_s=timeout_s)

    @cached_property
    def lookout(self) -> Lookout:
        """Finds what the rules of safety look at."""
        from runctl_core.cleanup import Lookout
        from runctl_core.vetoes import Vetoes

        return Lookout(self.tracker, Vetoes(), self.provider, owner=self.owner)

    @cached_property
    def safety(self) -> CleanupSafety:
        """Says what may be deleted, and why everything else may not."""
        from runctl_core.cleanup import CleanupSafety, Policy

        return CleanupSafety(Policy(self.owner, tuple(self.settings.protected)), self.lookout)

    def cleanup(self) -> Cleanup:
        """Carries plans out."""
        from runctl_core.cleanup import Cleanup

        patience_s = self.settings.release_timeout_seconds
        return Cleanup(self.tracker, self.provider, self.safety, self.lookout, patience_s=patience_s)

    def settle_at_once(self) -> None:
        """Bring the books up to date at every provider at once; one that hangs holds nobody for long."""
        if self.tracker.has_open_ends():
            from runctl_core.training.settle import settle_at_once

            settle_at_once(self.engine, timeout_s=self.settings.list_timeout_seconds)

    def settled_run(self, ref: str) -> Run:
        """The run that `ref` names, after its books were brought up to date. Raises NotFound."""
        run = self.tracker.run(ref)
        if run.state.over and not self.tracker.resources(run_id=run.id):
            return run
        from runctl_core.training.settle import settle_run

        return settle_run(self.engine, run)

    def settle(self, *, provider: str | None = None) -> None:
        """Bring the books up to date; costs next to nothing when nothing is open."""
        from runctl_core.training.settle import settle

        settle(self.engine, provider=provider)

    def plan(self, run: Run) -> Plan:
        """What the run was asked to do."""
        from runctl_core.training.plan import Plan

        return Plan.from_json(self.tracker.plan(run.id))


def _account() -> str:
    import getpass
    import socket

    return f"{getpass.getuser()}@{socket.gethostname()}"
