"""What the receiving program refuses, whoever sends it; it is run here as it runs on a machine."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from runctl_core.sync.program import program_to_run
from runctl_core.sync.receiver.program import MARK

DATA = b"hello"
DIGEST = hashlib.sha256(DATA).hexdigest().encode()


def _file(path: bytes, kind: bytes = b"f") -> bytes:
    return b"%s 644 5 %s %s\0" % (kind, DIGEST, path)


def _link(path: bytes, to: bytes) -> bytes:
    return b"l 0 0 - %s\0%s\0" % (path, to)


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(8, "big") + data


def _unread(path: bytes) -> bytes:
    return b"f 644 5 - %s\0" % path


def _ask(
    target: Path,
    manifest: bytes,
    *,
    files: int,
    cut: int = 0,
    hashes: bool = False,
    name: bytes = b"n" * 16,
    last: bytes = b"m" * 16,
) -> list[bytes]:
    """Build a tree of files that all have the same content, whose hash comes first or after it."""
    boot, sources = program_to_run()
    listed = b" ".join(b"%d" % number for number in range(files))
    sent = (0).to_bytes(8, "big") + DATA + (DIGEST if hashes else b"")
    given = sources + name + _sized(manifest) + _sized(listed) + sent * files + (last if hashes else b"")
    argv = [sys.executable, "-I", "-S", "-c", boot, str(target)]
    done = subprocess.run(argv, input=given[: len(given) - cut], capture_output=True, check=False)
    assert not done.stderr
    return done.stdout.rpartition(MARK)[2].split(b"\0")


HOSTILE = {
    "absolute": _file(b"/tmp/evil"),
    "upwards": _file(b"../evil"),
    "upwards within": _file(b"a/../../evil"),
    "dot": _file(b"./a"),
    "empty part": _file(b"a//b"),
    "no name": _file(b""),
    "absolute link": _link(b"a", b"/etc"),
    "link upwards": _link(b"a/b", b"../../evil"),
    "link to nothing": _link(b"a", b""),
    "through a link": _link(b"a", b"b") + _file(b"a/evil"),
    "below a file": _file(b"a") + _file(b"a/b"),
    "twice": _file(b"a") + _file(b"a"),
    "device": _file(b"a", b"c"),
    "hard link": _file(b"a", b"h"),
    "pipe": _file(b"a", b"p"),
    "damaged": b"f 644\0",
    "no size": b"f 644 x - a\0",
    "two links that lead out together": _link(b"a/b/up", b"../..") + _link(b"a/b/c/out", b"../up/../evil"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_member_that_would_leave_the_tree_is_refused(what: str, tmp_path: Path) -> None:
    target = tmp_path / "there"
    manifest = HOSTILE[what]
    answer = _ask(target, manifest, files=0 if manifest.startswith(b"l") else manifest.count(DIGEST))
    assert answer[0] == b"unsafe", f"{what} was taken: {answer}"
    assert {path.name for path in tmp_path.rglob("*")} <= {"there", "trees", "lock"}, "something was written"


@pytest.mark.parametrize("name", [b"../../../tmp/evil", b"/tmp/evil/evil/ev", b"a" * 15 + b"\0"])
def test_a_tree_is_not_given_a_name_that_leads_elsewhere(tmp_path: Path, name: bytes) -> None:
    answer = _ask(tmp_path / "there", _file(b"a"), files=1, name=name[:16])
    assert answer == [b"unsafe", b"the name of the files would lead elsewhere"]
    last = _ask(tmp_path / "there", _unread(b"a"), files=1, hashes=True, last=name[:16])
    assert last == [b"unsafe", b"the name of the files would lead elsewhere"]
    assert not list((tmp_path / "there/trees").iterdir())


def test_a_hash_may_come_after_its_content(tmp_path: Path) -> None:
    kind, tree, *_ = _ask(tmp_path / "there", _unread(b"a") + _unread(b"b"), files=2, hashes=True)
    assert (kind, Path(tree.decode()).name) == (b"tree", "m" * 16)
    assert Path(tree.decode(), "b").read_bytes() == DATA
    again = _ask(tmp_path / "there", _file(b"a") + _file(b"b"), files=0, name=b"m" * 16)
    assert again[:2] == [b"tree", tree], "what came is not known by its hash"


@pytest.mark.parametrize("cut", [1, 16, 17, 80, 81])
def test_of_what_was_cut_short_before_its_hash_nothing_is_used(cut: int, tmp_path: Path) -> None:
    assert _ask(tmp_path / "there", _unread(b"a"), files=1, hashes=True, cut=cut) == [b"cut"]
    assert not list((tmp_path / "there/trees").iterdir()), "a half tree would be used"


def test_an_honest_manifest_is_taken_by_the_same_program(tmp_path: Path) -> None:
    manifest = _file(b"a/b") + _link(b"a/l", b"../a/b") + _link(b"up", b".")
    kind, tree, *_ = _ask(tmp_path / "there", manifest, files=1)
    assert kind == b"tree"
    assert Path(tree.decode(), "a/l").read_bytes() == DATA


def test_a_content_that_is_not_what_was_said_is_asked_for_again(tmp_path: Path) -> None:
    manifest = _file(b"a") + b"f 644 5 %s b\0" % (b"0" * 64)
    assert _ask(tmp_path / "there", manifest, files=2) == [b"missing", b"1"]
    assert not list((tmp_path / "there/trees").iterdir())


@pytest.mark.parametrize("cut", [1, 5, 6, 12, 13, 14])
def test_of_what_was_cut_short_nothing_is_used(cut: int, tmp_path: Path) -> None:
    assert _ask(tmp_path / "there", _file(b"a") + _file(b"b"), files=2, cut=cut) == [b"cut"]
    assert not list((tmp_path / "there/trees").iterdir()), "a half tree would be used"


@pytest.mark.parametrize("cut", range(1, 10))
def test_of_a_list_of_files_that_was_cut_short_nothing_is_made(cut: int, tmp_path: Path) -> None:
    _ask(tmp_path / "there", _file(b"a"), files=1)
    for short in (cut, len(_file(b"b")) + cut):  # within what is to come, and within the members
        answer = _ask(tmp_path / "there", _file(b"a") + _file(b"b"), files=0, cut=short)
        assert answer == [b"cut"]
    assert len(list((tmp_path / "there/trees").glob("*.index"))) == 1, "a part of a tree would be used"


def test_what_came_whole_before_a_cut_is_not_needed_again(tmp_path: Path) -> None:
    _ask(tmp_path / "there", _file(b"a") + _file(b"b"), files=2, cut=3)
    kind, *_ = _ask(tmp_path / "there", _file(b"a") + _file(b"b"), files=0)
    assert kind == b"tree"
    assert not list((tmp_path / "there").glob("building-*"))


def test_too_little_room_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    manifest = b"f 644 %d %s a\0" % (1 << 60, DIGEST)
    kind, _, why = _ask(tmp_path / "there", manifest, files=0)
    assert kind == b"full"
    assert why.startswith(b"1152921504606846976 bytes are needed")
