"""Where a transfer writes to: the contract. `local_target.py` is a folder, `store_target.py` a store.

A file is there under its name only when it is whole, and what lies there is read back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

from runctl_core.transfer.plan import Step, There
from runctl_core.transfer.reading import Progress
from runctl_core.transfer.sources import Source


class Target(ABC):
    """Takes files by name. Methods are called from many threads."""

    @abstractmethod
    def there(self, name: str) -> There | None:
        """What it has under a name. Raises Refused for a name that leads out of it through a link."""

    @abstractmethod
    def pieces(self, name: str) -> Iterator[bytes]:
        """The bytes of a file that it has."""

    @abstractmethod
    def put(self, step: Step, source: Source, progress: Progress) -> None:
        """Copy one file, or one link, and hold what lies there against what was read."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Take a file away."""

    @abstractmethod
    def settle(self, steps: Iterable[Step]) -> None:
        """Delete what killed transfers of the same files left, but for what `steps` go on with."""
