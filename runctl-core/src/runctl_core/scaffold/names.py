"""The names of a new provider, all made from one."""

from __future__ import annotations

import re
from collections.abc import Collection
from importlib.util import find_spec

from attrs import frozen

from runctl_core import __version__
from runctl_core.errors import Refused, UsageError
from runctl_core.provider import API_VERSION

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 24
_RESERVED = frozenset({"any", "core", "none", "runctl"})


@frozen
class Names:
    """What a new provider is called, where.

    Attributes:
        name: The provider's own name, and its entry point's: `my-cloud`.
    """

    name: str

    @property
    def distribution(self) -> str:
        """What `pip install` takes, `runctl-my-cloud`; the folder has the same name."""
        return f"runctl-{self.name}"

    @property
    def module(self) -> str:
        """What `import` takes, `runctl_my_cloud`."""
        return f"runctl_{self.name.replace('-', '_')}"

    def all(self) -> dict[str, str]:
        """Every name by what stands for it in a template."""
        major, minor, *_ = __version__.split(".")
        return {
            "NAME": self.name,
            "DISTRIBUTION": self.distribution,
            "MODULE": self.module,
            "TITLE": " ".join(map(str.capitalize, self.name.split("-"))),
            "VARIABLE": f"RUNCTL_{self.name.replace('-', '_').upper()}",
            "CORE": f"{major}.{minor}",
            "API": str(API_VERSION),
        }


def new_names(name: str, *, installed: Collection[str]) -> Names:
    """The names of a provider that there is not yet.

    Args:
        name: Its name, as the user gave it.
        installed: The names of the installed providers.

    Raises:
        UsageError: No provider may have that name.
        Refused: Another one has it here.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise UsageError(
            f"{name!r} is no name for a provider",
            why=f"it has small letters, digits, and single dashes between them, {_LONGEST} at most",
            fix="runctl providers new my-cloud",
        )
    if name in _RESERVED:
        raise UsageError(f"{name!r} has a meaning of its own in runctl", fix="runctl providers new my-cloud")
    names = Names(name)
    if name in installed or find_spec(names.module):
        raise Refused(
            f"a provider {name} is installed already",
            why=f"two of one name hide each other, and so do two packages {names.module}",
            fix=f"choose another name, or: pip uninstall {names.distribution}",
        )
    return names
