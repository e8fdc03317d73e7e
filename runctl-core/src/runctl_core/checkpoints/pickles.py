"""Pickles, read as data: what they would build is written down, and nothing is ever built.

A pickle is a program for a small machine. Here that machine has no instruction that imports, calls or
sets anything: where the real one would, it notes the name and the arguments as a `Made`. So a hostile
pickle is a list of strange names. Bytes and instructions are bounded.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

MOST_BYTES = 16 << 20
"""More of a pickle than this is not read."""

MOST_STEPS = 200_000
"""So many instructions are followed: half a second's work."""


class Unreadable(Exception):
    """It is no whole pickle; the message says why."""


class TooLong(Unreadable):
    """It is larger than what is read here, and may be whole."""


class Name:
    """A name that the pickle would import: never imported here."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Made:
    """Something that the pickle would make by calling: never called here.

    Attributes:
        name: What would be called, as `module name`; empty when that is no name.
        args: The arguments.
        state: What would be set on the result, or None.
        items: What would be added to it, by key.
    """

    __slots__ = ("args", "items", "name", "state")

    def __init__(self, name: str, args: Any) -> None:
        self.name = name
        self.args = args
        self.state: Any = None
        self.items: dict[Any, Any] = {}


def read(file: BinaryIO, most_steps: int = MOST_STEPS) -> Any:
    """What the next pickle of a file would build, with `Name` and `Made` for all that is no plain value.

    The file is left behind the pickle.

    Args:
        file: The file, in memory: no more than `MOST_BYTES` of it are followed.
        most_steps: How many instructions to follow.

    Raises:
        TooLong: It goes on for longer than that.
        Unreadable: It is damaged.
    """
    machine = _Machine()
    try:
        for steps, (code, argument, _) in enumerate(pickletools.genops(file)):
            if steps > most_steps:
                raise TooLong(f"more than {most_steps} instructions")
            machine.follow(code.name, argument)
        return machine.stack[-1]
    except Unreadable:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, AssertionError) as error:
        if file.tell() > MOST_BYTES:
            raise TooLong(f"more than {MOST_BYTES} bytes") from error
        raise Unreadable(f"it is damaged: {error}") from error


def walk(value: Any) -> Iterator[Made]:
    """Every `Made` in a value, each once, however it is nested or goes round in circles."""
    seen: set[int] = set()
    todo = [value]
    while todo:
        one = todo.pop()
        if not isinstance(one, list | tuple | dict | Made) or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Made):
            yield one
            todo += [one.args, one.state, one.items]
        elif isinstance(one, dict):
            todo += [*one.values(), *(key for key in one if isinstance(key, Made))]
        else:
            todo += one


_MARK = object()
_KEYS = (str, int, float, bytes, type(None), Made)


class _Machine:
    """The stack, the memo, and what each instruction does to them."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def follow(self, code: str, argument: Any) -> None:
        if code in _PUSHES:
            self.stack.append(argument)
        elif act := _ACTS.get(code):
            act(self, argument)
        elif code not in _NOTHING:
            raise Unreadable(f"an instruction that is not known here: {code}")

    def to_mark(self) -> list[Any]:
        taken: list[Any] = []
        while (one := self.stack.pop()) is not _MARK:
            taken.append(one)
        taken.reverse()
        return taken

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def keep(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def pop(self) -> None:
        self.stack.pop()

    def pack(self, count: int) -> None:
        taken = tuple(self.stack[-count:])
        if len(taken) < count:
            raise Unreadable("its stack is empty")
        self.stack[-count:] = [taken]

    def call(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = Made(_called(self.stack[-1]), args)

    def call_with_keywords(self) -> None:
        keywords = self.stack.pop()
        self.call()
        self.stack[-1].state = keywords

    def build(self) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], Made):
            self.stack[-1].state = state

    def append(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(values)
        elif isinstance(target, Made):
            target.items.update((Made("", None), value) for value in values)

    def set_items(self, flat: list[Any]) -> None:
        target = self.stack[-1]
        into = target.items if isinstance(target, Made) else target
        if isinstance(into, dict):
            # A key of another kind could be too deep to be hashed: it is one of its own.
            for key, value in zip(flat[::2], flat[1::2], strict=True):
                into[key if isinstance(key, _KEYS) else Made("", key)] = value

    def name(self) -> None:
        attribute, module = self.stack.pop(), self.stack.pop()
        self.stack.append(Name(f"{module} {attribute}" if isinstance(module, str) else ""))


def _called(what: Any) -> str:
    return what.text if isinstance(what, Name) else ""


_Act = Callable[[_Machine, Any], None]
_PUSHES = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES"
    " BINBYTES8 BYTEARRAY8 UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8 FLOAT BINFLOAT".split()
)
_NOTHING = frozenset(["PROTO", "FRAME", "STOP", "READONLY_BUFFER"])
_ACTS: dict[str, _Act] = {
    "NONE": lambda m, _: m.push(None),
    "NEWTRUE": lambda m, _: m.push(True),
    "NEWFALSE": lambda m, _: m.push(False),
    "EMPTY_LIST": lambda m, _: m.push([]),
    "EMPTY_TUPLE": lambda m, _: m.push(()),
    "EMPTY_DICT": lambda m, _: m.push({}),
    "EMPTY_SET": lambda m, _: m.push([]),
    "MARK": lambda m, _: m.push(_MARK),
    "POP": lambda m, _: m.pop(),
    "POP_MARK": lambda m, _: _ignored(m.to_mark()),
    "DUP": lambda m, _: m.push(m.stack[-1]),
    "LIST": lambda m, _: m.push(m.to_mark()),
    "TUPLE": lambda m, _: m.push(tuple(m.to_mark())),
    "FROZENSET": lambda m, _: m.push(m.to_mark()),
    "TUPLE1": lambda m, _: m.pack(1),
    "TUPLE2": lambda m, _: m.pack(2),
    "TUPLE3": lambda m, _: m.pack(3),
    "APPEND": lambda m, _: m.append([m.stack.pop()]),
    "APPENDS": lambda m, _: m.append(m.to_mark()),
    "ADDITEMS": lambda m, _: m.append(m.to_mark()),
    "SETITEM": lambda m, _: m.set_items([m.stack.pop(-2), m.stack.pop()]),
    "SETITEMS": lambda m, _: m.set_items(m.to_mark()),
    "DICT": lambda m, _: _dictionary(m, m.to_mark()),
    "PUT": lambda m, index: m.keep(index),
    "BINPUT": lambda m, index: m.keep(index),
    "LONG_BINPUT": lambda m, index: m.keep(index),
    "MEMOIZE": lambda m, _: m.keep(len(m.memo)),
    "GET": lambda m, index: m.push(m.memo[index]),
    "BINGET": lambda m, index: m.push(m.memo[index]),
    "LONG_BINGET": lambda m, index: m.push(m.memo[index]),
    "GLOBAL": lambda m, text: m.push(Name(text)),
    "STACK_GLOBAL": lambda m, _: m.name(),
    "REDUCE": lambda m, _: m.call(),
    "NEWOBJ": lambda m, _: m.call(),
    "NEWOBJ_EX": lambda m, _: m.call_with_keywords(),
    "OBJ": lambda m, _: _object(m, m.to_mark()),
    "INST": lambda m, text: m.push(Made(text, tuple(m.to_mark()))),
    "BUILD": lambda m, _: m.build(),
    "PERSID": lambda m, text: m.push(Made("persistent", text)),
    "BINPERSID": lambda m, _: m.push(Made("persistent", m.stack.pop())),
    "EXT1": lambda m, _: m.push(Name("")),
    "EXT2": lambda m, _: m.push(Name("")),
    "EXT4": lambda m, _: m.push(Name("")),
    "NEXT_BUFFER": lambda m, _: m.push(None),
}
"""What the machine does at each instruction. None of them imports, calls or sets anything real."""


def _ignored(_: object) -> None:
    pass


def _dictionary(machine: _Machine, flat: list[Any]) -> None:
    machine.push({})
    machine.set_items(flat)


def _object(machine: _Machine, taken: list[Any]) -> None:
    machine.push(Made(_called(taken[0]), tuple(taken[1:])))
