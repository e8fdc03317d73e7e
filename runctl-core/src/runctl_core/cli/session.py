"""What one command works with: the books, the configuration, the engine. Each is made when asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from runctl_core.tracking import ResourceTracker

if TYPE_CHECKING:
    from runctl_core.cleanup import Cleanup, CleanupSafety, Lookout
    from runctl_core.config import Config
    from runctl_core.core_settings import CoreSettings
    from runctl_core.inventory import Inventory, Item
    from runctl_core.models.runs import Run
    from runctl_core.provider import TrainingProvider
    from runctl_core.tracking.audit import Actor
    from runctl_core.training.engine import Engine
    from runctl_core.training.plan import Plan
    from runctl_core.training.reporter import Reporter
    from runctl_core.training.spending import Budgets


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
        from runctl_core.cli.reporter import TerminalReporter
        from runctl_core.training.engine import Engine

        reporter = self._reporter or TerminalReporter(output_to_stderr=True)
        return Engine(
            self.tracker,
            self.open_provider,
            reporter=reporter,
            allowed=self.budgets,
            protections=lambda resource: self.safety.protections(resource),
        )

    def budgets(self) -> Budgets:
        """What a day and a month may cost. Raises ConfigError."""
        from runctl_core.training.spending import Budgets

        daily, monthly = self.settings.daily_budget, self.settings.monthly_budget
        if daily is None and monthly is None:
            return Budgets()
        commands = map(self._setting_it, ("daily_budget", "monthly_budget"))
        return Budgets(daily, monthly, self.owner, *commands)

    def _setting_it(self, key: str) -> str:
        """The command that sets a setting where it is set now, with `{}` for its value."""
        from runctl_core.config import project_file

        origin = self.config.origins[key].origin
        if variable := origin.partition("the variable ")[2]:
            return f"export {variable}={{}}"
        in_project = origin == project_file(os.getcwd())
        return f"runctl config set {key} {{}}{' --project' if in_project else ''}"

    @property
    def owner(self) -> str:
        """Who new runs belong to: the setting, or user@host. Raises ConfigError."""
        return self.settings.owner or _user_at_host()

    def _actor(self) -> Actor:
        from runctl_core.cli import table
        from runctl_core.errors import ConfigError
        from runctl_core.tracking.audit import Actor

        try:
            owner = self.owner
        except ConfigError:  # the log must not depend on a file that the user is just writing
            owner = _user_at_host()
        row = table.find(sys.argv[1:])
        return Actor(owner, _user_at_host(), row[0] if row else " ".join(sys.argv[1:2]))

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

    def inventory(
        self,
        names: Sequence[str] | None = None,
        *,
        timeout_s: float | None = None,
        answered: Callable[[str], object] | None = None,
    ) -> Inventory:
        """Everything that the providers have, asked now.

        Args:
            names: Whom to ask; every installed provider by default, and those that the books know.
            timeout_s: Seconds that each has; as configured by default.
            answered: Is told each provider that has answered, or will not, in a thread of its own.

        Raises:
            PluginError: A name that is neither installed nor in the books.
            StateError: The books cannot be read or written.
        """
        from runctl_core.inventory import take_inventory
        from runctl_core.plugins import load_report

        everyone = self.every_provider()
        for name in names or ():
            if name not in everyone:
                load_report(name)  # it names the near ones
        timeout_s = timeout_s or self.settings.list_timeout_seconds
        asked = list(names or everyone)
        return take_inventory(self.tracker, asked, self.provider, timeout_s=timeout_s, answered=answered)

    def item(self, ref: str) -> Item:
        """The resource that `ref` means: as the books have it, or else as the providers list it now.

        Raises:
            NotFound: None is meant, or several are.
        """
        from runctl_core.errors import NotFound
        from runctl_core.inventory import find, known_inventory

        try:
            return find(known_inventory(self.tracker), ref)
        except NotFound:
            return find(self.inventory(), ref)

    def known_inventory(self) -> Inventory:
        """What the books know of; nobody is asked."""
        from runctl_core.inventory import known_inventory

        return known_inventory(self.tracker)

    def every_provider(self) -> list[str]:
        """Every installed provider, and those that the books know."""
        from runctl_core.plugins import provider_names

        return list(dict.fromkeys([*provider_names(), *self.tracker.providers()]))

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

    def cleanup(self, told: Callable[[], None] = lambda: None) -> Cleanup:
        """Carries plans out; `told` is called after each resource."""
        from runctl_core.cleanup import Cleanup

        return Cleanup(
            self.tracker,
            self.provider,
            self.safety,
            self.lookout,
            patience_s=self.settings.release_timeout_seconds,
            told=told,
        )

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

        settled = settle_run(self.engine, run)
        self.warn()
        return settled

    def settle(self, *, provider: str | None = None) -> None:
        """Bring the books up to date; costs next to nothing when nothing is open."""
        from runctl_core.training.settle import settle

        settle(self.engine, provider=provider)
        self.warn()

    def warn(self) -> None:
        """Tell of the budgets that are spent by 50, 80 or 100 %, unless another command has."""
        from runctl_core.errors import ConfigError, StateError

        # A configuration that is wrong is told to whoever launches; a full disk spoils no look at runs.
        with suppress(ConfigError, StateError):
            for text in self.engine.budgets.warnings():
                self.engine.tell(self.engine.reporter.note, text)

    def plan(self, run: Run) -> Plan:
        """What the run was asked to do."""
        from runctl_core.training.plan import Plan

        return Plan.from_json(self.tracker.plan(run.id))


def _user_at_host() -> str:
    import getpass
    import socket

    return f"{getpass.getuser()}@{socket.gethostname()}"
