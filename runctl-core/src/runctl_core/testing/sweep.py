"""Ends what the kit made at a real cloud and did not end itself: after kill -9, a crash, a lost laptop.

    python -m runctl_core.testing.sweep mycloud.live:make_provider

`make_provider` takes nothing and returns the provider. Run one live check of an account at a time: a
sweep ends everything there that any run of the kit made.
"""

from __future__ import annotations

import importlib
import sys

from runctl_core.errors import LeftBehind, RunctlError, UsageError
from runctl_core.models.resources import Resource
from runctl_core.provider import TrainingProvider
from runctl_core.testing.check import BrokenPromise
from runctl_core.testing.expect import is_gone, until
from runctl_core.testing.launcher import PROJECT

ENDING_S = 300.0
"""How long everything may take to be gone after it was terminated, in seconds."""


def leftovers(provider: TrainingProvider) -> list[Resource]:
    """What the kit made there, by its tags, and is not gone."""
    return [r for r in provider.list_resources() if r.project == PROJECT and not r.state.gone]


def sweep(provider: TrainingProvider, *, timeout_s: float = ENDING_S) -> list[str]:
    """End everything that the kit made there, and return the ids of it.

    Raises:
        LeftBehind: Something is still there, and costs money.
        RunctlError: What the provider raises.
    """
    ids = [resource.id for resource in leftovers(provider)]
    for resource_id in ids:
        provider.terminate_resource(resource_id)
    for resource_id in ids:
        try:
            until(lambda i=resource_id: is_gone(provider, i), expected="it is gone", timeout_s=timeout_s)  # type: ignore[misc]
        except BrokenPromise as error:
            raise LeftBehind(
                f"{resource_id} is still there", why=error.found, fix="end it at its provider's own page"
            ) from error
    return ids


def main(words: list[str]) -> int:
    """Sweep what a factory's provider has. The exit status is that of the error, 0 for none."""
    try:
        ids = sweep(_provider(words))
    except RunctlError as error:
        sys.stderr.write(f"{error.summary}\n{error.fix}\n")
        return error.exit_status
    sys.stdout.write("".join(f"ended {resource_id}\n" for resource_id in ids) or "nothing was left\n")
    return 0


def _provider(words: list[str]) -> TrainingProvider:
    module, colon, factory = (words[0] if len(words) == 1 else "").partition(":")
    if not (module and colon and factory):
        raise UsageError(
            "one word is needed, MODULE:FACTORY", fix="python -m runctl_core.testing.sweep mycloud:make"
        )
    provider: TrainingProvider = getattr(importlib.import_module(module), factory)()
    return provider


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
