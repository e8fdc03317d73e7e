"""A run's code on a machine that shares no files with this computer: what goes, and what it was."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from runctl_core.errors import UsageError
from runctl_core.paths import ensure_private_dir, run_dir, write_whole

if TYPE_CHECKING:
    from runctl_core.executor import JobExecutor
    from runctl_core.models.runs import Run
    from runctl_core.sync import Selection
    from runctl_core.training.engine import Engine
    from runctl_core.training.plan import Plan


def code_root(script: str) -> str:
    """The folder that goes with a script, with links resolved.

    Raises:
        UsageError: The current directory, in which it is to run, is not in it.
    """
    from runctl_core.sync import project_root

    here, path = os.path.realpath(os.getcwd()), os.path.realpath(script)
    root = project_root(path)
    if root != here and root.startswith(os.path.join(here, "")):
        root = here  # a script below, and no project around it: what is here goes, as a user sees it
    if here != root and not here.startswith(os.path.join(root, "")):
        raise UsageError(
            f"{script} is outside of the current directory",
            why=f"{root} would go to the machine, and {here}, where it is to run, is not in it",
            fix=f"cd {root}, then: runctl train {os.path.relpath(path, root)}",
        )
    return root


def choose_code(plan: Plan) -> Selection:
    """What goes, chosen now. Raises UsageError or Refused for a folder that is no project."""
    from runctl_core.sync import select

    assert plan.code_root is not None  # noqa: S101  the caller asks only for a machine elsewhere
    return select(plan.code_root, include=plan.include)


def bring_code(engine: Engine, run: Run, plan: Plan, executor: JobExecutor, code: Selection) -> str:
    """Bring a run's code to its machine, and return the folder there that the script runs in.

    What went is recorded beside the run: the commit and what was changed since.
    """
    engine.tell(engine.reporter.syncing, code)
    _record(run, code)
    tree = executor.sync(code, progress=lambda done, total: engine.tell(engine.reporter.sent, done, total))
    return os.path.normpath(os.path.join(tree, os.path.relpath(os.path.realpath(plan.workdir), code.root)))


def _record(run: Run, code: Selection) -> None:
    folder = ensure_private_dir(run_dir(run.id))
    document = {
        "root": code.root,
        "commit": code.commit,
        "dirty": code.dirty,
        "files": len(code.files),
        "size_bytes": code.size_bytes,
    }
    write_whole(os.path.join(folder, f"code-{run.attempt}.json"), [json.dumps(document).encode()])
    if code.dirty:
        write_whole(os.path.join(folder, f"code-{run.attempt}.diff"), [code.diff()])
