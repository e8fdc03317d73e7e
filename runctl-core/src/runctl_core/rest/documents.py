"""JSON documents to and from a service, and what of them may be shown.

What a service says in an error is shown on one line, bounded, and without the secrets that we sent it:
some services repeat the request.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn
from urllib.parse import quote

LONGEST_MESSAGE = 300
"""More of a service's words than this, in characters, is no line for a person."""


def parse(body: bytes) -> Any:
    """A JSON document, whose numbers with a point are `Decimal`.

    Raises:
        ValueError: It is none; also for `NaN`, and one too deep to be read.
    """
    try:
        return json.loads(body.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def encode(body: object) -> bytes:
    """A JSON document of what we send. Moments are in UTC, a `Decimal` is a number."""
    return json.dumps(body, default=_plain, allow_nan=False).encode()


def _plain(value: object) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no place in a JSON document")


class Secrets:
    """What must not be shown, however a service writes it back to us.

    Args:
        values: The secrets. One of less than six characters would hide too much else, and is left.
    """

    def __init__(self, values: Iterable[str]) -> None:
        known = {form for value in values if len(value) > 5 for form in (value, quote(value, safe=""))}
        self._longest_first = sorted(known, key=len, reverse=True)

    def masked(self, value: Any) -> Any:
        """A text, or a document with every text in it, with `***` for each secret."""
        if isinstance(value, str):
            for secret in self._longest_first:
                value = value.replace(secret, "***")
            return value
        if isinstance(value, dict):
            return {self.masked(name): self.masked(item) for name, item in value.items()}
        return [self.masked(item) for item in value] if isinstance(value, list) else value


def message_of(document: Any, text: str) -> str:
    """What an error says to a person: from the fields that services use for it, else its own text.

    Args:
        document: The body's JSON document; None when it is none.
        text: The body's text, for one that is none.
    """
    words = text if document is None else "; ".join(dict.fromkeys(_words(document, deep=3)))
    line = " ".join(words.split())
    return line if len(line) <= LONGEST_MESSAGE else f"{line[: LONGEST_MESSAGE - 1]}…"


def _words(document: Any, deep: int) -> Iterable[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, list) and deep:
        for item in document[:5]:
            yield from _words(item, deep - 1)
    elif isinstance(document, dict) and deep:
        for name in ("title", "detail", "message", "msg", "error", "errors"):
            yield from _words(document.get(name), deep - 1)
