"""Stores: found by the scheme of a URL, imported when named, and what a folder as a store promises."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import shelf
from distributions import distribution
from runctl_core.checkpoints import manifest
from runctl_core.errors import NotFound, PluginError, StateError, UsageError
from runctl_core.stores import Store
from runctl_core.stores.local import LocalStore
from runctl_core.stores.opening import open_url
from runctl_core.transfer.stored import stored_checkpoints

from . import checkpoint_files as files


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the path."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_a_plugin_brings_its_scheme(plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELF_DIR", str(tmp_path / "shelves"))
    shelf.install(plugins)
    place = open_url("shelf://red/a/b/")
    assert (place.store.place, place.name, place.root) == ("red", "a/b", "shelf://red/")


def test_no_store_is_imported_before_it_is_named(plugins: Path) -> None:
    distribution(plugins, "loud", "raise SystemExit(3)", {"runctl.stores": {"loud": "Loud"}})
    assert isinstance(open_url("file:///tmp").store, LocalStore)


def test_an_unknown_scheme_says_what_is_installed_and_what_to_install(plugins: Path) -> None:
    shelf.install(plugins)
    with pytest.raises(PluginError) as raised:
        open_url("s9://bucket/a")
    assert raised.value.why == "installed: file://, shelf://"
    assert raised.value.fix == "pip install the plugin that brings s9://"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("raise SystemExit(3)", "it called sys.exit(3)"),
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("def Broken(place): return 7", "made 7, not a Store"),
        ("def Broken(place): raise KeyError('bucket')", "KeyError"),
    ],
)
def test_a_broken_store_is_named_with_its_distribution(
    plugins: Path, source: str, why: str, request: pytest.FixtureRequest
) -> None:
    name = f"broken-{abs(hash(request.node.name))}"
    distribution(plugins, name, source, {"runctl.stores": {"broken": "Broken"}})
    with pytest.raises(PluginError, match="broken://") as raised:
        open_url("broken://x/y")
    assert f"{name} 2.5" in raised.value.why
    assert why in raised.value.why


FAULTY = """
from runctl_core.api import ProviderUnavailable, Store
class Faulty(Store):
    def list(self, prefix):
        return ["a.bin"]
    def read(self, name, offset, limit):
        return "text"
    def write(self, name, pieces):
        try:
            list(pieces)
        except BaseException as error:
            raise ProviderUnavailable("try again") from error
        raise KeyError("bucket")
    def delete(self, name):
        raise SystemExit(3)
"""


def _faulty(plugins: Path) -> Store:
    distribution(plugins, "faulty-store", FAULTY, {"runctl.stores": {"faulty": "Faulty"}})
    return open_url("faulty://x").store


@pytest.mark.parametrize(
    "use",
    [
        lambda store: list(store.list("")),
        lambda store: store.read("a", 0, 1),
        lambda store: store.write("a", [b"1"]),
        lambda store: store.delete("a"),
    ],
)
def test_a_store_that_breaks_the_contract_is_named(plugins: Path, use: Callable[[Store], object]) -> None:
    with pytest.raises(PluginError, match="the store faulty:// failed to") as raised:
        use(_faulty(plugins))
    assert "faulty-store 2.5" in raised.value.why
    assert "faulty-store" in raised.value.fix


def test_what_our_own_pieces_raise_comes_through_a_store_that_hides_it(plugins: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"1"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _faulty(plugins).write("a", broken())


def test_two_stores_of_one_scheme_are_both_named_and_neither_is_used(plugins: Path) -> None:
    for name in ("one-store", "two-store"):
        distribution(plugins, name, "", {"runctl.stores": {"twin": "Store"}})
    with pytest.raises(PluginError) as raised:
        open_url("twin://x")
    assert "one-store 2.5 and two-store 2.5" in raised.value.why


@pytest.mark.parametrize(
    "url", ["file:///a/../b", "file:///a//b", "file:///a/./b", "no-url", "file://host/a"]
)
def test_a_url_that_leads_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        open_url(url)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    """A folder as a store."""
    yield LocalStore(root=str(tmp_path))


def test_what_was_written_is_listed_with_size_and_time_and_read_in_pieces(store: LocalStore) -> None:
    store.write("a/b.bin", [b"0123", b"456789"])
    (found,) = store.list("a/")
    assert (found.name, found.size_bytes) == ("a/b.bin", 10)
    assert abs((datetime.now(UTC) - found.modified_at).total_seconds()) < 60
    assert [store.read("a/b.bin", at, 4) for at in (0, 4, 8, 12)] == [b"0123", b"4567", b"89", b""]


def test_a_prefix_is_plain_text(store: LocalStore) -> None:
    for name in ("a/b", "a/bc", "a/b2/c", "b", "x/a/b"):
        store.write(name, [b"1"])
    assert sorted(file.name for file in store.list("a/b")) == ["a/b", "a/b2/c", "a/bc"]
    assert len(list(store.list(""))) == 5
    assert list(store.list("nothing/")) == []


def test_a_write_that_fails_leaves_what_was_there(store: LocalStore, tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"new"
        raise RuntimeError

    store.write("a", [b"old"])
    with pytest.raises(RuntimeError):
        store.write("a", broken())
    assert store.read("a", 0, 99) == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_killed_write_is_never_listed(store: LocalStore, tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from runctl_core.stores.local import LocalStore\n"
        "def pieces():\n"
        "    yield b'half'\n"
        "    os._exit(9)\n"
        "LocalStore(root=sys.argv[1]).write('a.bin', pieces())\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False).returncode == 9
    assert list(store.list("")) == []


def test_deleting_twice_is_no_error(store: LocalStore) -> None:
    store.write("a", [b"1"])
    store.delete("a")
    store.delete("a")
    with pytest.raises(NotFound):
        store.read("a", 0, 1)


def test_a_folder_that_cannot_be_written_says_how_to_mend_it(store: LocalStore) -> None:
    store.write("a", [b"1"])
    with pytest.raises(StateError) as raised:
        store.write("a/b", [b"1"])
    assert raised.value.fix


def test_a_checkpoint_exists_in_a_store_when_its_manifest_does(store: LocalStore, tmp_path: Path) -> None:
    for n in (1, 2):
        path = tmp_path / "c" / f"step-{n}.npz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(files.npz())
    manifest.write(str(path))
    place = open_url(f"file://{tmp_path}/c")
    (found,) = stored_checkpoints(place)
    assert found.path == f"file://{path}"
    assert (found.format, found.step, found.complete) == ("npz", 2, True)
    assert found.size_bytes == path.stat().st_size


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda path: path.unlink(), "missing: "),
        (lambda path: path.write_bytes(b"short"), "should have"),
        (lambda path: Path(f"{path}.manifest.json").write_bytes(b"[" * 10**6), "its manifest is damaged"),
    ],
)
def test_a_checkpoint_in_a_store_that_is_not_all_there_says_so(
    tmp_path: Path, damage: object, problem: str
) -> None:
    path = tmp_path / "step-1.npz"
    path.write_bytes(files.npz())
    manifest.write(str(path))
    damage(path)  # type: ignore[operator]
    (found,) = stored_checkpoints(open_url(f"file://{tmp_path}"))
    assert found.complete is False
    assert problem in found.problem
