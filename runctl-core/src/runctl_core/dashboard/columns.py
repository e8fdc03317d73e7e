"""Columns of the two tables: what stands in each, how wide it is, and which give way when it is narrow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from attrs import frozen

R = TypeVar("R")

GAP = 1


@frozen
class Column(Generic[R]):
    """One column of a table of `R`.

    Attributes:
        title: Its name.
        text: What it says of a row.
        width: Characters; the least, where it grows.
        right: Whether figures stand flush right.
        grows: Whether it takes what room is left.
        rank: The highest ranks are left out first on a narrow screen; 0 never.
    """

    title: str
    text: Callable[[R], str]
    width: int
    right: bool = False
    grows: bool = False
    rank: int = 0


def fitting(columns: Sequence[Column[R]], room: int) -> list[tuple[Column[R], int]]:
    """The columns that fit in `room` characters, each with its width."""
    kept = list(columns)
    while _total(kept) > room and (out := max(kept, key=lambda column: column.rank)).rank:
        kept.remove(out)
    spare = room - _total(kept)
    growing = [column for column in kept if column.grows]
    extra = {id(column): max(0, spare) // len(growing) for column in growing}
    return [(column, column.width + extra.get(id(column), 0)) for column in kept]


def _total(columns: Sequence[Column[R]]) -> int:
    return sum(column.width + GAP for column in columns)
