"""A checkpoint is called good only when all that its format can tell is in order, and the place is named."""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runctl_core.checkpoints import manifest, zips
from runctl_core.checkpoints.deep import pickle_stream
from runctl_core.checkpoints.verdict import Evidence, Finding, Verdict, Verification
from runctl_core.checkpoints.verify import bytes_to_read, record, verify
from runctl_core.errors import NotFound

from . import checkpoint_files as files

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
WHOLE: dict[str, Callable[[], bytes]] = {
    "step-3.pt": files.torch,
    "step-3.pth": files.legacy_torch,
    "last.ckpt": files.torch,
    "step-3.npz": files.npz,
    "step-3.keras": files.keras,
    "step-3.safetensors": files.safetensors,
    "step-3.h5": files.hdf5,
    "step-3.pkl": files.pickled,
}


def _file(folder: Path, name: str, content: bytes) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


def _sharded(folder: Path) -> Path:
    shards = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    _file(folder, f"step-5/{shards[0]}", _shard("a", "b"))
    _file(folder, f"step-5/{shards[1]}", _shard("c"))
    index = {"weight_map": {"a": shards[0], "b": shards[0], "c": shards[1]}}
    _file(folder, "step-5/model.safetensors.index.json", json.dumps(index).encode())
    return folder / "step-5"


def _shard(*names: str) -> bytes:
    rows = {
        name: {"dtype": "U8", "shape": [4], "data_offsets": [4 * at, 4 * at + 4]}
        for at, name in enumerate(names)
    }
    return files.with_header(json.dumps(rows).encode()) + bytes(4 * len(names))


def _one_finding(path: str | Path) -> Finding:
    (finding,) = verify(str(path)).findings
    return finding


def _changed(content: bytes, part: bytes) -> bytes:
    """One bit of a part of it turned around."""
    at = content.index(part)
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_file_is_good(tmp_path: Path, name: str) -> None:
    path = _file(tmp_path, name, WHOLE[name]())
    verified = verify(path)
    assert (verified.verdict, verified.evidence, verified.findings) == (Verdict.GOOD, Evidence.FORMAT, ())
    assert verified.path == path


@pytest.mark.parametrize("name", WHOLE)
def test_no_beginning_of_a_file_is_good(tmp_path: Path, name: str) -> None:
    whole = WHOLE[name]()
    path = _file(tmp_path, name, whole)
    for size in range(len(whole) - 1, -1, -1):
        os.truncate(path, size)
        verdict = verify(path).verdict
        assert verdict is not Verdict.GOOD, f"{size} of {len(whole)} bytes are called a good checkpoint"


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
    found = _one_finding(_file(tmp_path, name, _changed(content, part)))
    assert (found.file, found.where, found.damage) == (".", where, True)
    assert "checksum" in found.what


