"""`runctl providers new`: the package of a new provider, that works as it stands."""

from __future__ import annotations

import os
from typing import Annotated, Literal

from typer import Argument, Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag


def new(
    name: Annotated[str, Argument(metavar="NAME", help="What --provider will take, such as `my-cloud`.")],
    directory: Annotated[
        str | None, Option(metavar="DIR", help="Where to write it; ./runctl-NAME by default.")
    ] = None,
    kind: Annotated[
        Literal["rest", "sdk", "jobs"],
        Option(
            metavar="rest|sdk|jobs",
            help="Machines behind a REST API or a vendor's Python client, or a service that runs jobs.",
        ),
    ] = "rest",
    json: JsonFlag = False,
) -> None:
    """Write the package of a new provider: the plugin, its settings, tests, CI, a README.

    It installs, passes the author's kit against a fake cloud, and trains on it, as it stands.

    Examples:
        runctl providers new my-cloud
        runctl providers new my-cloud --kind jobs --directory ~/src/runctl-my-cloud
    """
    from runctl_core.plugins import provider_names
    from runctl_core.scaffold import new_names, package, write

    names = new_names(name, installed=provider_names())
    folder = os.path.abspath(os.path.expanduser(directory or names.distribution))
    texts = package(names, kind)
    write(folder, texts)
    if json:
        output.print_json(
            {
                "provider": name,
                "kind": kind,
                "distribution": names.distribution,
                "module": names.module,
                "path": folder,
                "files": list(texts),
            }
        )
        return
    output.lines([folder])
    output.notes((path, "") for path in texts)
    shown = os.path.relpath(folder)
    shown = folder if shown.startswith(os.pardir) else shown
    output.note(f"next: pip install -e '{shown}[test]' && pytest {shown}")
    output.note(f"then: {shown}/README.md says how to train on it")
