"""Bringing a live run's checkpoints home from a machine that shares no files, each once.

What was brought is remembered beside the run, so that the next look fetches only what is new or changed.
One that is being written while it is fetched is left for the next time: at home nothing half made appears.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress

from runctl_core.errors import NotFound, RunctlError, StateError, Unsupported
from runctl_core.executor import JobExecutor
from runctl_core.locks import alone
from runctl_core.models.runs import Run, handle_of
from runctl_core.paths import run_dir, write_whole
from runctl_core.training.placing import place
from runctl_core.training.plan import Plan
from runctl_core.training.run_files import staging

_EVERY_S = 30.0

Stamps = dict[str, list[int]]
"""Of each file its size in bytes and its modification time in nanoseconds."""


def bring_home(run: Run, plan: Plan, executor: JobExecutor, *, live: bool) -> None:
    """Fetch the checkpoints of a job that are not at home yet as they are there.

    Args:
        run: The run.
        plan: What it was asked to do.
        executor: Of its machine; one that shares files needs nothing.
        live: Whether the job may be writing.

    Raises:
        StateError: This disk does not take them.
        RunctlError: What the executor raised.
    """
    if executor.shares_files:
        return
    handle, home = handle_of(run), plan.checkpoint_directory(run.id)
    source = executor.status(handle).checkpoint_dir
    if not source:
        return
    try:
        there = _listed(executor, handle, source)
    except NotFound:
        return
    except Unsupported:
        there = None
    try:
        os.makedirs(home, exist_ok=True)
        if there is not None:
            _bring(run, executor, source, home, there, live=live)
        elif not live:  # nobody tells what changed: all of it, once, at the end
            _bring_all(run, executor, source, home)
    except OSError as error:
        raise StateError(
            f"the checkpoints of {run.id} could not be brought home",
            why=f"{error.strerror or error}: {error.filename or home}",
            fix=f"make room, then: runctl pull {run.id}",
        ) from error


def _bring(
    run: Run, executor: JobExecutor, source: str, home: str, there: Mapping[str, Stamps], *, live: bool
) -> None:
    known, handle = _ledger(run), handle_of(run)
    wanted = [
        name
        for name, stamps in there.items()
        if known.get(name) != stamps or not os.path.lexists(os.path.join(home, name))
    ]
    for name in wanted:
        with staging(run.id) as folder:
            fresh = os.path.join(folder, name)
            try:
                executor.fetch(handle, f"{source}/{name}", fresh)
            except NotFound:
                continue  # the script deleted it meanwhile
            if live and _listed(executor, handle, source).get(name) != there[name]:
                continue
            with alone(run_dir(run.id)):
                latest = _ledger(run)
                if live and latest.get(name) != known.get(name):
                    continue  # another command brought it meanwhile, and maybe a newer one
                place(fresh, os.path.join(home, name), known=latest.get(name, ()))
                latest[name] = there[name]
                write_whole(_ledger_path(run), [json.dumps(latest).encode()])


def _bring_all(run: Run, executor: JobExecutor, source: str, home: str) -> None:
    with staging(run.id) as folder:
        fresh = os.path.join(folder, "all")
        try:
            executor.fetch(handle_of(run), source, fresh)
        except NotFound:
            return  # it saved nothing
        with alone(run_dir(run.id)):
            for name in os.listdir(fresh):
                place(os.path.join(fresh, name), os.path.join(home, name))


def _listed(executor: JobExecutor, handle: str, source: str) -> dict[str, Stamps]:
    """The files below each name in a folder there. Names are the machine's: none leads out of it."""
    found: dict[str, Stamps] = {}
    for path, stamp in executor.files(handle, source).items():
        first = path.split("/")[0]
        if first not in ("", ".", ".."):
            found.setdefault(first, {})[path] = list(stamp)
    return found


def _ledger_path(run: Run) -> str:
    return os.path.join(run_dir(run.id), f"attempt-{run.attempt}.checkpoints.json")


def _ledger(run: Run) -> dict[str, Stamps]:
    try:
        with open(_ledger_path(run), encoding="utf-8") as file:
            known = json.load(file)
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


class Homecoming:
    """Brings checkpoints home beside the following of a run, which is never held up by it."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._next = time.monotonic() + _EVERY_S

    def look(self, run: Run, plan: Plan, executor: JobExecutor) -> None:
        """Begin to bring what is new, now and then."""
        busy = self._thread is not None and self._thread.is_alive()
        if executor.shares_files or busy or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY_S

        def bring() -> None:
            with suppress(RunctlError):  # the next look, or the end of the run, tries again and says why
                bring_home(run, plan, executor, live=True)

        self._thread = threading.Thread(target=bring, daemon=True)
        self._thread.start()
