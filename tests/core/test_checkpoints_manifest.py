"""A manifest tells every difference, is written last, and is never believed outside of its checkpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_core.checkpoints import find, manifest
from runctl_core.checkpoints.verdict import Evidence, Verdict
from runctl_core.errors import Damaged, NotFound, Refused

from . import checkpoint_files as files
from .verifying import in_one_folder

GOOD_ROW = {"path": "a", "size_bytes": 1, "sha256": "0" * 64}


def _folder(root: Path) -> Path:
    folder = root / "step-5"
    (folder / "global_step5").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(files.safetensors())
    (folder / "global_step5" / "rank 0.pt").write_bytes(files.torch())
    (folder / ".metadata").write_bytes(b"")
    return folder


def _file(root: Path) -> Path:
    (root / "step-5.pt").write_bytes(files.torch())
    return root / "step-5.pt"


def _findings(path: Path, *, deep: bool = True) -> dict[str, str]:
    checked = manifest.check(str(path), deep=deep)
    assert (checked.verdict is Verdict.GOOD) == (not checked.findings)
    return {finding.file: finding.what for finding in checked.findings}


def _forge(path: Path, document: object) -> None:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    Path(manifest.beside(str(path))).write_bytes(text)


@pytest.mark.parametrize("make", [_file, _folder])
def test_what_was_not_touched_is_good(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    written = manifest.write(str(path))
    assert manifest.read(str(path)) == written
    checked = manifest.check(str(path))
    assert (checked.verdict, checked.findings, checked.evidence) == (Verdict.GOOD, (), Evidence.HASHES)
    assert checked.read_bytes == sum(digest.size_bytes for digest in written.files.values())


def test_it_lies_beside_its_checkpoint_and_never_in_it(tmp_path: Path) -> None:
    before = sorted(os.listdir(folder := _folder(tmp_path)))
    manifest.write(f"{folder}/")
    assert sorted(os.listdir(folder)) == before
    assert sorted(os.listdir(tmp_path)) == ["step-5", "step-5.manifest.json"]


@pytest.mark.parametrize("make", [_file, _folder])
def test_it_is_not_taken_for_a_checkpoint(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    manifest.write(str(make(tmp_path)))
    (tmp_path / "a.safetensors.index.json.manifest.json").write_bytes(b"{}")
    assert len(find(str(tmp_path))) == 1


def test_every_difference_is_named_at_once(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    (folder / "gone").write_bytes(b"x")
    (folder / "long").write_bytes(b"x")
    manifest.write(str(folder))
    (folder / "gone").unlink()
    (folder / "long").write_bytes(b"xy")
    (folder / "new").write_bytes(b"x")
    content = bytearray(files.safetensors())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    found = _findings(folder)
    assert found.keys() == {"gone", "long", "new", "model.safetensors"}
    assert found["gone"] == "missing"
    assert found["long"] == "it should have 1 bytes, and has 2"
    assert found["new"] == "not in the manifest"
    assert "SHA-256" in found["model.safetensors"]


@pytest.mark.parametrize("make", [_file, _folder])
def test_a_renamed_checkpoint_is_held_against_its_renamed_manifest(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    path = make(tmp_path)
    manifest.write(str(path))
    moved = tmp_path / "best"
    path.rename(moved)
    os.rename(manifest.beside(str(path)), manifest.beside(str(moved)))
    assert _findings(moved) == {}


def test_sizes_alone_do_not_read_the_files(tmp_path: Path) -> None:
    path = _file(tmp_path)
    manifest.write(str(path))
    path.write_bytes(bytes(path.stat().st_size))
    checked = manifest.check(str(path), deep=False)
    assert (checked.verdict, checked.evidence, checked.read_bytes) == (Verdict.GOOD, Evidence.SIZES, 0)
    os.truncate(path, 9)
    assert "9" in _findings(path, deep=False)["."]


def test_a_checkpoint_without_one_is_not_called_good(tmp_path: Path) -> None:
    assert manifest.check(str(_file(tmp_path))).verdict is Verdict.UNVERIFIABLE
    with pytest.raises(NotFound):
        manifest.read(str(tmp_path / "step-5.pt"))


@pytest.mark.parametrize(
    "name", [b"new\nline", b"not\xfftext", "é\U0001f600".encode(), b"a,b", b" ", b'"', b"x" * 255]
)
def test_any_name_of_a_file_is_kept(tmp_path: Path, name: bytes) -> None:
    folder = _folder(tmp_path)
    with open(os.path.join(os.fsencode(folder), name), "wb") as file:
        file.write(b"x")
    manifest.write(str(folder))
    assert _findings(folder) == {}
    os.unlink(os.path.join(os.fsencode(folder), name))
    assert list(_findings(folder)) == [os.fsdecode(name)]


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "/etc/passwd",
        "a/../../secret",
        "a//b",
        "",
        "..",
        "./a",
        "a/.",
        "a\0b",
        "\ud800",
        "x" * 9999,
    ],
)
def test_a_path_that_leads_out_is_an_error_that_is_named(tmp_path: Path, path: str) -> None:
    (tmp_path / "s").write_bytes(b"s")
    folder = _folder(tmp_path)
    _forge(folder, {"version": 1, "files": [{**GOOD_ROW, "path": path}]})
    with pytest.raises(Damaged, match="manifest"):
        manifest.read(str(folder))
    (name, what), *rest = _findings(folder).items()
    assert (name, rest) == ("step-5.manifest.json", [])
    assert "not in the checkpoint" in what


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b'{"version": 1}',
        b'{"version": 1, "files": {}}',
        b"[" * 1_000_000,
        b'{"version": 1, "files": ' + b"[" * 900 + b"]" * 900 + b"}",
        {"version": 2, "files": []},
        {"version": True, "files": []},
        {"version": [[[]]], "files": []},
        {"files": []},
        {"version": 1, "files": [[]]},
        {"version": 1, "files": ["a"]},
        {"version": 1, "files": [{"path": "a"}]},
        {"version": 1, "files": [{**GOOD_ROW, "path": 5}]},
        {"version": 1, "files": [{**GOOD_ROW, "size_bytes": -1}]},
        {"version": 1, "files": [{**GOOD_ROW, "size_bytes": 1 << 64}]},
        {"version": 1, "files": [{**GOOD_ROW, "size_bytes": True}]},
        {"version": 1, "files": [{**GOOD_ROW, "size_bytes": 1.0}]},
        {"version": 1, "files": [{**GOOD_ROW, "sha256": "0" * 63}]},
        {"version": 1, "files": [{**GOOD_ROW, "sha256": None}]},
        {"version": 1, "files": [GOOD_ROW, GOOD_ROW]},
        b'{"version": 1, "files": [{"path": "a", "sha256": "", "size_bytes": ' + b"9" * 9000 + b"}]}",
    ],
    ids=repr,
)
def test_what_is_no_manifest_is_an_error_that_is_named(tmp_path: Path, document: object) -> None:
    path = _file(tmp_path)
    _forge(path, document)
    with pytest.raises(Damaged):
        manifest.read(str(path))
    assert list(_findings(path)) == ["step-5.pt.manifest.json"]


def test_a_size_that_no_file_has_is_a_difference(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    _forge(folder, {"version": 1, "files": [{**GOOD_ROW, "path": ".metadata", "size_bytes": 1 << 60}]})
    assert str(1 << 60) in _findings(folder)[".metadata"]


@pytest.mark.parametrize("target", ["../secret", "/dev/zero", "..", "nowhere", "loop", "pipe"])
def test_a_link_that_leads_out_or_nowhere_is_never_followed(tmp_path: Path, target: str) -> None:
    (tmp_path / "secret").write_bytes(b"s")
    os.mkfifo(tmp_path / "pipe")
    folder = _folder(tmp_path)
    (folder / "loop").symlink_to("../pipe" if target == "pipe" else target)
    with pytest.raises(Refused, match="no manifest was written"):
        manifest.write(str(folder))
    _forge(folder, {"version": 1, "files": [{**GOOD_ROW, "path": "loop"}]})
    assert _findings(folder)["loop"] != ""


def test_a_file_in_a_folder_that_became_a_link_is_not_read_elsewhere(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    manifest.write(str(folder))
    (folder / "global_step5").rename(tmp_path / "elsewhere")
    (folder / "global_step5").symlink_to("../elsewhere")
    assert "out of the checkpoint" in _findings(folder)["global_step5/rank 0.pt"]


def test_links_inside_of_a_checkpoint_are_what_they_lead_to(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    (folder / "latest").symlink_to("global_step5")
    (folder / "same.safetensors").symlink_to("model.safetensors")
    assert "latest" not in manifest.write(str(folder)).files
    assert _findings(folder) == {}
    (folder / "model.safetensors").write_bytes(b"")
    assert _findings(folder).keys() == {"model.safetensors", "same.safetensors"}


def test_a_manifest_that_is_a_pipe_or_a_folder_does_not_hold_us(tmp_path: Path) -> None:
    path = _file(tmp_path)
    os.mkfifo(manifest.beside(str(path)))
    assert list(_findings(path)) == ["step-5.pt.manifest.json"]
    os.unlink(manifest.beside(str(path)))
    os.mkdir(manifest.beside(str(path)))
    assert list(_findings(path)) == ["step-5.pt.manifest.json"]


MEMORY = """
import sys
from runctl_core.checkpoints import manifest
print(manifest.check(sys.argv[1]).verdict)
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.parametrize("kind", ["a gigabyte", "lists", "texts", "numbers"])
def test_a_manifest_of_a_bomb_takes_little_memory(tmp_path: Path, kind: str) -> None:
    path = _file(tmp_path)
    many = {"lists": b"[],", "texts": b'"ab",', "numbers": b"1.5,"}.get(kind, b"")
    _forge(path, b'{"version": 1, "files": [' + many * (15_000_000 // max(1, len(many))) + b"1]}")
    if kind == "a gigabyte":
        os.truncate(manifest.beside(str(path)), 1 << 30)
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, check=True
    )
    verdict, peak_kb = done.stdout.split()
    assert (verdict, int(peak_kb) < 150_000) == ("damaged", True), f"it took {peak_kb} kB"


def test_nothing_is_written_for_what_changes_while_it_is_read(tmp_path: Path) -> None:
    path = _file(tmp_path)

    def grow(_: int) -> None:
        with open(path, "ab") as file:
            file.write(b"more")

    with pytest.raises(Refused, match="no manifest") as refused:
        manifest.write(str(path), grow)
    assert "still being written" in refused.value.why
    assert os.listdir(tmp_path) == ["step-5.pt"]


def test_nothing_is_written_for_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        manifest.write(str(tmp_path / "step-5"))
    assert os.listdir(tmp_path) == []


def test_the_files_are_on_the_disk_before_their_manifest_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, happened = _folder(tmp_path), []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(fd: int) -> None:
        happened.append(os.path.basename(os.readlink(f"/proc/self/fd/{fd}")))
        fsync(fd)

    def noted_replace(source: str, target: str) -> None:
        happened.append("named")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    manifest.write(str(folder))
    files_first, partial, named, names = happened[:3], *happened[3:]
    assert set(files_first) == {".metadata", "model.safetensors", "rank 0.pt"}
    assert partial.startswith("step-5.manifest.json.")
    assert (named, names) == ("named", tmp_path.name)


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ROWS = st.fixed_dictionaries(
    {"path": JSON | st.text(), "size_bytes": JSON, "sha256": JSON | st.just("0" * 64)}
)


@in_one_folder
@given(
    JSON | st.fixed_dictionaries({"version": JSON | st.just(1), "files": JSON | st.lists(ROWS, max_size=3)})
)
def test_any_document_is_judged_and_none_makes_a_checkpoint_good(tmp_path: Path, document: object) -> None:
    path = _file(tmp_path)
    _forge(path, document)
    assert manifest.check(str(path)).verdict is Verdict.DAMAGED


@in_one_folder
@given(st.data())
def test_no_changed_byte_is_overlooked(tmp_path: Path, data: st.DataObject) -> None:
    path = _file(tmp_path)
    manifest.write(str(path))
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    assert list(_findings(path)) == ["."]
