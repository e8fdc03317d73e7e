"""Damaged checkpoints of every format, made from a seed: the same seed and case make the same files."""

from __future__ import annotations

import hashlib
import json
import os
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from attrs import frozen

from core import checkpoint_files as files
from faults.whole_checkpoints import FORMATS, Tree

HUGE = 1 << 60
ODD_NAMES = (
    "step-1\n2{}",
    "\n{}",
    " {}",
    "-rf{}",
    "\u202egpj{}",
    "é\U0001f600{}",
    "'\"$(id){}",
    "step-9{}",
    "\t{}",
)


@frozen
class Case:
    """A damaged checkpoint.

    Attributes:
        path: Where it is.
        format: Which one.
        damage: What was done to it, for a failure's message.
        recorded: Whether a manifest of its whole state lies beside it.
        whole: Whether nothing was done to it.
    """

    path: str
    format: str
    damage: str
    recorded: bool
    whole: bool


def make(root: Path, seed: int, number: int) -> Case:
    """Write a case into an empty folder."""
    chance = random.Random(f"{seed}:{number}")
    name = chance.choice(sorted(FORMATS))
    suffix, whole = FORMATS[name]
    tree = dict(whole())
    stem = chance.choice(ODD_NAMES) if chance.random() < 0.3 else "step-5{}"
    path = root / stem.format(suffix)
    recorded = chance.random() < 0.6
    if recorded:
        Path(f"{path}.manifest.json").write_bytes(_manifest(name))
    damage = chance.choices(list(DAMAGES), weights=list(WEIGHTS), k=1)[0]
    write(path, tree)
    DAMAGES[damage](path, tree, chance)
    return Case(str(path), name, damage, recorded, damage == "nothing")


def write(path: Path, tree: Tree) -> None:
    """The files of a checkpoint."""
    for name, content in tree.items():
        target = path if name == "." else path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


