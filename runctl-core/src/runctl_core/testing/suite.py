"""`ProviderSuite`: every check, for an author to inherit, and the fixtures that the author fills in."""

from __future__ import annotations


class ProviderSuite:
    """Holds a provider to the contract."""
