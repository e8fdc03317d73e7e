"""Charts as SVG: cost over days as columns, cost by group as bars. No script, no colour of their own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from xml.etree.ElementTree import Element

from runctl_core import words
from runctl_core.models.money import Total
from runctl_core.reports.elements import tag

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 960, 220, 64, 24, 10
_BARS_SHOWN, _BAR_WIDTH, _BAR_HEIGHT = 8, 360, 36


def columns(days: Sequence[tuple[str, Total]]) -> Element:
    """A column for each day, with its date and sum as its title."""
    top = _round_up(max((total.usd for _, total in days), default=Decimal(0)))
    step = (_WIDTH - _LEFT) / max(1, len(days))
    room = _HEIGHT - _BOTTOM - _TOP
    chart = _svg(_WIDTH, _HEIGHT, f"Cost of each of the last {len(days)} days")
    for part in range(5):
        chart.extend(_grid_line(top * part / 4, _TOP + room * (4 - part) / 4))
    for number, (day, total) in enumerate(days):
        height = float(total.usd / top) * room
        x = _LEFT + number * step
        title = f"{day}: {words.total(total)}"
        chart.append(_bar(x + step * 0.1, _TOP + room - height, step * 0.8, height, title))
        if (len(days) - 1 - number) % 5 == 0:
            chart.append(_label(day[5:], x + step / 2, _HEIGHT - 6, "middle"))
    return chart


def bars(rows: Sequence[tuple[str, Total]], what: str) -> Element:
    """A bar for each of the largest, and one for all others."""
    shown = list(rows[:_BARS_SHOWN])
    if len(rows) > _BARS_SHOWN:
        others = sum((total for _, total in rows[_BARS_SHOWN:]), Total())
        shown.append((f"{len(rows) - _BARS_SHOWN} others", others))
    most = max((total.usd for _, total in shown), default=Decimal(0)) or Decimal(1)
    chart = _svg(_BAR_WIDTH, max(1, len(shown)) * _BAR_HEIGHT, f"Cost by {what}")
    for number, (key, total) in enumerate(shown):
        y = number * _BAR_HEIGHT
        amount = words.total(total)
        chart.append(_label(_short(key), 0, y + 12, "start", "key"))
        chart.append(_label(amount, _BAR_WIDTH, y + 12, "end", "amount"))
        chart.append(_bar(0, y + 17, float(total.usd / most) * _BAR_WIDTH, 8, f"{key}: {amount}"))
    return chart


def _svg(width: float, height: float, label: str) -> Element:
    return tag("svg", viewBox=f"0 0 {width} {height}", role="img", aria_label=label)


def _bar(x: float, y: float, width: float, height: float, title: str) -> Element:
    sizes = {"x": x, "y": y, "width": width, "height": height}
    shape = {name: f"{value:.1f}" for name, value in sizes.items()}
    return tag("rect", tag("title", title), class_="bar", **shape)


def _label(text: str, x: float, y: float, anchor: str, kind: str | None = None) -> Element:
    return tag("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, class_=kind)


def _grid_line(usd: Decimal, y: float) -> Iterable[Element]:
    height = f"{y:.1f}"
    yield tag("line", class_="grid", x1=_LEFT, x2=_WIDTH, y1=height, y2=height)
    yield _label(words.cost(usd), _LEFT - 8, y + 4, "end")


def _round_up(usd: Decimal) -> Decimal:
    """The next of these steps times a power of ten, so that a quarter of it is a plain figure."""
    if not usd:
        return Decimal(1)
    unit = Decimal(10) ** math.floor(usd.log10())
    return next(unit * step for step in (1, 2, 4, 6, 8, 10) if usd <= unit * step)


def _short(key: str) -> str:
    return key if len(key) <= 32 else f"{key[:31]}…"
