"""Distributions as an installer leaves them, for tests: a module, and a folder of metadata."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PROVIDERS, COMMANDS, PLUGINS = "runctl.providers", "runctl.commands", "runctl.plugins"
FORMATS = "runctl.checkpoint_formats"

HOOK = """
from runctl_core.api import ProviderInfo, hookimpl
@hookimpl
def runctl_provider():
    return ProviderInfo(name={name!r}, title="Theirs", {fields})
"""

PROVIDER = """
from runctl_core.api import ProviderUnavailable, Offer, Price, Resource, TrainingProvider

class Theirs(TrainingProvider):
    def __init__(self, settings):
        self.settings = settings
    def offers(self, request):
        {offers}
    def create_resource(self, spec):
        raise ProviderUnavailable("theirs makes nothing")
    def get_resource(self, resource_id):
        raise ProviderUnavailable("theirs has nothing")
    def list_resources(self):
        return []
    def terminate_resource(self, resource_id):
        pass
    def executor(self, resource):
        raise ProviderUnavailable("theirs runs nothing")
"""


def hook(name: str, fields: str = "factory=object") -> str:
    """The source of a plugin that describes a provider with these fields."""
    return HOOK.format(name=name, fields=fields)


def provider(name: str, offers: str, fields: str = "factory=Theirs") -> str:
    """The source of a plugin with a provider whose `offers` has this body."""
    return PROVIDER.format(offers=offers) + hook(name, fields)


def distribution(
    folder: Path, name: str, source: str, groups: Mapping[str, Mapping[str, str]], version: str = "2.5"
) -> str:
    """Put a distribution into a folder of the path, and return its module's name.

    Args:
        folder: The folder.
        name: The distribution's name.
        source: Its one module.
        groups: Entry-point group to entry name to what it names in the module; empty for the module.
        version: Its version.
    """
    module = f"{name}_plugin".replace("-", "_")
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (folder / f"{module}.py").write_text(source)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: Theirs\n"
    )
    lines = []
    for group, entries in groups.items():
        lines.append(f"[{group}]")
        lines += [
            f"{entry} = {module}{attribute and ':' + attribute}" for entry, attribute in entries.items()
        ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return module
