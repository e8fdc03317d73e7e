"""HTML and SVG as a tree, never as text: whatever stands in a cell is escaped where it is written out."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, tostring


def tag(kind: str, /, *content: Element | str | Iterable[Element], **attributes: object) -> Element:
    """An element.

    Args:
        kind: Its name.
        content: Elements, and texts before or between them.
        attributes: Its attributes. `class_` is `class`, and `data_usd` is `data-usd`; one that is
            None or False is left out, and True has no value.
    """
    made = Element(kind, {_name(key): _text(value) for key, value in attributes.items() if _has(value)})
    for part in content:
        if isinstance(part, str):
            _append_text(made, part)
        elif isinstance(part, Element):
            made.append(part)
        else:
            made.extend(part)
    return made


def to_text(element: Element) -> str:
    """The element written out as HTML."""
    return tostring(element, encoding="unicode", method="html")


def _has(value: object) -> bool:
    return value is not None and value is not False


def _text(value: object) -> str:
    return "" if value is True else str(value)


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _append_text(made: Element, text: str) -> None:
    if len(made):
        made[-1].tail = (made[-1].tail or "") + text
    else:
        made.text = (made.text or "") + text