@cache
def _manifest(name: str) -> bytes:
    rows = [
        {"path": path, "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for path, content in FORMATS[name][1]().items()
    ]
    return json.dumps({"version": 1, "files": rows}).encode()


def _chosen(path: Path, tree: Tree, chance: random.Random) -> tuple[Path, bytes]:
    """One of its files that is not empty, and what is in it."""
    name = chance.choice(sorted(name for name in tree if tree[name]))
    return (path if name == "." else path / name), tree[name]


def _truncated(path: Path, tree: Tree, chance: random.Random) -> None:
    file, content = _chosen(path, tree, chance)
    os.truncate(file, chance.randrange(len(content)))


def _flipped(path: Path, tree: Tree, chance: random.Random) -> None:
    file, content = _chosen(path, tree, chance)
    broken = bytearray(content)
    for at in chance.sample(range(len(content)), k=min(len(content), chance.choice((1, 1, 1, 2, 8, 40)))):
        broken[at] ^= 1 << chance.randrange(8)
    file.write_bytes(broken)


def _overwritten(path: Path, tree: Tree, chance: random.Random) -> None:
    """A part of it becomes zeros, noise, or the number that breaks readers: fields of 2, 4 and 8 bytes."""
    file, content = _chosen(path, tree, chance)
    width = chance.choice((2, 4, 8, 8, 64))
    at = chance.randrange(len(content))
    number = HUGE if width == 8 else (1 << 8 * min(width, 8)) - 1
    fields = (
        bytes(width),
        chance.randbytes(width),
        number.to_bytes(width, "little"),
        number.to_bytes(width, "big"),
    )
    broken = content[:at] + chance.choice(fields) + content[at + width :]
    file.write_bytes(broken if broken != content else content + b"\0")


def _claims_much(path: Path, tree: Tree, chance: random.Random) -> None:
    """A length somewhere near the beginning or in a directory says 2^60."""
    file, content = _chosen(path, tree, chance)
    claims = {
        b"PK\1\2": 20,
        b"PK\5\6": 12,
        b"\x89HDF": 40,
        b"NUMPY": 3,
        b"\x80\2": 3,
        b"{": -8,
    }
    found = [(content.find(mark) + shift) for mark, shift in claims.items() if mark in content]
    at = max(0, chance.choice(found or [0]))
    file.write_bytes(content[:at] + struct.pack("<Q", HUGE) + content[at + 8 :])


def _number_is_huge(path: Path, tree: Tree, chance: random.Random) -> None:
    """A number in its text, of a header or an index, becomes one that no computer counts to."""
    file, content = _chosen(path, tree, chance)
    digits = [at for at in range(len(content)) if content[at : at + 1].isdigit()]
    at = chance.choice(digits or [0])
    huge = chance.choice((str(HUGE), "9" * 5000, "1e999", "-1", "NaN")).encode()
    file.write_bytes(content[:at] + huge + content[at + 1 :])


def _bomb(path: Path, tree: Tree, chance: random.Random) -> None:
    """An archive that unpacks to more than it says, or to very much; honest or not about its size."""
    file, _ = _chosen(path, tree, chance)
    content = _bombs()[chance.randrange(len(_bombs()))]
    file.write_bytes(content)


@cache
def _bombs() -> list[bytes]:
    engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    megabyte = engine.compress(bytes(1 << 20)) + engine.flush(zlib.Z_FULL_FLUSH)
    packed = 3000 * megabyte + engine.flush()
    stored = files.zipped({"archive/data.pkl": packed, "config.json": b"{}"})
    bombs = [
        _with_sizes(stored, method=8, size=claimed) for claimed in (3000 << 20, 100, 0xFFFFFFFE, 3 << 20)
    ]
    inner = files.zipped({"a": bytes(1 << 20)}, zipfile.ZIP_DEFLATED)
    return [*bombs, files.zipped({f"archive/data/{n}": inner for n in range(50)})]


def _with_sizes(data: bytes, *, method: int, size: int) -> bytes:
    """The first member packed by another method, and of another size, than it was written."""
    for mark, method_at, size_at in ((b"PK\3\4", 8, 22), (b"PK\1\2", 10, 24)):
        at = data.index(mark)
        data = data[: at + method_at] + struct.pack("<H", method) + data[at + method_at + 2 :]
        data = data[: at + size_at] + struct.pack("<L", size) + data[at + size_at + 4 :]
    return data


def _extended(path: Path, tree: Tree, chance: random.Random) -> None:
    file, content = _chosen(path, tree, chance)
    file.write_bytes(chance.choice((content + chance.randbytes(chance.randrange(1, 99)), content * 2)))


def _sparse(path: Path, tree: Tree, chance: random.Random) -> None:
    """Of the size of a real one, and nothing but zeros behind a good beginning. Costs no disk."""
    file, content = _chosen(path, tree, chance)
    os.truncate(file, len(content) + chance.choice((1, 4096, 1 << 20)))


def _replaced(path: Path, tree: Tree, chance: random.Random) -> None:
    file, content = _chosen(path, tree, chance)
    deep = b'{"a":' * 3000
    others = (
        b"",
        b"\0" * len(content),
        chance.randbytes(len(content)),
        deep,
        b"[" * 20_000,
        b"null",
        b"PK\5\6",
    )
    new = chance.choice(others)
    file.write_bytes(new if new != content else b"x")


def _deep_header(path: Path, tree: Tree, chance: random.Random) -> None:
    """A header of JSON that has no bottom, or a pickle of lists in lists."""
    file, _ = _chosen(path, tree, chance)
    header = chance.choice((b'{"a":' + b"[" * 50_000, b"{" * 9, b'{"__metadata__":' + b'{"a":' * 9000))
    contents = (files.with_header(header), header, b"\x80\2" + b"]" * 50_000 + b"a" * 49_999 + b".")
    file.write_bytes(chance.choice(contents))


def _linked(path: Path, tree: Tree, chance: random.Random) -> None:
    """A file of it, or all of it, becomes a link: in a circle, to nothing, upward, or to what never ends."""
    file, _ = _chosen(path, tree, chance)
    file.unlink()
    targets = (file.name, "nowhere", "..", ".", "/dev/zero", "/proc/self/mem", "/etc/passwd")
    file.symlink_to(chance.choice(targets))
    up = path.parent / "more"
    up.mkdir()
    (up / "again").symlink_to("..")
    (up / "step-6.pt").symlink_to(f"../{path.name}/../more/step-6.pt")


def _led_out(path: Path, tree: Tree, chance: random.Random) -> None:
    """A file of a folder lies elsewhere, and a link to it is in its place."""
    if not path.is_dir():
        _linked(path, tree, chance)
        return
    file, _ = _chosen(path, tree, chance)
    file.rename(path.parent / "elsewhere")
    file.symlink_to(path.parent / "elsewhere")


def _folder_for_file(path: Path, tree: Tree, chance: random.Random) -> None:
    """A folder, a pipe or nothing where a file was."""
    file, _ = _chosen(path, tree, chance)
    file.unlink()
    chance.choice((file.mkdir, lambda: os.mkfifo(file), lambda: None))()


def _more_files(path: Path, tree: Tree, chance: random.Random) -> None:
    """A file too many, of an odd name, or folders in folders."""
    if not path.is_dir():
        _extended(path, tree, chance)
        return
    name = chance.choice(ODD_NAMES).format(chance.choice((".pt", ".safetensors", ".json", "")))
    deep = Path(*["d"] * chance.choice((1, 20)))
    (path / deep).mkdir(parents=True)
    (path / chance.choice((deep / name, Path(name)))).write_bytes(chance.choice((b"", b"x", files.torch())))


def _lying_manifest(path: Path, tree: Tree, chance: random.Random) -> None:
    """One that leads elsewhere, claims sizes that no disk has, has no bottom, or is cut short."""
    row = {"path": min(tree), "size_bytes": HUGE, "sha256": "0" * 64}
    rows = [{**row, "path": name} for name in ("../x", "/etc/passwd", "a/../../x", "a\0b", "x" * 5000, "")]
    texts = [json.dumps({"version": 1, "files": [one]}).encode() for one in (row, *rows)]
    texts += [
        b'{"version": 1, "files": ' + b"[" * 9000,
        b'{"version": 1, "files": [',
        b"",
        b"null",
        b"\0" * 99,
    ]
    Path(f"{path}.manifest.json").write_bytes(chance.choice(texts))


DAMAGES: dict[str, Callable[[Path, Tree, random.Random], None]] = {
    "truncated": _truncated,
    "bits flipped": _flipped,
    "overwritten": _overwritten,
    "claims 2^60 bytes": _claims_much,
    "a huge number": _number_is_huge,
    "a zip bomb": _bomb,
    "something behind its end": _extended,
    "zeros behind its end": _sparse,
    "replaced": _replaced,
    "a header without a bottom": _deep_header,
    "links": _linked,
    "a link that leads out": _led_out,
    "a folder, a pipe, nothing": _folder_for_file,
    "a file too many": _more_files,
    "a manifest that lies": _lying_manifest,
    "nothing": lambda *_: None,
}
WEIGHTS = (6, 10, 6, 4, 4, 1, 2, 2, 3, 2, 3, 1, 2, 2, 2, 2)
