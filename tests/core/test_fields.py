"""Money in JSON: plain text that loses no digit."""

from __future__ import annotations

import re
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

import schemas
from runctl_core.fields import money

AMOUNTS = st.decimals(min_value=0, allow_nan=False, allow_infinity=False, places=None)


@given(AMOUNTS)
def test_money_is_plain_decimal_text_and_no_digit_is_lost(usd: Decimal) -> None:
    pattern = schemas.load()["definitions"]["$defs"]["usd"]["pattern"]
    text = money(usd)
    assert text is not None
    assert re.search(pattern, text), text
    assert Decimal(text) == usd


def test_nothing_is_zero_and_nobody_knows_is_null() -> None:
    assert money(Decimal("0E-7")) == "0"
    assert money(Decimal("1E+3")) == "1000"
    assert money(None) is None
