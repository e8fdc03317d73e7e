"""A transfer between folders and stores: whole or not at all, verified, safe names, manifests last."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import shelf
from runctl_core.errors import NotFound, ProviderUnavailable, Refused, StateError, UsageError
from runctl_core.stores.opening import open_url
from runctl_core.transfer import Act, Files, LocalTarget, Prepared, Where, Workers, carry, prepare, routes
from runctl_core.transfer.items import Item, is_safe
from runctl_core.transfer.work import Stopped


@pytest.fixture
def shelves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> shelf.ShelfFolder:
    """The store of `tests/shelf.py`, installed."""
    (tmp_path / "plugins").mkdir()
    shelf.install(tmp_path / "plugins")
    monkeypatch.syspath_prepend(str(tmp_path / "plugins"))
    monkeypatch.setenv("SHELF_DIR", str(tmp_path / "shelves"))
    return shelf.ShelfFolder(tmp_path / "shelves")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a few files."""
    folder = tmp_path / "source"
    chance = random.Random(1)
    for name, size in {"a.bin": 300_000, "deep/b/c.bin": 10, "deep/empty": 0, "ü\n.txt": 5}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(size))
    (folder / "deep" / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "deep" / "run.sh").chmod(0o755)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """What is below a folder, hidden files included."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def look(
    source: Path | str, target: Path | str, *, checksum: bool = False, into: bool = False
) -> list[Prepared]:
    workers = Workers(2)
    ways = routes(where(source), where(target), f"{source} {target}", into=into)
    return [prepare(w.source, w.target, workers, rename=w.rename, checksum=checksum) for w in ways]


def where(word: Path | str) -> Where:
    return open_url(word) if isinstance(word, str) else str(word)


def transfer(source: Path | str, target: Path | str, *, into: bool = False) -> list[Prepared]:
    return carry(look(source, target, into=into), Workers(2), progress=lambda _: None)


def acts(prepared: list[Prepared]) -> dict[str, Act]:
    return {step.name: step.act for one in prepared for step in one.steps}


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


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", "a//b", ".", "a/."])
def test_no_name_of_a_store_leaves_the_target(
    name: str, source: Path, tmp_path: Path, shelves: shelf.ShelfFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = open_url("shelf://red")
    (stored,) = _one_file(source, place)
    monkeypatch.setattr(type(place.store), "list", lambda _self, _prefix: iter([_renamed(stored, name)]))
    with pytest.raises(Refused, match="no safe name"):
        transfer("shelf://red", tmp_path / "target")
    assert not (tmp_path / "out").exists()


def _one_file(source: Path, place: object) -> Iterator[object]:
    transfer(source / "a.bin", "shelf://red/a.bin")
    return iter(list(place.store.list("")))  # type: ignore[attr-defined]


def _renamed(stored: object, name: str) -> object:
    from attrs import evolve

    return evolve(stored, name=name)  # type: ignore[type-var]


def test_a_link_that_stays_inside_is_copied_as_a_link(source: Path, tmp_path: Path) -> None:
    (source / "near").symlink_to("deep/b/c.bin")
    (source / "deep" / "far").symlink_to(source / "a.bin")
    (source / "folder").symlink_to("deep")
    target = tmp_path / "target"
    transfer(source, target)
    assert [os.readlink(target / name) for name in ("near", "deep/far", "folder")] == [
        "deep/b/c.bin",
        "../a.bin",
        "deep",
    ]
    assert set(acts(look(source, target)).values()) == {Act.SKIP}


@pytest.mark.parametrize("leads_to", ["../outside", "/etc/passwd", "deep/../../outside"])
def test_a_link_that_leads_out_is_refused_by_name(source: Path, tmp_path: Path, leads_to: str) -> None:
    (source / "sly").symlink_to(leads_to)
    with pytest.raises(Refused, match="the link sly leads out"):
        look(source, tmp_path / "target")


def test_a_store_keeps_no_link(source: Path, shelves: shelf.ShelfFolder) -> None:
    (source / "near").symlink_to("a.bin")
    with pytest.raises(Refused, match="near is one"):
        transfer(source, "shelf://red/a")


def test_no_link_at_the_target_leads_a_file_out_of_it(source: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "deep").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused, match="would lie outside"):
        transfer(source, tmp_path / "target")
    assert contents(tmp_path / "elsewhere") == {}


def test_no_file_takes_the_place_of_a_folder(source: Path, tmp_path: Path) -> None:
    (tmp_path / "target" / "a.bin").mkdir(parents=True)
    with pytest.raises(Refused, match=r"a\.bin is a folder"):
        look(source, tmp_path / "target")


def test_a_folder_is_not_copied_into_itself(source: Path) -> None:
    with pytest.raises(UsageError):
        look(source, source / "deep" / "copy")


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


@given(st.text("ab./\0", max_size=8))
def test_a_safe_name_is_one_that_stays_where_it_is_put(name: str) -> None:
    inside = "\0" not in name and os.path.normpath(f"/target/{name}") == f"/target/{name}"
    assert is_safe(name) == (inside and name != "")


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
