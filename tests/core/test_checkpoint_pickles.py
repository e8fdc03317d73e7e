"""Pickles are read as data: what they say is told, and nothing that they name is imported or called."""

from __future__ import annotations

import contextlib
import io
import pickle
import pickletools
import struct
import sys
from collections import OrderedDict
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_core.checkpoints import pickles
from runctl_core.checkpoints.pickles import Made, TooLong, Unreadable, read, walk

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@given(PLAIN, st.sampled_from([2, 3, 4, 5]))
def test_a_plain_value_is_read_as_it_was_written(value: object, protocol: int) -> None:
    read_value = read(io.BytesIO(pickle.dumps(value, protocol)))
    if protocol > 2:  # which writes bytes as a call
        assert read_value == value


def test_every_instruction_that_pickles_have_is_known() -> None:
    known = {*pickles._PUSHES, *pickles._ACTS, *pickles._NOTHING}
    assert {op.name for op in pickletools.opcodes} == known, "a pickle of this kind could not be described"


def test_what_would_be_called_is_noted() -> None:
    made = read(io.BytesIO(pickle.dumps(OrderedDict(a=Decimal(1)), protocol=4)))
    assert (made.name, list(made.items)) == ("collections OrderedDict", ["a"])
    assert [one.name for one in walk(made)] == ["collections OrderedDict", "decimal Decimal"]


@pytest.mark.parametrize("protocol", range(6))
def test_a_name_is_never_imported(protocol: int, monkeypatch: pytest.MonkeyPatch) -> None:
    strange = {b"builtins": b"tabnanny", b"__builtin__": b"rlcompleter"}
    data = pickle.dumps(print, protocol)
    for name, module in strange.items():
        data = data.replace(name, module)
        monkeypatch.delitem(sys.modules, module.decode(), raising=False)
    read(io.BytesIO(data))
    assert not {"tabnanny", "rlcompleter"} & set(sys.modules), "a pickle made us import a module"
    with pytest.raises(AttributeError):
        pickle.loads(data)  # noqa: S301  the test must be able to fail
    assert {"tabnanny", "rlcompleter"} & set(sys.modules), "the test could not fail"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for content in (data, b"\x80\x04" + data, data + b"."):
        with contextlib.suppress(Unreadable):
            list(walk(read(io.BytesIO(content))))


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=6), st.binary(min_size=6, max_size=6))
def test_any_damage_is_read_or_refused(places: list[int], values: bytes) -> None:
    data = bytearray(pickle.dumps({"epoch": 3, "w": OrderedDict(a=[1, 2.5]), "n": (None, b"x")}, 4))
    for at, value in zip(places, values, strict=False):
        data[at % len(data)] = value
    with contextlib.suppress(Unreadable):
        list(walk(read(io.BytesIO(bytes(data)))))


HOSTILE = {
    "a tuple without a bottom": b")" + b"\x85" * 150_000 + b".",
    "a key without a bottom": b"}(" + b")" + b"\x85" * 150_000 + b"K\x01u.",
    "a list in itself": b"]q\x01h\x01a.",
    "many lists of one list": b"(](K\x01K\x01eq\x01" + b"(h\x01t" * 40_000 + b"t.",
    "a dictionary as keywords, again and again": b"}(K\x01Nuq\x01(" + b"cb\nc\n)h\x01\x92" * 9_000 + b"t.",
    "a number of a megabyte": b"\x8b" + struct.pack("<i", 1 << 20) + b"\x7f" * (1 << 20) + b".",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_shapes_are_walked_through(name: str) -> None:
    assert all(isinstance(made, Made) for made in walk(read(io.BytesIO(HOSTILE[name]))))


def test_more_instructions_than_are_followed_are_no_damage() -> None:
    with pytest.raises(TooLong, match="200000 instructions"):
        read(io.BytesIO(b"(" + b"N" * 200_001 + b"t."))


@pytest.mark.parametrize("claimed", [b"\x8e", b"\x8d", b"\x96"])
def test_a_length_that_is_claimed_is_not_reserved(claimed: bytes) -> None:
    with pytest.raises(Unreadable):
        read(io.BytesIO(claimed + struct.pack("<Q", 1 << 60) + b"x."))
