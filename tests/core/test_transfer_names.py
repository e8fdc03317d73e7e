"""Names and links in a transfer: nothing lands outside of the target, whatever a source calls it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import shelf
from core.transfers import acts, contents, few_files, look, transfer
from runctl_core.errors import Refused, UsageError
from runctl_core.stores import Store, StoredFile
from runctl_core.stores.opening import Place
from runctl_core.transfer import Act, Workers, prepare, routes
from runctl_core.transfer.items import is_safe


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a few files."""
    return few_files(tmp_path / "source")


class Hostile(Store):
    """A store with one file, whose name is as it likes."""

    def list(self, prefix: str) -> Iterator[StoredFile]:
        """See `Store.list`; `place` is the name."""
        yield StoredFile(self.place, 4, datetime(2026, 1, 1, tzinfo=UTC))

    def read(self, name: str, offset: int, limit: int) -> bytes:
        """See `Store.read`."""
        return b"evil"[offset : offset + limit]

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """See `Store.write`."""

    def delete(self, name: str) -> None:
        """See `Store.delete`."""


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", "a//b", ".", "a/.", "a\0b"])
def test_no_name_of_a_store_leaves_the_target(name: str, tmp_path: Path) -> None:
    (way,) = routes(Place(Hostile(name), "", "hostile://x/"), str(tmp_path / "target"), "key", into=False)
    with pytest.raises(Refused, match="no safe name"):
        prepare(way.source, way.target, Workers(1))
    assert [path.name for path in tmp_path.rglob("*")] == []


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


@given(st.text("ab./\0", max_size=8))
def test_a_safe_name_is_one_that_stays_where_it_is_put(name: str) -> None:
    inside = "\0" not in name and os.path.normpath(f"/target/{name}") == f"/target/{name}"
    assert is_safe(name) == (inside and name != "")
