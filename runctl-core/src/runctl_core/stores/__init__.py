"""Where files may lie besides a machine's disk: the contract. `local.py` is a folder.

Four calls. A plugin brings a store under the entry-point group `runctl.stores`; the entry's name is
the scheme of its URLs (`s3://BUCKET/a/b`), and nothing is imported before it is named.
"""

from __future__ import annotations

from runctl_core.stores.contract import Store, StoredFile
from runctl_core.stores.opening import Place, is_url, open_url

__all__ = ["Place", "Store", "StoredFile", "is_url", "open_url"]
