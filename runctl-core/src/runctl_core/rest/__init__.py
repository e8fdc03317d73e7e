"""A JSON client for providers whose cloud is a REST service (extra `[rest]`)."""

from __future__ import annotations

from runctl_core.rest.answers import Answer
from runctl_core.rest.client import RestClient

__all__ = ["Answer", "RestClient"]
