"""`runctl adopt`, `ignore` and `protect`: what the user says of a resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from runctl_core.inventory import Item
    from runctl_core.models.marks import Mark, Marked
    from runctl_core.models.runs import Run

ResourceArgument = Annotated[
    str, Argument(metavar="RESOURCE", help="`PROVIDER/ID`, or an id or a name that only one has.")
]
WhyOption = Annotated[str, Option("--why", metavar="TEXT", help="Your reason; lists show it.")]
UndoFlag = Annotated[bool, Option("--undo", help="Take it back.")]


def adopt(
    resource: ResourceArgument, why: WhyOption = "", undo: UndoFlag = False, json: JsonFlag = False
) -> None:
    """Count a resource as yours: it is listed, its money counts, cleanup may end it, orphans leaves it out.

    The run that it was made for comes into the books where its job can still be reached, so that `logs`,
    `pull` and `cost` work. Otherwise its money counts from the time when it was made, as an estimate.

    Examples:
        runctl adopt mycloud/i-0123
        runctl adopt mycloud/i-0123 --undo
    """
    from runctl_core.models.marks import Mark
    from runctl_core.training.adopt import adopt as adopt_item

    session = Session()
    if undo:
        _take_back(session, resource, Mark.ADOPTED, json)
        return
    item = session.item(resource)
    provider = session.provider(item.resource.provider)
    adopted = adopt_item(session.engine, provider, item, why=why, by=session.owner)
    _tell(session, item, "is yours now", json, adopted.run, adopted.why)


def ignore(
    resource: ResourceArgument, why: WhyOption = "", undo: UndoFlag = False, json: JsonFlag = False
) -> None:
    """Report a resource no more: orphans and insights leave it out. Lists still show it.

    Examples:
        runctl ignore mycloud/i-0123 --why "the team's database"
        runctl ignore mycloud/i-0123 --undo
    """
    from runctl_core.models.marks import Mark

    _set(resource, Mark.IGNORED, why, undo, "is ignored", json)


def protect(
    resource: ResourceArgument, why: WhyOption = "", undo: UndoFlag = False, json: JsonFlag = False
) -> None:
    """Let nothing of runctl delete a resource, not even with --force.

    Examples:
        runctl protect mycloud/i-0123 --why "the paper's weights"
        runctl protect mycloud/i-0123 --undo
    """
    from runctl_core.models.marks import Mark

    _set(resource, Mark.PROTECTED, why, undo, "is protected", json)


def _set(ref: str, mark: Mark, why: str, undo: bool, words: str, json: bool) -> None:
    session = Session()
    if undo:
        _take_back(session, ref, mark, json)
        return
    item = session.item(ref)
    session.tracker.marks.set(*_place(item), mark, why=why, by=session.owner)
    _tell(session, item, words, json, item.run)


def _tell(session: Session, item: Item, words: str, json: bool, run: Run | None, no_run: str = "") -> None:
    """Say what is true of the resource now."""
    if json:
        output.print_json(_document(session, *_place(item), run, no_run))
        return
    output.note(f"{item.key} {words}")
    if run is not None:
        output.notes([("its run", f"runctl status {run.id}"), ("its output", f"runctl logs {run.id}")])
    if no_run:
        output.note(f"  its run is not in these books: {no_run}")


def _document(
    session: Session, provider: str, resource_id: str, run: Run | None = None, no_run: str = ""
) -> dict[str, object]:
    from runctl_core.inventory.documents import of_mark

    marks = [of_mark(marked) for marked in session.tracker.marks.of(provider, resource_id).values()]
    return {
        "provider": provider,
        "resource": resource_id,
        "marks": marks,
        "run": None if run is None else run.id,
        "no_run": no_run,
    }


def _take_back(session: Session, ref: str, mark: Mark, json: bool) -> None:
    """Take a mark back; also of what is gone by now, so the mark itself says what is meant."""
    marked = _marked(session, ref, mark)
    session.tracker.marks.unset(marked.provider, marked.resource_id, mark)
    if json:
        output.print_json(_document(session, marked.provider, marked.resource_id))
    else:
        output.note(f"{marked.provider}/{marked.resource_id} is not {mark} any more")


def _marked(session: Session, ref: str, mark: Mark) -> Marked:
    from runctl_core.errors import NotFound

    having = [m for m in session.tracker.marks.all() if m.mark is mark]
    names = {item.key: item.resource.name for item in session.known_inventory().items}

    def key(m: Marked) -> str:
        return f"{m.provider}/{m.resource_id}"

    for told in (key, lambda m: m.resource_id, lambda m: names.get(key(m))):
        found = [m for m in having if told(m) == ref]
        if len(found) == 1:
            return found[0]
    keys = ", ".join(map(key, having))
    raise NotFound(f"{ref} is not {mark}", why=f"{mark}: {keys or 'nothing'}", fix="runctl resources list")


def _place(item: Item) -> tuple[str, str]:
    return item.resource.provider, item.resource.id
