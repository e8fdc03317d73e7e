"""`runctl panic`: one question, and everything of mine stops costing money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, YesFlag
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from runctl_core.cleanup import Skipped
    from runctl_core.cli.outcomes import Outcome
    from runctl_core.training.panic import Panic, Panicked


def panic(yes: YesFlag = False, json: JsonFlag = False) -> None:
    """Stop every run of mine, and let go of every machine of mine, at every provider at once.

    Results come home first. A machine that may hold the only copy of a result is stopped, not deleted;
    where it cannot be stopped, it is left and named. What is protected is left, and so are volumes and
    snapshots: `resources cleanup` deletes those.

    Examples:
        runctl panic
        runctl panic --yes
    """
    from runctl_core.training.documents import of_panic
    from runctl_core.training.panic import Panic

    session = Session()
    acting = Panic(
        session.engine,
        session.owner,
        lambda name: session.inventory([name]),
        session.safety,
        session.cleanup(),
    )
    names = list(dict.fromkeys([*session.every_provider(), *(run.provider for run in acting.runs())]))
    _ask(session, acting, names, yes=yes)
    from runctl_core.cli.cleanup import told_when_stopped

    with told_when_stopped():
        done = acting.carry_out(names)
    if json:
        output.print_json(of_panic(done, session.known_inventory()))
    else:
        _show(done)
    _require_all(done)


def _ask(session: Session, acting: Panic, names: list[str], *, yes: bool) -> None:
    """Ask once, from the books alone: a provider that hangs must not hold up the question."""
    from runctl_core.cli.stop_all import announce

    mine = acting.mine(session.known_inventory().items)
    runs, items = acting.runs(), [item for item in mine if not item.protected]
    if runs:
        announce(runs)
    if items:
        output.note("to be let go of, unless protected:")
        output.notes(
            [(item.key, f"{item.resource.name}, {output.hourly(item.hourly_usd)}") for item in items]
        )
    what = f"{output.count(len(runs), 'run')} and {output.count(len(items), 'resource')}"
    everywhere = ", ".join(names)
    output.confirm(f"stop and let go of {what}, and all else of yours at {everywhere}?", yes=yes)


def _show(done: Panicked) -> None:
    from runctl_core.cli.cleanup import outcomes
    from runctl_core.cli.outcomes import show
    from runctl_core.cli.stop_all import run_outcomes

    rows: list[Outcome] = [((run, outcome, "", ""), why) for (run, outcome), why in run_outcomes(done.runs)]
    rows += outcomes(done.cleaned)
    rows += [
        ((i.key, "left alone", i.resource.name, output.hourly(i.hourly_usd)), (f"it is a {i.resource.kind}",))
        for i in done.storage
    ]
    show(rows, empty="nothing of yours was found")


def _require_all(done: Panicked) -> None:
    """Raise LeftBehind when anything may go on that nobody protects."""
    from runctl_core.errors import LeftBehind

    left = [f"{name} does not answer: {error.summary}" for name, error in done.unanswered.items()]
    left += [f"{run}: {why}" for run, why in done.runs.failed.items()]
    left += [f"{failure.item.key}: {failure.why}" for failure in done.cleaned.failed]
    left += [f"{each.item.key}: {each.in_words}" for each in done.cleaned.skipped if not _is_wanted(each)]
    if left:
        message = "not everything could be stopped and let go"
        raise LeftBehind(message, why="; ".join(left), fix="runctl panic tries again")


def _is_wanted(skipped: Skipped) -> bool:
    """Whether it is left on purpose: it is protected, or stopped already, and its disks are needed."""
    from runctl_core.cleanup import STOP_ENOUGH, Rule
    from runctl_core.models.resources import ResourceState

    rules = {reason.rule for reason in skipped.reasons}
    stopped = skipped.item.resource.state is ResourceState.STOPPED
    return Rule.PROTECTED in rules or (stopped and rules <= STOP_ENOUGH)
