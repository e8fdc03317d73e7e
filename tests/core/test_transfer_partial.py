"""A file on its way: gone on with where it is proven, begun anew where it is not, never seen by halves."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runctl_core.errors import Refused, StateError
from runctl_core.transfer.items import PARTIAL, Item
from runctl_core.transfer.local_target import LocalTarget
from runctl_core.transfer.partial import Partial, partial_name, settle
from runctl_core.transfer.plan import Act, Step
from runctl_core.transfer.sources import Files
from runctl_core.transfer.targets import Target

RECORD = 16 << 20
SIZE = RECORD * 2 + 1000
TIME_NS = 1_700_000_000_123_456_789

_KILLED = """
import os, sys
from runctl_core.transfer.partial import Partial
target, identity, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
partial = Partial(target, "key", identity).__enter__()
with open(target + ".source", "rb") as source:
    while count and (data := source.read(min(1 << 20, count))):
        partial.write(data)
        count -= len(data)
os._exit(9)
"""


class Watched(Files):
    """Notes where it is read from."""

    def __init__(self, path: Path) -> None:
        super().__init__({"big": str(path)})
        self.offsets: list[int] = []

    def pieces(self, item: Item, offset: int) -> Iterator[bytes]:
        """See `Files.pieces`."""
        self.offsets.append(offset)
        return super().pieces(item, offset)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file of some records and a rest."""
    path = tmp_path / "big.source"
    path.write_bytes((os.urandom(1000) * (SIZE // 1000 + 1))[:SIZE])
    return path


def killed_after(target: Path, identity: str, count: int) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED, str(target), identity, str(count)], check=False)
    assert done.returncode == 9


def put(source: Watched, target: Target) -> None:
    ((item,), _) = source.items()
    target.put(Step(item, "big", Act.COPY, None), source, lambda _: None)


def identity(path: Path) -> str:
    ((item,), _) = Files({"big": str(path)}).items()
    return item.identity


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"big.source"}


@pytest.mark.parametrize("count", [RECORD, RECORD + 5, 2 * RECORD + 900])
def test_a_killed_copy_goes_on_from_its_last_record(tmp_path: Path, source: Path, count: int) -> None:
    killed_after(tmp_path / "big", identity(source), count)
    watched = Watched(source)
    put(watched, LocalTarget(str(tmp_path), "key"))
    assert watched.offsets == [count // RECORD * RECORD], "what was there was read again"
    assert (tmp_path / "big").read_bytes() == source.read_bytes()
    assert names(tmp_path) == {"big"}


@pytest.mark.parametrize("damage", ["bytes", "cut", "journal", "another source"])
def test_what_does_not_prove_itself_is_begun_anew(tmp_path: Path, source: Path, damage: str) -> None:
    killed_after(tmp_path / "big", identity(source), RECORD + 5)
    (part,) = (path for path in tmp_path.glob(f"{PARTIAL}*") if path.suffix != ".journal")
    if damage == "bytes":
        with part.open("r+b") as file:
            file.seek(500)
            file.write(b"!!!!")
    elif damage == "cut":
        os.truncate(part, RECORD - 1)
    elif damage == "journal":
        Path(f"{part}.journal").write_bytes(b"99 nonsense\n\0\xff 3\n16777216 " + b"0" * 64)
    else:
        os.utime(source, ns=(TIME_NS, TIME_NS))
    watched, target = Watched(source), LocalTarget(str(tmp_path), "key")
    ((item,), _) = watched.items()
    target.settle([Step(item, "big", Act.COPY, None)])
    put(watched, target)
    assert watched.offsets == [0], "unproven bytes were kept"
    assert (tmp_path / "big").read_bytes() == source.read_bytes(), "a file of two halves was made"
    assert names(tmp_path) == {"big"}


def test_a_small_file_that_was_not_finished_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Partial(str(tmp_path / "a"), "key", "1") as partial:
        partial.write(b"half")
        raise ZeroDivisionError
    assert names(tmp_path) == set()


def test_a_file_gets_its_time_and_its_permissions_with_its_name(tmp_path: Path) -> None:
    with Partial(str(tmp_path / "a"), "key", "1", mode=0o750) as partial:
        partial.write(b"whole")
        assert not (tmp_path / "a").exists()
        partial.finish(TIME_NS)
    found = (tmp_path / "a").stat()
    assert (found.st_mtime_ns, found.st_mode & 0o777) == (TIME_NS, 0o750)


def test_what_the_disk_gives_back_is_held_against_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / partial_name("key", "a", "1")
    refused = pytest.raises(StateError, match="is not what was written")
    with refused, Partial(str(tmp_path / "a"), "key", "1") as partial:
        partial.write(b"whole")
        path.write_bytes(b"whale")
        partial.finish(TIME_NS)
    assert names(tmp_path) == set(), "a damaged file got its name"


def test_two_commands_never_write_one_file(tmp_path: Path) -> None:
    with Partial(str(tmp_path / "a"), "key", "1") as first:
        with pytest.raises(Refused, match="another runctl command"):
            Partial(str(tmp_path / "a"), "key", "1").__enter__()
        first.write(b"whole")
        first.finish(TIME_NS)
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_leftovers_of_this_transfer_go_and_those_of_others_stay(tmp_path: Path) -> None:
    ours = [partial_name("key", name, "1") for name in ("wanted", "unwanted")]
    theirs = partial_name("another", "unwanted", "1")
    for name in (*ours, theirs):
        (tmp_path / name).write_bytes(b"part")
        (tmp_path / f"{name}.journal").write_bytes(b"")
    settle(str(tmp_path), "key", {ours[0]})
    assert names(tmp_path) == {ours[0], f"{ours[0]}.journal", theirs, f"{theirs}.journal"}


def test_a_journal_whose_file_has_its_name_already_goes(tmp_path: Path) -> None:
    (tmp_path / f"{partial_name('key', 'a', '1')}.journal").write_bytes(b"")
    settle(str(tmp_path), "key", set())
    assert names(tmp_path) == set()


def test_what_another_command_works_with_is_no_leftover(tmp_path: Path) -> None:
    with Partial(str(tmp_path / "a"), "key", "1") as partial:
        partial.write(b"whole")
        settle(str(tmp_path), "key", set())
        partial.finish(TIME_NS)
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_the_name_of_a_part_fits_where_the_longest_name_does(tmp_path: Path) -> None:
    name = "n" * 255
    with Partial(str(tmp_path / name), "key" * 1000, "1" * 1000) as partial:
        partial.write(b"whole")
        partial.finish(TIME_NS)
    assert hashlib.sha256((tmp_path / name).read_bytes()).digest() == hashlib.sha256(b"whole").digest()
