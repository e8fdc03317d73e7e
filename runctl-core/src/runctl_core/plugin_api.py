"""Which plugin APIs this core speaks: today's and the one before it, which works with a warning."""

from __future__ import annotations

from runctl_core.errors import PluginError
from runctl_core.provider import API_VERSION, OLDEST_API


def require_fitting_api(
    api: object, distribution: str, *, oldest: int = OLDEST_API, newest: int = API_VERSION
) -> str:
    """Say what is to be known of a plugin that was made for `api`; nothing when that is today's.

    Args:
        api: What the plugin says; anything, as plugins go.
        distribution: The distribution that brings it.
        oldest: The oldest API that works.
        newest: Today's.

    Raises:
        PluginError: It does not work, and which of the two is to be upgraded.
    """
    if isinstance(api, int) and oldest <= api <= newest:
        return "" if api == newest else _ageing(api, distribution, newest)
    spoken = str(newest) if oldest == newest else f"{oldest} and {newest}"
    too_old = "runctl-core" if isinstance(api, int) and api > newest else distribution
    raise PluginError(
        f"it was made for plugin API {api}, and this runctl-core speaks {spoken}:"
        f" pip install --upgrade {too_old}"
    )


def _ageing(api: int, distribution: str, newest: int) -> str:
    return (
        f"it was made for plugin API {api}, and this runctl-core speaks {newest}: it works, and will stop"
        f" with plugin API {newest + 1}: pip install --upgrade {distribution}"
    )
