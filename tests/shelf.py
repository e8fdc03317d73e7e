"""A store from a real distribution: `shelf://NAME/…`, a folder that misbehaves on demand.

The faults of a shelf lie in its folder, in `faults/`, a file for each time that one is still to strike:
so that a test can order one, and see that it came, whatever process or thread meets it.
"""

from __future__ import annotations

from pathlib import Path

from distributions import distribution
from homes import Home

STORE = """
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import get_ident
from runctl_core.api import NotFound, ProviderUnavailable, StateError, Store, StoredFile

class Shelf(Store):
    def __init__(self, place):
        super().__init__(place)
        self._root = Path(os.environ["SHELF_DIR"]) / place
    def list(self, prefix):
        if self._strikes("deaf"):
            raise ProviderUnavailable("the shelf does not hear")
        for path in sorted(self._root.rglob("*")):
            name = path.relative_to(self._root).as_posix()
            if path.is_file() and name.startswith(prefix):
                found = path.stat()
                yield StoredFile(name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))
    def read(self, name, offset, limit):
        while offset >= 20_000_000 and (Path(os.environ["SHELF_DIR"]) / "faults" / "hold").exists():
            time.sleep(0.01)
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
        partial = Path(os.environ["SHELF_DIR"]) / "tmp" / f"{os.getpid()}-{get_ident()}"
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
        for path in (Path(os.environ["SHELF_DIR"]) / "faults").glob(f"{fault}-*"):
            try:
                path.unlink()
            except FileNotFoundError:
                continue
            return True
        return False
"""


class ShelfFolder:
    """Where the shelves are, for tests.

    Args:
        root: A folder for them.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("faults", "tmp"):
            (root / name).mkdir(parents=True)

    def order(self, fault: str, times: int = 1) -> None:
        """Let the next calls meet a fault: `deaf`, `break`, `cut`, `drop`, `full`, `spoil`."""
        for number in range(times):
            (self.root / "faults" / f"{fault}-{number}").touch()

    def hold(self, held: bool) -> None:
        """Let every read beyond 20 MB wait, until it is let go again."""
        path = self.root / "faults" / "hold"
        path.touch() if held else path.unlink()

    def came(self, fault: str) -> bool:
        """Whether everything that was ordered came."""
        return not list((self.root / "faults").glob(f"{fault}-*"))

    def files(self, place: str) -> dict[str, bytes]:
        """What stands on a shelf, by name."""
        base = self.root / place
        return {
            path.relative_to(base).as_posix(): path.read_bytes() for path in base.rglob("*") if path.is_file()
        }


def in_home(home: Home) -> ShelfFolder:
    """Install the store for the commands of a home."""
    install(home.root / "plugins")
    home.env |= {"PYTHONPATH": str(home.root / "plugins"), "SHELF_DIR": str(home.root / "shelves")}
    return ShelfFolder(home.root / "shelves")


def install(folder: Path) -> None:
    """Put the distribution of the store into a folder of the path."""
    distribution(folder, "runctl-shelf", STORE, {"runctl.stores": {"shelf": "Shelf"}})
