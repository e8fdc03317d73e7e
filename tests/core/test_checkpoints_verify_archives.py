"""Archives are read to their end: each member is held against its checksum, and no bomb goes off."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_core.checkpoints import zips
from runctl_core.checkpoints.verdict import Verdict
from runctl_core.checkpoints.verify import verify

from . import checkpoint_files as files
from .verifying import changed, in_one_folder, one_finding, saved


@pytest.mark.parametrize(
    ("name", "content", "part", "where"),
    [
        ("a.pt", files.torch(), bytes(range(64)), "member archive/data/0"),
        ("a.pt", files.torch(), b"little", "member archive/byteorder"),
        ("a.npz", files.npz(), struct.pack("<4d", 1, 2, 3, 4), "member w1.npy"),
        ("a.keras", files.keras(), b"\x89HDF", "member model.weights.h5"),
    ],
)
def test_a_changed_bit_in_an_archive_is_found_in_its_member(
    tmp_path: Path, name: str, content: bytes, part: bytes, where: str
) -> None:
    found = one_finding(saved(tmp_path, name, changed(content, part)))
    assert (found.file, found.where, found.damage) == (".", where, True)
    assert "checksum" in found.what


def test_a_compressed_member_is_held_against_its_checksum(tmp_path: Path) -> None:
    data = files.zipped({"a.npy": os.urandom(3_000_000) + bytes(5_000_000)}, zipfile.ZIP_DEFLATED)
    assert verify(saved(tmp_path, "a.npz", data)).verdict is Verdict.GOOD
    member = zips.members(str(tmp_path / "a.npz"))["a.npy"]
    for at in (100, member.packed_bytes // 2, member.packed_bytes - 5):
        broken = bytearray(data)
        broken[at] ^= 0xFF
        assert verify(saved(tmp_path, "b.npz", bytes(broken))).verdict is Verdict.DAMAGED, at


def test_every_damaged_member_is_named(tmp_path: Path) -> None:
    data = changed(changed(files.torch(), bytes(range(64))), b"little")
    found = verify(saved(tmp_path, "a.pt", data)).findings
    assert [finding.where for finding in found] == ["member archive/byteorder", "member archive/data/0"]


def test_an_archive_without_checksums_is_not_called_good(tmp_path: Path) -> None:
    """`torch.save` leaves them out when it is told to, and writes zeros."""
    data = bytearray(files.torch())
    at = data.index(b"PK\1\2")
    while at >= 0:
        data[at + 16 : at + 20] = bytes(4)
        at = data.find(b"PK\1\2", at + 4)
    verified = verify(saved(tmp_path, "a.pt", bytes(data)))
    assert verified.verdict is Verdict.UNVERIFIABLE
    assert "without checksums" in verified.findings[0].what


def test_an_array_that_is_shorter_than_its_header_says_is_damaged(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (5,), }".ljust(117) + b"\n"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(32)
    found = one_finding(saved(tmp_path, "a.npz", files.zipped({"w.npy": array})))
    assert (found.where, found.what) == ("member w.npy", "its array needs 168 bytes, and it has 160")


def test_members_that_lie_on_top_of_each_other_are_damaged(tmp_path: Path) -> None:
    """Such a bomb unpacks one piece a thousand times."""
    name, content = b"a.npy", bytes(4000)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 0, zlib.crc32(content), 4000, 4000, 5, 0)
    entries = b"".join(
        struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, zlib.crc32(content), 4000, 4000, 5, 0, 0, 0, 0, 0, 0
        )
        + bytes([97 + n])
        + name[1:]
        for n in range(3)
    )
    body = local + name + content
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 3, 3, len(entries), len(body), 0)
    found = verify(saved(tmp_path, "a.npz", body + entries + end)).findings
    assert [finding.where for finding in found] == ["member b.npy", "member c.npy"]
    assert "on top of" in found[0].what


def _claiming(data: bytes, size_bytes: int) -> bytes:
    """An archive of one member whose directory says another size of what is unpacked."""
    at = data.index(b"PK\1\2")
    return data[: at + 24] + struct.pack("<L", size_bytes) + data[at + 28 :]


@pytest.mark.parametrize("claimed", [0, 100, 49_999_999, 50_000_001])
def test_a_member_that_unpacks_to_another_size_than_it_says_is_damaged(tmp_path: Path, claimed: int) -> None:
    data = _claiming(files.zipped({"w.npy": bytes(50_000_000)}, zipfile.ZIP_DEFLATED), claimed)
    found = one_finding(saved(tmp_path, "a.npz", data))
    assert "more than" in found.what if claimed < 50_000_000 else "less than" in found.what


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    megabyte = bytes(1 << 20)
    packed = b"".join(engine.compress(megabyte) for _ in range(300)) + engine.flush()
    data = files.zipped({"w.npy": packed})
    for mark, method_at, size_at in ((b"PK\3\4", 8, 22), (b"PK\1\2", 10, 24)):
        at = data.index(mark)
        data = data[: at + method_at] + b"\x08" + data[at + method_at + 1 :]
        data = data[: at + size_at] + struct.pack("<L", 300 << 20) + data[at + size_at + 4 :]
    read: list[int] = []
    verified = verify(saved(tmp_path, "a.npz", data), advance=read.append)
    assert "zip bomb" in verified.findings[0].what
    assert read == []


def test_a_method_of_packing_that_is_not_known_is_said(tmp_path: Path) -> None:
    path = saved(tmp_path, "a.npz", files.zipped({"w.npy": b"abc"}, zipfile.ZIP_LZMA))
    verified = verify(path)
    assert (verified.verdict, verified.findings[0].where) == (Verdict.UNVERIFIABLE, "member w.npy")


@in_one_folder
@given(st.lists(st.binary(max_size=4000), min_size=1, max_size=5), st.sampled_from([0, 8]), st.data())
def test_any_archive_is_good_and_none_with_a_changed_content_is(
    tmp_path: Path, contents: list[bytes], method: int, data: st.DataObject
) -> None:
    whole = files.zipped({f"{n}.bin": content for n, content in enumerate(contents)}, method)
    path = saved(tmp_path, "x.npz", whole)
    if any(contents):
        assert verify(path).findings == ()
    members = [m for m in zips.members(path).values() if m.packed_bytes and m.size_bytes]
    if members and method == 0:
        member = data.draw(st.sampled_from(members))
        begin = member.at + 30 + len("0.bin")
        at = begin + data.draw(st.integers(0, member.packed_bytes - 1))
        broken = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
        assert verify(saved(tmp_path, "y.npz", broken)).verdict is Verdict.DAMAGED
