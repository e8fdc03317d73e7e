"""Checks of the plugin: light to import, honest about itself, and silent about its keys."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from runctl_core.models.resources import Resource
from runctl_core.provider import API_VERSION, CAPABILITIES, OLDEST_API, ProviderInfo, TrainingProvider
from runctl_core.testing.check import broken, check
from runctl_core.testing.driven import Driven, not_applicable
from runctl_core.testing.fixtures import Fixtures

_LIGHT = ("asyncio", "http.client", "httpx", "requests", "urllib3", "aiohttp", "grpc", "asyncssh", "boto3")
"""Modules that a plugin's module may not bring: a client of a cloud, and what such clients are made of."""

_IMPORTS = """
import sys
import runctl_core.api, runctl_core.settings
before = set(sys.modules)
import importlib
importlib.import_module(sys.argv[1])
print("\\n".join(sorted(set(sys.modules) - before)))
"""


class PluginChecks(Fixtures):
    """What a plugin says of its provider, and what it costs to ask it."""

    def _module(self) -> str:
        point = self.installed()
        return point.value.partition(":")[0] if point else self.plugin_module

    @check("importing the plugin's module imports no cloud client", tests="runctl_provider")
    def test_the_plugin_imports_no_cloud_client(self) -> None:
        """Imports the module in a new Python, and looks at what came with it."""
        if not (module := self._module()):
            not_applicable("the suite names neither entry_point nor plugin_module")
        paths = os.pathsep.join(path for path in sys.path if path)
        done = subprocess.run(
            [sys.executable, "-c", _IMPORTS, module],
            env=dict(os.environ) | {"PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            broken(expected=f"{module} can be imported", found=done.stderr.strip().splitlines()[-1])
        heavy = [name for name in done.stdout.split() if name in _LIGHT]
        if heavy:
            broken(
                expected="imports of a client inside functions only", found=f"it brings {', '.join(heavy)}"
            )

    @check("the plugin's name is its entry point's", tests="runctl_provider")
    def test_the_name_is_the_entry_points(self, info: ProviderInfo) -> None:
        """Compares `ProviderInfo.name` with the entry point."""
        if self.entry_point and info.name != self.entry_point:
            broken(expected=self.entry_point, found=info.name)

    @check("the plugin was made for a plugin API that this core speaks", tests="runctl_provider")
    def test_the_api_version_fits(self, info: ProviderInfo) -> None:
        """Looks at `ProviderInfo.api`."""
        if info.api not in range(OLDEST_API, API_VERSION + 1):
            broken(expected=f"an api from {OLDEST_API} to {API_VERSION}", found=f"api={info.api}")

    @check(
        "what is declared absent is a known capability, with a sentence as its reason",
        tests="runctl_provider",
    )
    def test_reasons_are_sentences(self, info: ProviderInfo) -> None:
        """Looks at each entry of `ProviderInfo.unsupported`."""
        for name, reason in info.unsupported.items():
            if name not in CAPABILITIES:
                broken(expected=f"one of {', '.join(CAPABILITIES)}", found=name)
            if len(reason.split()) < 3:
                broken(expected=f"why there is no {name}, in a sentence for users", found=reason)

    @check("the plugin has a title for people", profile="recommended", tests="runctl_provider")
    def test_the_plugin_has_a_title(self, info: ProviderInfo) -> None:
        """Looks at `ProviderInfo.title`."""
        if not info.title.strip():
            broken(expected="a title", found=info.title)

    @check("the settings can be read, and each says what it means", tests="runctl_provider")
    def test_settings_are_described(self, info: ProviderInfo) -> None:
        """Describes the settings class as `runctl config` does."""
        from runctl_core.settings import describe

        for setting in describe(info.settings):
            if not setting.help:
                broken(expected=f"a help text for the setting {setting.name}", found="none")

    @check("settings that hold a key are declared secret", tests="runctl_provider")
    def test_keys_are_secret_settings(self, info: ProviderInfo) -> None:
        """Looks for settings that are called like a key, and are shown like any other."""
        from runctl_core.settings import describe

        for setting in describe(info.settings):
            words = setting.name.lower().split("_")
            called = {"token", "secret", "password", "credential"} & set(words) or "api_key" in setting.name
            if called and not setting.secret:
                broken(expected=f"setting(secret=True) for {setting.name}", found="it is shown to everybody")

    @check("the factory makes the provider that is checked", tests="runctl_provider")
    def test_the_factory_makes_the_provider(self, info: ProviderInfo, provider: TrainingProvider) -> None:
        """Looks at what the suite made: one of the classes of the contract."""
        makes = callable(info.factory) or isinstance(info.factory, str)
        if not isinstance(provider, TrainingProvider) or not makes:
            broken(expected="a TrainingProvider, and a factory for it", found=provider)

    @check("no key stands in the repr of the provider, nor of what it gives", tests="runctl_provider")
    def test_no_secret_is_in_a_repr(
        self, provider: TrainingProvider, machine: Resource, fake: Driven
    ) -> None:
        """Writes out the provider, what it holds, a machine and its executor, as a traceback would."""
        held: list[Any] = [provider, machine, provider.executor(machine), list(provider.offers(self.wanted))]
        held += list(getattr(provider, "__dict__", {}).values())
        for value in held:
            for text in (repr(value), str(value)):
                if any(secret in text for secret in fake.secrets):
                    broken(expected="no key when it is written out", found=f"the key, in a {type(value)}")
