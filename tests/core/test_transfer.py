"""A transfer between folders and stores: whole or not at all, verified, safe names, manifests last."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import shelf
from core.transfers import acts, contents, few_files, look, transfer
from runctl_core.errors import NotFound, ProviderUnavailable, Refused, StateError
from runctl_core.transfer import Act, Files, LocalTarget, Workers, carry, prepare
from runctl_core.transfer.items import Item
from runctl_core.transfer.work import Stopped


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a few files."""
    return few_files(tmp_path / "source")


def test_a_folder_arrives_with_times_and_permissions_and_the_second_time_is_nothing_to_do(
    source: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    assert set(acts(transfer(source, target)).values()) == {Act.COPY}
    assert contents(target) == contents(source)
    for name in contents(source):
        there, here = (target / name).stat(), (source / name).stat()
        assert (there.st_mtime_ns, there.st_mode) == (here.st_mtime_ns, here.st_mode), name
    assert set(acts(look(source, target)).values()) == {Act.SKIP}


def test_a_folder_goes_to_a_store_and_comes_back(
    source: Path, tmp_path: Path, shelves: shelf.ShelfFolder
) -> None:
    transfer(source, "shelf://red/models/a")
    assert shelves.files("red") == {f"models/a/{name}": data for name, data in contents(source).items()}
    assert set(acts(look(source, "shelf://red/models/a")).values()) == {Act.SKIP}
    transfer("shelf://red/models/a", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(source)


def test_a_file_goes_to_its_new_name_or_into_a_folder(
    source: Path, tmp_path: Path, shelves: shelf.ShelfFolder
) -> None:
    (tmp_path / "there").mkdir()
    transfer(source / "a.bin", tmp_path / "b.bin")
    transfer(source / "a.bin", tmp_path / "there")
    transfer(source / "a.bin", tmp_path / "new", into=True)
    transfer(source / "a.bin", "shelf://red/c.bin")
    transfer(source / "a.bin", "shelf://red/d", into=True)
    data = (source / "a.bin").read_bytes()
    for place in ("b.bin", "there/a.bin", "new/a.bin", "shelves/red/c.bin", "shelves/red/d/a.bin"):
        assert (tmp_path / place).read_bytes() == data, place


def test_what_differs_is_told_from_what_only_has_another_time(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    transfer(source, target)
    os.utime(target / "a.bin", (1, 1))
    (target / "deep" / "run.sh").write_bytes(b"#!/bin/zsh")
    found = acts(look(source, target))
    assert (found["a.bin"], found["deep/run.sh"]) == (Act.SKIP, Act.REPLACE)


def test_a_checksum_finds_what_size_and_time_hide(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    transfer(source, target)
    before = (target / "a.bin").stat()
    (target / "a.bin").write_bytes(bytes(300_000))
    os.utime(target / "a.bin", ns=(before.st_mtime_ns, before.st_mtime_ns))
    assert acts(look(source, target))["a.bin"] is Act.SKIP
    assert acts(look(source, target, checksum=True))["a.bin"] is Act.REPLACE


@pytest.mark.parametrize("fault", ["break", "cut"])
def test_a_store_that_breaks_off_reading_is_gone_on_with(
    source: Path, tmp_path: Path, shelves: shelf.ShelfFolder, fault: str
) -> None:
    transfer(source, "shelf://red/a")
    shelves.order(fault, 3)
    transfer("shelf://red/a", tmp_path / "back")
    assert shelves.came(fault)
    assert contents(tmp_path / "back") == contents(source), "a cut file was taken for a whole one"


def test_a_store_that_is_not_to_be_reached_for_a_moment_is_asked_again(
    source: Path, tmp_path: Path, shelves: shelf.ShelfFolder
) -> None:
    shelves.order("deaf", 2)
    transfer(source, "shelf://red/a")
    shelves.order("deaf", 2)
    transfer("shelf://red/a", tmp_path / "back")
    assert shelves.came("deaf")
    assert contents(tmp_path / "back") == contents(source)


def test_a_store_that_gives_nothing_any_more_says_so_and_leaves_nothing_half(
    source: Path, tmp_path: Path, shelves: shelf.ShelfFolder
) -> None:
    transfer(source, "shelf://red/a")
    shelves.order("cut", 1000)
    with pytest.raises(ProviderUnavailable, match=r"of \d+ bytes came"):
        transfer("shelf://red/a/a.bin", tmp_path / "back")
    assert contents(tmp_path / "back") == {} and not (tmp_path / "back").exists()
    assert list(tmp_path.glob(".runctl-*")) == []


def test_a_store_that_breaks_off_writing_is_tried_again(source: Path, shelves: shelf.ShelfFolder) -> None:
    shelves.order("drop", 2)
    transfer(source, "shelf://red/a")
    assert shelves.came("drop")
    assert len(shelves.files("red")) == len(contents(source))


def test_what_a_store_spoiled_is_found_when_it_is_read_back(source: Path, shelves: shelf.ShelfFolder) -> None:
    shelves.order("spoil")
    with pytest.raises(StateError, match="what the store gives back is not that"):
        transfer(source / "a.bin", "shelf://red/a.bin")
    assert shelves.files("red") == {}, "a damaged file stays under its name"


def test_a_full_store_is_said_and_the_same_command_goes_on(source: Path, shelves: shelf.ShelfFolder) -> None:
    shelves.order("full")
    with pytest.raises(StateError, match="the shelf is full"):
        transfer(source, "shelf://red/a")
    transfer(source, "shelf://red/a")
    assert shelves.files("red") == {f"a/{name}": data for name, data in contents(source).items()}


def test_nothing_at_the_source_is_said(tmp_path: Path, shelves: shelf.ShelfFolder) -> None:
    for place in (tmp_path / "nothing", "shelf://red/nothing"):
        with pytest.raises(NotFound):
            look(place, tmp_path / "target")


def test_pipes_are_left_out_and_named(source: Path, tmp_path: Path) -> None:
    os.mkfifo(source / "pipe")
    (done,) = transfer(source, tmp_path / "target")
    assert done.left_out == ("pipe: no regular file",)


def test_a_target_that_changed_meanwhile_is_not_replaced(source: Path, tmp_path: Path) -> None:
    prepared = look(source / "a.bin", tmp_path / "b.bin")
    (tmp_path / "b.bin").write_bytes(b"somebody else's")
    with pytest.raises(Refused, match="changed meanwhile"):
        carry(prepared, Workers(1), progress=lambda _: None)
    assert (tmp_path / "b.bin").read_bytes() == b"somebody else's"


def test_a_source_that_changes_while_it_is_copied_arrives_as_it_is_in_the_end(
    source: Path, tmp_path: Path
) -> None:
    changed = threading.Event()

    def progress(size_bytes: int) -> None:
        if size_bytes and not changed.is_set():
            changed.set()
            (source / "a.bin").write_bytes(b"shorter now")

    carry(look(source / "a.bin", tmp_path / "b.bin"), Workers(1), progress=progress)
    assert (tmp_path / "b.bin").read_bytes() == b"shorter now"


class Meeting(Files):
    """Gives a file only once another one is asked for too."""

    together = threading.Barrier(2)

    def pieces(self, item: Item, offset: int) -> Iterator[bytes]:
        """See `Files.pieces`."""
        self.together.wait(30)
        return super().pieces(item, offset)


def test_several_files_are_carried_at_once(source: Path, tmp_path: Path) -> None:
    two = Meeting({"a": str(source / "a.bin"), "b": str(source / "deep" / "run.sh")})
    workers = Workers(2)
    prepared = prepare(two, LocalTarget(str(tmp_path / "target"), "key"), workers)
    carry([prepared], workers, progress=lambda _: None)
    assert (tmp_path / "target" / "a").read_bytes() == (source / "a.bin").read_bytes()


def test_what_one_thread_met_ends_the_work_of_all() -> None:
    workers, seen = Workers(2), threading.Event()

    def work(value: int) -> None:
        if value == 0:
            seen.wait(30)
            raise ZeroDivisionError
        seen.set()
        while True:
            workers.check()

    with pytest.raises(ZeroDivisionError):
        workers.map(work, [0, 1])
    with pytest.raises(Stopped):
        workers.check()