def test_a_compressed_member_is_held_against_its_checksum(tmp_path: Path) -> None:
    data = files.zipped({"a.npy": os.urandom(3_000_000) + bytes(5_000_000)}, zipfile.ZIP_DEFLATED)
    assert verify(_file(tmp_path, "a.npz", data)).verdict is Verdict.GOOD
    member = zips.members(str(tmp_path / "a.npz"))["a.npy"]
    for at in (100, member.packed_bytes // 2, member.packed_bytes - 5):
        broken = bytearray(data)
        broken[at] ^= 0xFF
        assert verify(_file(tmp_path, "b.npz", bytes(broken))).verdict is Verdict.DAMAGED, at


def test_every_damaged_member_is_named(tmp_path: Path) -> None:
    data = _changed(_changed(files.torch(), bytes(range(64))), b"little")
    found = verify(_file(tmp_path, "a.pt", data)).findings
    assert [finding.where for finding in found] == ["member archive/byteorder", "member archive/data/0"]


def test_an_archive_without_checksums_is_not_called_good(tmp_path: Path) -> None:
    """`torch.save` leaves them out when it is told to, and writes zeros."""
    data = bytearray(files.torch())
    at = data.index(b"PK\1\2")
    while at >= 0:
        data[at + 16 : at + 20] = bytes(4)
        at = data.find(b"PK\1\2", at + 4)
    verified = verify(_file(tmp_path, "a.pt", bytes(data)))
    assert verified.verdict is Verdict.UNVERIFIABLE
    assert "without checksums" in verified.findings[0].what


def test_an_array_that_is_shorter_than_its_header_says_is_damaged(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (5,), }".ljust(117) + b"\n"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(32)
    found = _one_finding(_file(tmp_path, "a.npz", files.zipped({"w.npy": array})))
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
    found = verify(_file(tmp_path, "a.npz", body + entries + end)).findings
    assert [finding.where for finding in found] == ["member b.npy", "member c.npy"]
    assert "on top of" in found[0].what


def _claiming(data: bytes, size_bytes: int) -> bytes:
    """An archive of one member whose directory says another size of what is unpacked."""
    at = data.index(b"PK\1\2")
    return data[: at + 24] + struct.pack("<L", size_bytes) + data[at + 28 :]


@pytest.mark.parametrize("claimed", [0, 100, 49_999_999, 50_000_001])
def test_a_member_that_unpacks_to_another_size_than_it_says_is_damaged(tmp_path: Path, claimed: int) -> None:
    data = _claiming(files.zipped({"w.npy": bytes(50_000_000)}, zipfile.ZIP_DEFLATED), claimed)
    found = _one_finding(_file(tmp_path, "a.npz", data))
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
    verified = verify(_file(tmp_path, "a.npz", data), advance=read.append)
    assert "zip bomb" in verified.findings[0].what
    assert read == []


def test_a_method_of_packing_that_is_not_known_is_said(tmp_path: Path) -> None:
    path = _file(tmp_path, "a.npz", files.zipped({"w.npy": b"abc"}, zipfile.ZIP_LZMA))
    verified = verify(path)
    assert (verified.verdict, verified.findings[0].where) == (Verdict.UNVERIFIABLE, "member w.npy")


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (self.mark,)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle", ".joblib", ".npz"])
@pytest.mark.parametrize("zipped", [False, True])
def test_no_pickle_is_ever_run(tmp_path: Path, suffix: str, zipped: bool) -> None:
    mark = tmp_path / "it ran"
    bomb = pickle.dumps(Bomb(str(mark)))
    path = _file(tmp_path, f"step-1{suffix}", files.torch(bomb) if zipped else bomb)
    record(verify(path))
    verify(path)
    assert not mark.exists(), "a checkpoint's code ran on this computer"
    pickle.loads(bomb)  # noqa: S301  the test must be able to fail
    assert mark.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_pickle_is_followed_to_its_end(tmp_path: Path, protocol: int) -> None:
    value = {
        "step": 3,
        "big": 1 << 3000,
        "w": [1.5, None, True] * 90,
        "blob": bytes(70_000),
        "text": "é\n" * 99,
    }
    data = pickle.dumps(value, protocol) + pickle.dumps(complex(1, 2), protocol)
    verified = verify(_file(tmp_path, "a.pkl", data))
    assert (verified.findings, verified.read_bytes) == ((), len(data))
    for size in range(1, len(data) - 40, len(data) // 40):
        path = _file(tmp_path, "cut.pkl", data[:size])
        whole_first = size == len(pickle.dumps(value, protocol))
        assert (verify(path).verdict is Verdict.GOOD) == whole_first


def test_a_pickle_that_claims_more_than_there_is_names_the_byte(tmp_path: Path) -> None:
    for opcode, length in ((b"\x8e", (1 << 60).to_bytes(8, "little")), (b"B", b"\xff" * 4), (b"C", b"\xff")):
        found = _one_finding(_file(tmp_path, "a.pkl", b"\x80\x04" + opcode + length + b"..."))
        assert (found.damage, found.where) == (True, f"byte {3 + len(length)}")
        assert "cut short" in found.what


@pytest.mark.parametrize("content", [b"\x78\x9c\x01\x02", b"BZh9", b"\x1f\x8b\x08", b"hello world"])
def test_what_is_no_pickle_is_not_called_good_or_damaged(tmp_path: Path, content: bytes) -> None:
    assert verify(_file(tmp_path, "a.joblib", content)).verdict is Verdict.UNVERIFIABLE


def test_arrays_between_the_instructions_are_said(tmp_path: Path) -> None:
    data = (
        b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x13joblib.numpy_pickle\x8c\x11NumpyArrayWrapper\x93"
        + b"\xff" * 99
    )
    found = _one_finding(_file(tmp_path, "a.joblib", data + b"."))
    assert ("joblib" in found.what, found.damage) == (True, False)


def test_shards_that_lack_what_the_index_says_are_damaged(tmp_path: Path) -> None:
    folder = _sharded(tmp_path)
    assert verify(str(folder)).verdict is Verdict.GOOD
    _file(folder, "model-00002-of-00002.safetensors", _shard("x"))
    found = _one_finding(folder)
    assert found.file == "model-00002-of-00002.safetensors"
    assert "says that c is in it" in found.what


def test_a_shard_that_is_missing_or_elsewhere_is_damage(tmp_path: Path) -> None:
    folder = _sharded(tmp_path)
    (folder / "model-00002-of-00002.safetensors").rename(tmp_path / "elsewhere.safetensors")
    assert verify(str(folder)).verdict is Verdict.DAMAGED
    (folder / "model-00002-of-00002.safetensors").symlink_to("../elsewhere.safetensors")
    assert "out of the checkpoint" in " ".join(finding.what for finding in verify(str(folder)).findings)


def test_damage_in_a_folder_names_the_file_and_its_member(tmp_path: Path) -> None:
    _file(tmp_path, "checkpoint-5/model.safetensors", files.safetensors())
    _file(tmp_path, "checkpoint-5/optimizer.pt", _changed(files.torch(), bytes(range(64))))
    found = _one_finding(tmp_path / "checkpoint-5")
    assert (found.file, found.where) == ("optimizer.pt", "member archive/data/0")
    os.truncate(tmp_path / "checkpoint-5" / "model.safetensors", 20)
    files_found = {finding.file for finding in verify(str(tmp_path / "checkpoint-5")).findings}
    assert files_found == {"model.safetensors", "optimizer.pt"}


@pytest.mark.parametrize("name", WHOLE)
def test_a_quick_look_reads_headers_only(tmp_path: Path, name: str) -> None:
    path = _file(tmp_path, name, WHOLE[name]())
    verified = verify(path, quick=True)
    assert (verified.evidence, verified.read_bytes, bytes_to_read(path, quick=True)) == (
        Evidence.HEADERS,
        0,
        0,
    )
    assert verified.verdict is (Verdict.UNVERIFIABLE if name.endswith(".pkl") else Verdict.GOOD)
    os.truncate(path, os.path.getsize(path) - 1)
    assert verify(path, quick=True).verdict is Verdict.DAMAGED


def test_what_is_read_is_announced(tmp_path: Path) -> None:
    for name, make in WHOLE.items():
        path = _file(tmp_path, name, make())
        for recorded in (False, True):
            read: list[int] = []
            verified = verify(path, advance=read.append)
            assert sum(read) == verified.read_bytes <= bytes_to_read(path)
            if recorded:
                assert verified.read_bytes == bytes_to_read(path) == os.path.getsize(path)
            else:
                assert record(verified)


def test_a_manifest_decides_where_there_is_one(tmp_path: Path) -> None:
    path = _file(tmp_path, "a.safetensors", files.safetensors())
    assert record(verify(path))
    assert verify(path).evidence is Evidence.HASHES
    _file(tmp_path, "a.safetensors", files.safetensors()[:-1] + b"\xff")
    assert verify(path).verdict is Verdict.DAMAGED
    assert verify(path, quick=True).evidence is Evidence.SIZES


def test_nothing_is_recorded_of_what_is_not_good_or_has_a_manifest(tmp_path: Path) -> None:
    damaged = _file(tmp_path, "a.pt", _changed(files.torch(), bytes(range(64))))
    unknown = _file(tmp_path, "b.joblib", b"\x78\x9c\x01\x02")
    good = _file(tmp_path, "c.pt", files.torch())
    manifest.write(good)
    assert not any(record(verify(path)) for path in (damaged, unknown, good))
    assert sorted(os.listdir(tmp_path)) == ["a.pt", "b.joblib", "c.pt", "c.pt.manifest.json"]


def test_what_is_no_checkpoint_is_not_found(tmp_path: Path) -> None:
    for place in (tmp_path / "nothing.pt", tmp_path):
        with pytest.raises(NotFound):
            verify(str(place))
    _file(tmp_path, "notes.txt", b"hello")
    with pytest.raises(NotFound):
        verify(str(tmp_path / "notes.txt"))


def test_a_verdict_is_good_only_without_a_finding() -> None:
    def of(*damage: bool) -> Verdict:
        found = tuple(Finding(".", "what", damage=one) for one in damage)
        return Verification("/a", Evidence.FORMAT, found).verdict

    assert [of(), of(False), of(True), of(False, True)] == ["good", "unverifiable", "damaged", "damaged"]


MEMORY = """
import sys
from runctl_core.checkpoints.verify import verify
print(verify(sys.argv[1]).verdict)
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.parametrize("name", ["a.npz", "a.pkl", "a.pt"])
def test_large_files_are_verified_in_little_memory(tmp_path: Path, name: str) -> None:
    value = bytes(150_000_000)
    content = {
        "a.npz": lambda: files.zipped({"w.npy": value}, zipfile.ZIP_DEFLATED),
        "a.pkl": lambda: pickle.dumps([value, 1]),
        "a.pt": lambda: files.torch(value),
    }[name]()
    path = _file(tmp_path, name, content)
    done = subprocess.run([sys.executable, "-c", MEMORY, path], capture_output=True, text=True, check=True)
    verdict, peak_kb = done.stdout.split()
    os.unlink(path)
    assert (verdict, int(peak_kb) < 50_000) == ("good", True), f"{peak_kb} kB were taken"


@in_one_folder
@given(st.binary(max_size=300))
def test_any_bytes_are_followed_as_a_pickle(tmp_path: Path, content: bytes) -> None:
    path = _file(tmp_path, "x.pkl", content)
    found = list(pickle_stream.check(path, ".", lambda _: None))
    assert len(found) <= 1


@in_one_folder
@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_any_damage_is_judged(tmp_path: Path, name: str, data: st.DataObject) -> None:
    content = bytearray(WHOLE[name]())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[at] = data.draw(st.integers(0, 255))
    verified = verify(_file(tmp_path, name, bytes(content)))
    assert (verified.verdict is Verdict.GOOD) == (not verified.findings)


@in_one_folder
@given(st.lists(st.binary(max_size=4000), min_size=1, max_size=5), st.sampled_from([0, 8]), st.data())
def test_any_archive_is_good_and_none_with_a_changed_content_is(
    tmp_path: Path, contents: list[bytes], method: int, data: st.DataObject
) -> None:
    whole = files.zipped({f"{n}.bin": content for n, content in enumerate(contents)}, method)
    path = _file(tmp_path, "x.npz", whole)
    if any(contents):
        assert verify(path).findings == ()
    members = [m for m in zips.members(path).values() if m.packed_bytes and m.size_bytes]
    if members and method == 0:
        member = data.draw(st.sampled_from(members))
        begin = member.at + 30 + len("0.bin")
        at = begin + data.draw(st.integers(0, member.packed_bytes - 1))
        broken = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
        assert verify(_file(tmp_path, "y.npz", broken)).verdict is Verdict.DAMAGED
