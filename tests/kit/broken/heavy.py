"""A provider whose module imports its cloud's client at the top."""

from __future__ import annotations

import http.client

from kit.small_provider import SmallProvider, runctl_provider

__all__ = ["BROKEN", "runctl_provider"]


class ImportsItsClient(SmallProvider):
    """`runctl --help` waits for the client of every cloud."""

    breaks = "test_the_plugin_imports_no_cloud_client"
    client = http.client.HTTPSConnection


BROKEN = (ImportsItsClient,)
