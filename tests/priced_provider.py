"""A provider like this computer, but at a price, installed for a test as an author's plugin would be."""

from __future__ import annotations

from homes import Home

_PLUGIN = """
from decimal import Decimal
from attrs import evolve
from runctl_core.api import Price, ProviderInfo, hookimpl
from runctl_local.provider import LocalProvider
from runctl_local.settings import Settings

PRICE = Price({price}, source="test")

class Priced(LocalProvider):
    def offers(self, request):
        return [evolve(o, provider="priced", price=PRICE) for o in super().offers(request)]
    def create_resource(self, spec):
        return evolve(super().create_resource(spec), provider="priced", price=PRICE)

@hookimpl
def runctl_provider():
    return ProviderInfo(name="priced", title="Priced", factory=Priced, settings=Settings)
"""

DOLLAR_A_SECOND = 'Decimal("3600")'


def install(home: Home, price: str = DOLLAR_A_SECOND) -> Home:
    """Install `priced`, with the price of an hour as Python writes it, and make it the default."""
    home.write("plugins/priced_plugin.py", _PLUGIN.replace("{price}", price))
    home.write("plugins/priced-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: priced\nVersion: 1.0\n")
    home.write(
        "plugins/priced-1.0.dist-info/entry_points.txt", "[runctl.providers]\npriced = priced_plugin\n"
    )
    home.env |= {"PYTHONPATH": str(home.work / "plugins"), "RUNCTL_PROVIDER": "priced"}
    return home
