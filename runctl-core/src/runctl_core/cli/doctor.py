"""`runctl doctor`: is everything there that a run needs?"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Exit

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, complete_providers
from runctl_core.errors import RunctlError, StateError
from runctl_core.models.checks import Check, Verdict

if TYPE_CHECKING:
    from runctl_core.plugins import PluginReport

_LITTLE_ROOM = 1 << 30
_VERDICT_WIDTH = max(map(len, Verdict))


def doctor(
    name: Annotated[
        str | None,
        Argument(metavar="[PROVIDER]", help="Only this one.", autocompletion=complete_providers),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Check this computer, the configuration and every plugin.

    Examples:
        runctl doctor
        runctl doctor --json
    """
    from runctl_core.plugins import load_all, load_report

    reports = [load_report(name)] if name else load_all()
    found = [] if name else [*_computer(), *_state(), *_configuration()]
    for report in reports:
        found += _plugin(report)
    if not name:
        found += [*_command_groups(), *_checkpoint_formats(), *_stores(), *_protectors()]
    _show(found, json)
    if any(check.verdict is Verdict.FAILED for check in found):
        raise Exit(StateError.exit_status)


def _computer() -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check("Python", Verdict.OK, f"{version} ({sys.executable})")
    git = shutil.which("git")
    yield Check(
        "git", Verdict.OK if git else Verdict.WARNING, git or "not on PATH", "" if git else "install git"
    )


def _state() -> Iterator[Check]:
    from runctl_core.paths import ensure_private_dir, state_dir
    from runctl_core.tracking import ResourceTracker

    path = state_dir()
    try:
        ensure_private_dir(path)
        runs = len(ResourceTracker().runs())
    except RunctlError as error:
        yield Check("state", Verdict.FAILED, f"{error.message}: {error.why}", error.fix)
        return
    yield Check("state", Verdict.OK, f"{runs} runs in {path}")
    free = shutil.disk_usage(path).free
    verdict = Verdict.OK if free > _LITTLE_ROOM else Verdict.WARNING
    fix = "" if verdict is Verdict.OK else "make room, or set RUNCTL_STATE_DIR"
    yield Check("disk", verdict, f"{output.size(free)} free", fix)


def _configuration() -> Iterator[Check]:
    from runctl_core.config import load, strange_variables, unused_sections

    try:
        config = load(directory=os.getcwd())
    except RunctlError as error:
        yield Check("configuration", Verdict.FAILED, f"{error.message}: {error.why}", error.fix)
        return
    yield Check("configuration", Verdict.OK, ", ".join(layer.origin for layer in config.layers) or "defaults")
    for warning in (*unused_sections(config), *strange_variables()):
        yield Check("configuration", Verdict.WARNING, warning, "runctl config validate")


def _plugin(report: PluginReport) -> Iterator[Check]:
    from runctl_core.config import load
    from runctl_core.plugins import checks_of

    if report.info is None:
        fix = f"pip install --upgrade {report.distribution}, or RUNCTL_PLUGINS without it"
        yield Check(f"provider {report.name}", Verdict.FAILED, f"{report.source}: {report.error}", fix)
        return
    if report.warning:
        fix = f"tell the author of {report.distribution}"
        yield Check(f"provider {report.name}", Verdict.WARNING, f"{report.source}: {report.warning}", fix)
    else:
        yield Check(f"provider {report.name}", Verdict.OK, report.source)
    try:
        settings = load(directory=os.getcwd()).provider_settings(report.name, report.info.settings)
    except RunctlError as error:
        yield Check(f"{report.name} settings", Verdict.FAILED, f"{error.message}: {error.why}", error.fix)
        return
    for check in checks_of(report, settings):
        yield Check(f"{report.name}: {check.name}", check.verdict, check.detail, check.fix)


def _command_groups() -> Iterator[Check]:
    from runctl_core.cli.table import taken
    from runctl_core.errors import PluginError
    from runctl_core.plugins import LOAD_TIMEOUT_S, command_groups, load_command_group
    from runctl_core.timeouts import TooLate, within

    for point in command_groups():
        name, load = f"command {point.name}", partial(load_command_group, point, taken())
        fix = f"pip install --upgrade {point.distribution}, or pip uninstall it"
        try:
            within(LOAD_TIMEOUT_S, load, name=name)
        except PluginError as error:
            yield Check(name, Verdict.FAILED, error.why, fix)
        except TooLate:
            yield Check(name, Verdict.FAILED, f"{point.source}: it did not load in time", fix)
        else:
            yield Check(name, Verdict.OK, point.source)


def _checkpoint_formats() -> Iterator[Check]:
    from runctl_core.plugins import checkpoint_formats

    points = checkpoint_formats()
    if not points:
        return
    from runctl_core.checkpoints.formats import broken, of_plugins

    of_plugins()
    errors = {one.name: one.error for one in broken()}
    for point in points:
        name = f"checkpoint format {point.name}"
        if error := errors.get(point.name):
            fix = f"pip install --upgrade {point.distribution}, or pip uninstall it"
            yield Check(name, Verdict.FAILED, f"{point.source}: {error}", fix)
        else:
            yield Check(name, Verdict.OK, point.source)


def _stores() -> Iterator[Check]:
    from functools import partial

    from runctl_core.plugins import LOAD_TIMEOUT_S
    from runctl_core.stores.opening import load_store, stores
    from runctl_core.timeouts import TooLate, within

    for point in stores():
        name = f"store {point.name}://"
        fix = f"pip install --upgrade {point.distribution}, or pip uninstall it"
        try:
            within(LOAD_TIMEOUT_S, partial(load_store, point), name=name)
        except RunctlError as error:
            yield Check(name, Verdict.FAILED, error.why, fix)
        except TooLate as error:
            yield Check(name, Verdict.FAILED, f"{point.source}: {error}", fix)
        else:
            yield Check(name, Verdict.OK, point.source)


def _protectors() -> Iterator[Check]:
    from runctl_core.vetoes import Vetoes

    for point, why in Vetoes().unfit():
        name, fix = f"plugin {point.name}", f"pip install --upgrade {point.distribution}, or pip uninstall it"
        if why:
            yield Check(name, Verdict.FAILED, f"{point.source}: {why}; so nothing can be deleted", fix)
        else:
            yield Check(name, Verdict.OK, point.source)


def _show(found: list[Check], json: bool) -> None:
    if json:
        rows: list[dict[str, Any]] = [
            {"name": c.name, "verdict": str(c.verdict), "detail": c.detail, "fix": c.fix} for c in found
        ]
        output.print_json(rows)
        return
    if output.results().isatty():
        output.lines(line for check in found for line in _in_full(check, max(len(c.name) for c in found)))
        return
    rows_shown = [(str(c.verdict), c.name, c.detail, c.fix) for c in found]
    output.table(("VERDICT", "CHECK", "DETAIL", "FIX"), rows_shown, empty="nothing to check")


def _in_full(check: Check, width: int) -> Iterator[str]:
    """A check as a person reads it: an error that is cut off helps nobody."""
    yield f"{check.verdict:<{_VERDICT_WIDTH}}  {check.name:<{width}}  {check.detail}".rstrip()
    if check.fix:
        yield f"{'':<{_VERDICT_WIDTH}}  {'':<{width}}  fix: {check.fix}"
