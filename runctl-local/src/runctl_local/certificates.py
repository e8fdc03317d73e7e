"""Whom uv trusts here: the authorities of this computer, as pip and curl do, when it has a list.

uv brings a list of its own, and an authority that a company or a laboratory added is not in it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

_LISTS = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_CHOSEN = ("UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "SSL_CERT_FILE", "SSL_CERT_DIR")


def trust(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables for uv; none where the user chose, or where this computer has no list."""
    if any(name in environ for name in _CHOSEN) or not any(map(os.path.exists, _LISTS)):
        return {}
    return {"UV_SYSTEM_CERTS": "1"}
