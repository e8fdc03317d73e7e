"""Which call to the fake cloud goes wrong, and how: the same ones again from the same text and seed."""

from __future__ import annotations

import random
import re
from collections import Counter

from attrs import frozen

from runctl_core.errors import UsageError
from runctl_core.testing.cloud import Fault, Operation

_TEXT = re.compile(r"(?:seed (?P<seed>-?\d+))?(?:, faults )?(?P<rules>\S*)")
_RULE = re.compile(
    r"(?P<operation>[a-z]+):(?P<fault>[a-z_]+)@(?P<first>\d+)(?:-(?P<last>\d+)|(?P<percent>%))?"
)
_PLACED = frozenset({Fault.NO_CAPACITY, Fault.QUOTA, Fault.NO_FUNDS})
_CHANGES = frozenset({Operation.CREATE, Operation.TERMINATE, Operation.STOP, Operation.START})


def possible(operation: Operation, fault: Fault) -> bool:
    """Whether a cloud would ever answer so: looking needs no capacity, and is never refused."""
    if fault in _PLACED:
        return operation in (Operation.CREATE, Operation.START)
    return fault is not Fault.REFUSED or operation in _CHANGES


@frozen
class _Rule:
    operation: Operation
    fault: Fault
    first: int
    last: int
    percent: int | None = None

    def __str__(self) -> str:
        if self.percent is not None:
            when = f"{self.percent}%"
        else:
            when = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        return f"{self.operation}:{self.fault}@{when}"


class FaultScript:
    """Faults by the number of a call, counted from 1 for each operation.

    Args:
        text: `create:reply_lost@2,list:server_error@1-3,get:rate_limit@5%`: an operation, a fault, and the
            calls that it strikes: one, some in a row, or so many in a hundred. What `replay` gives is
            taken too, and its seed wins over `seed`.
        seed: Decides which calls a share strikes.

    Raises:
        UsageError: The text is no script.
    """

    def __init__(self, text: str = "", *, seed: int = 0) -> None:
        whole = _TEXT.fullmatch(text.strip())
        if whole is None:
            raise _no_script(text)
        self.seed = int(whole["seed"]) if whole["seed"] else seed
        self._rules = [_rule(word) for word in whole["rules"].split(",") if word]
        self._injected: dict[tuple[Operation, int], Fault] = {}
        self._calls: Counter[Operation] = Counter()

    def inject(self, operation: Operation, fault: Fault, *, times: int, after: int) -> None:
        """Let `times` calls go wrong, after those that are to go wrong already and `after` more."""
        known = [number for other, number in self._injected if other is operation]
        first = max([self._calls[operation], *known]) + after + 1
        for number in range(first, first + times):
            self._injected[operation, number] = fault

    def pending(self) -> int:
        """How many injected faults have not struck yet."""
        return sum(number > self._calls[operation] for operation, number in self._injected)

    def clear(self) -> None:
        """Take back the injected faults that have not struck yet."""
        struck = {key: f for key, f in self._injected.items() if key[1] <= self._calls[key[0]]}
        self._injected = struck

    def next(self, operation: Operation) -> tuple[int, Fault | None]:
        """Count a call: its number, and what strikes it."""
        self._calls[operation] += 1
        number = self._calls[operation]
        if (operation, number) in self._injected:
            return number, self._injected[operation, number]
        for rule in self._rules:
            if rule.operation is operation and self._strikes(rule, number):
                return number, rule.fault
        return number, None

    def _strikes(self, rule: _Rule, number: int) -> bool:
        if rule.percent is None:
            return rule.first <= number <= rule.last
        chance = random.Random(f"{self.seed} {rule} {number}")  # noqa: S311  chance, no secret
        return chance.random() * 100 < rule.percent

    @property
    def replay(self) -> str:
        """The text of a script that strikes the same calls in the same way: `seed 7, faults list:reset@2`.

        Injected faults are in it by their calls' numbers, and win over the rules as they did.
        """
        rules = [str(rule) for rule in (*self._in_rows(), *self._rules)]
        return f"seed {self.seed}{', faults ' if rules else ''}{','.join(rules)}"

    def _in_rows(self) -> list[_Rule]:
        rows: list[_Rule] = []
        for (operation, number), fault in sorted(self._injected.items()):
            if rows and (rows[-1].operation, rows[-1].fault, rows[-1].last) == (operation, fault, number - 1):
                rows[-1] = _Rule(operation, fault, rows[-1].first, number)
            else:
                rows.append(_Rule(operation, fault, number, number))
        return rows


def _rule(word: str) -> _Rule:
    found = _RULE.fullmatch(word)
    if found is None:
        raise _no_script(word)
    try:
        operation, fault = Operation(found["operation"]), Fault(found["fault"])
    except ValueError as error:
        raise _no_script(word) from error
    first = int(found["first"])
    last = int(found["last"] or first)
    percent = first if found["percent"] else None
    if not possible(operation, fault) or (percent is None and not 1 <= first <= last) or (percent or 0) > 100:
        raise _no_script(word)
    return _Rule(operation, fault, first, last, percent)


def _no_script(text: str) -> UsageError:
    return UsageError(
        f"{text!r} says no faults",
        why=f"an operation is one of {', '.join(Operation)}; a fault one of {', '.join(Fault)}",
        fix="create:reply_lost@2,list:server_error@1-3,get:rate_limit@5%",
    )
