"""A store from a real distribution: `shelf://NAME/…`, a folder that misbehaves on demand.

The faults of a shelf lie in its folder, in `faults/`, as files of a fault's name, each with how often it
still strikes: so that a test can order one, and see that it came, whatever process meets it.
"""

from __future__ import annotations

from pathlib import Path

from distributions import distribution

STORE = """
import os
from datetime import UTC, datetime
from pathlib import Path
from runctl_core.api import NotFound, ProviderUnavailable, StateError, Store, StoredFile

class Shelf(Store):
    def __init__(self, place):
        super().__init__(place)
        self._root = Path(os.environ["SHELF_DIR"]) / place
    def list(self, prefix):
        for path in sorted(self._root.rglob("*")):
            name = path.relative_to(self._root).as_posix()
            if path.is_file() and name.startswith(prefix) and not path.name.startswith("~"):
                found = path.stat()
                yield StoredFile(name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))
    def read(self, name, offset, limit):
        if self._strikes("break"):
            raise ProviderUnavailable("the shelf is shaking")
        if self._strikes("cut"):
            return b""
        try:
            with open(self._root / name, "rb") as file:
                file.seek(offset)
                return file.read(min(limit, 100_000))
        except OSError as error:
            raise NotFound(f"no {name} on the shelf") from error
    def write(self, name, pieces):
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"~{os.getpid()}-{path.name}")
        with open(partial, "wb") as file:
            for piece in pieces:
                file.write(piece)
                if self._strikes("drop"):
                    raise ProviderUnavailable("the shelf fell down")
                if self._strikes("full"):
                    raise StateError("the shelf is full", fix="make room on the shelf")
            if self._strikes("spoil"):
                file.seek(0)
                file.write(b"?")
        os.replace(partial, path)
    def delete(self, name):
        (self._root / name).unlink(missing_ok=True)
    def _strikes(self, fault):
        path = Path(os.environ["SHELF_DIR"]) / "faults" / fault
        left = int(path.read_text()) if path.exists() else 0
        if left:
            path.write_text(str(left - 1))
        return left > 0
"""


class ShelfFolder:
    """Where the shelves are, for tests.

    Args:
        root: A folder for them.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "faults").mkdir(parents=True)

    def order(self, fault: str, times: int = 1) -> None:
        """Let the next calls meet a fault: `break`, `cut`, `drop`, `full`, `spoil`."""
        (self.root / "faults" / fault).write_text(str(times))

    def came(self, fault: str) -> bool:
        """Whether everything that was ordered came."""
        return (self.root / "faults" / fault).read_text() == "0"

    def files(self, place: str) -> dict[str, bytes]:
        """What stands on a shelf, by name."""
        base = self.root / place
        return {
            path.relative_to(base).as_posix(): path.read_bytes() for path in base.rglob("*") if path.is_file()
        }


def install(folder: Path) -> None:
    """Put the distribution of the store into a folder of the path."""
    distribution(folder, "runctl-shelf", STORE, {"runctl.stores": {"shelf": "Shelf"}})
