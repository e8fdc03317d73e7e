"""What `runctl providers new` writes: the package of a provider that passes the author's kit as it stands.

The files of `templates/common` belong to every kind, and those of a kind come on top. In them, `@{NAME}`
and the like stand for the new provider's names.
"""

from __future__ import annotations

from runctl_core.scaffold.names import Names, new_names
from runctl_core.scaffold.package import Kind, package, write

__all__ = ["Kind", "Names", "new_names", "package", "write"]
