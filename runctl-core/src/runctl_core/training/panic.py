"""Everything of mine is stopped and let go, at every provider at once; a hanging one holds no other.

What is let go by these rules: a run is stopped as `stop` does, results and all. A machine goes, unless
it is protected or may hold the only copy of a result: then it is stopped, where its provider can stop.
Volumes and snapshots are left: they cost little, and nobody can tell what is on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

from runctl_core.calls import ask_all
from runctl_core.cleanup import Cleaned, Cleanup, CleanupSafety, Mode
from runctl_core.errors import RunctlError
from runctl_core.inventory import Inventory, Item
from runctl_core.loading import in_words
from runctl_core.models.runs import Run
from runctl_core.training.engine import LIVE, Engine
from runctl_core.training.stop_all import StoppedRuns, stop_all

_RUNNING_KINDS = ("machine", "job")


@frozen
class Panicked:
    """What became of everything.

    Attributes:
        runs: What became of the live runs.
        cleaned: What became of the machines.
        storage: Volumes and snapshots, which were left.
        unanswered: Each provider that did not answer, with its error; what it has may go on.
    """

    runs: StoppedRuns
    cleaned: Cleaned
    storage: tuple[Item, ...]
    unanswered: Mapping[str, RunctlError]


class Panic:
    """Stops and lets go of everything of one owner's.

    Args:
        engine: Stops runs.
        owner: Whose.
        take: Takes the inventory of one provider.
        safety: Judges each resource.
        cleanup: Carries plans out.
    """

    def __init__(
        self,
        engine: Engine,
        owner: str,
        take: Callable[[str], Inventory],
        safety: CleanupSafety,
        cleanup: Cleanup,
    ) -> None:
        self._engine = engine
        self._owner = owner
        self._take = take
        self._safety = safety
        self._cleanup = cleanup

    def runs(self) -> list[Run]:
        """The live runs of the owner."""
        return self._engine.tracker.runs(states=LIVE, owner=self._owner)

    def mine(self, items: Sequence[Item]) -> list[Item]:
        """What of an inventory is the owner's."""
        return [item for item in items if item.belongs_to(self._owner) and not item.resource.state.gone]

    def carry_out(self, names: Sequence[str]) -> Panicked:
        """Stop and let go of everything at these providers."""
        runs: dict[str, StoppedRuns] = {}
        live = self.runs()

        def one(name: str) -> tuple[Cleaned, list[Item]]:
            try:
                runs[name] = stop_all(self._engine, [run for run in live if run.provider == name])
                return self._let_go(name)
            except RunctlError:
                raise
            except BaseException as error:
                raise RunctlError(f"{name}: {in_words(error)}") from error

        answers, problems = ask_all(names, one)
        return Panicked(
            StoppedRuns(
                tuple(run for each in runs.values() for run in each.ended),
                {run: why for each in runs.values() for run, why in each.failed.items()},
            ),
            _together([cleaned for cleaned, _ in answers.values()]),
            tuple(item for _, storage in answers.values() for item in storage),
            problems,
        )

    def _let_go(self, name: str) -> tuple[Cleaned, list[Item]]:
        inventory = self._take(name)
        if name in inventory.problems:
            raise inventory.problems[name]
        mine = self.mine(inventory.items)
        running = [item for item in mine if item.resource.kind in _RUNNING_KINDS]
        plan = self._safety.plan(running, mode=Mode.PANIC)
        storage = [item for item in mine if item.resource.kind not in _RUNNING_KINDS]
        return self._cleanup.carry_out(plan), storage


def _together(parts: Sequence[Cleaned]) -> Cleaned:
    return Cleaned(
        tuple(step for part in parts for step in part.done),
        tuple(skipped for part in parts for skipped in part.skipped),
        tuple(failure for part in parts for failure in part.failed),
    )
