"""`runctl init`: a runctl.toml for this project, with every setting explained."""

from __future__ import annotations

import os
from typing import Annotated

from typer import Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, complete_providers


def init(
    provider: Annotated[
        str | None, Option(help="The provider to begin with.", autocompletion=complete_providers)
    ] = None,
    force: Annotated[bool, Option("--force", help="Replace a file that is there.")] = False,
    json: JsonFlag = False,
) -> None:
    """Write a runctl.toml in this directory, with every setting in a comment.

    Examples:
        runctl init
        runctl init --provider NAME
    """
    from runctl_core.errors import Refused, StateError
    from runctl_core.paths import write_whole
    from runctl_core.plugins import default_provider, load_provider

    path = os.path.join(os.getcwd(), "runctl.toml")
    if os.path.exists(path) and not force:
        raise Refused(f"{path} is there already", fix="runctl init --force, or edit it")
    chosen = default_provider(provider)
    load_provider(chosen)
    try:
        write_whole(path, [_text(chosen).encode()])
    except OSError as error:
        raise StateError(
            f"cannot write {path}", why=error.strerror or str(error), fix="chmod u+w ."
        ) from error
    if json:
        output.print_json({"path": path, "provider": chosen})
        return
    output.note(f"wrote {path}")
    output.note("next: runctl train SCRIPT")


def _text(provider: str) -> str:
    from runctl_core.core_settings import CoreSettings
    from runctl_core.plugins import load_provider
    from runctl_core.settings import Setting, describe

    def commented(setting: Setting) -> str:
        return f"# {setting.help}\n# {setting.name} = {_example(setting.default)}\n"

    parts = ["# Settings of runctl for this project. Flags and RUNCTL_* variables win over them.\n"]
    parts.append(f'provider = "{provider}"\n')
    parts += [commented(s) for s in describe(CoreSettings) if s.name != "provider"]
    own = [s for s in describe(load_provider(provider).settings) if not s.secret]
    if own:
        parts += [f"[providers.{provider}]", *(commented(s) for s in own)]
    return "\n".join(parts)


def _example(default: object) -> str:
    import json

    return '""' if default is None else json.dumps(default, default=float)
