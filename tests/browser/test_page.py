"""The exported page in a real browser: the ledger's sums, nothing loaded, nothing run that is not ours."""

from __future__ import annotations

from decimal import Decimal

from playwright.sync_api import Browser

from browser.conftest import HOSTILE, Opened
from homes import Home


def usd(opened: Opened, selector: str) -> Decimal:
    return Decimal(opened.page.locator(selector).get_attribute("data-usd") or "")


def column(opened: Opened, title: str, attribute: str = "data-value") -> list[str]:
    heads = opened.page.locator("#resources thead th").all_inner_texts()
    at = [head.strip(" ▲▼") for head in heads].index(title) + 1
    cells = opened.page.locator(f"#resources tbody td:nth-child({at})").all()
    return [cell.get_attribute(attribute) or "" for cell in cells]


def same(one: Decimal, other: Decimal) -> bool:
    """Equal but for the last of 28 digits, which a third of a cent does not have."""
    return abs(one - other) < Decimal("1e-12")


def test_nothing_goes_wrong_in_the_console(opened: Opened) -> None:
    assert opened.messages == []


def test_nothing_is_loaded_from_anywhere(opened: Opened) -> None:
    assert opened.requests == []


def test_a_script_in_a_name_is_only_text(opened: Opened) -> None:
    assert HOSTILE in opened.page.locator("#resources").inner_text()
    assert opened.page.evaluate("window.ran") is None


def test_a_script_that_got_past_the_escaping_still_cannot_run(opened: Opened) -> None:
    opened.page.evaluate(
        "const made = document.createElement('script'); made.textContent = 'window.ran = true';"
        "document.body.append(made)"
    )
    assert opened.page.evaluate("window.ran") is None


def test_the_hourly_figure_is_the_sum_of_the_rows(opened: Opened) -> None:
    known = [Decimal(value) for value in column(opened, "$/h") if value]
    assert usd(opened, "#hourly") == sum(known) == Decimal("35.2836")
    assert opened.page.locator("#hourly").get_attribute("data-unknown") == "1"


def test_the_sums_on_the_page_are_the_ledgers(opened: Opened, home: Home) -> None:
    """The ledger goes on while we look: a sum lies between one taken before and one taken after."""
    page = usd(opened, "#month")
    runs = opened.page.locator("#runs tbody td:nth-child(2)").all()
    assert same(sum(Decimal(cell.get_attribute("data-value") or "") for cell in runs), page)
    assert same(sum(Decimal(value) for value in column(opened, "Spent") if value), usd(opened, "#spent"))
    moment = opened.page.locator(".when").inner_text().removeprefix("runctl, ")
    later = home.json("cost", "--by", "month")
    assert Decimal(later["rows"][-1]["cost_usd"]) >= page, moment


def test_the_days_of_the_chart_add_up_to_the_month(opened: Opened, home: Home) -> None:
    titles = opened.page.locator("svg[aria-label^='Cost of each'] title").all_text_contents()
    assert len(titles) == 30
    assert titles[-1].split(":")[1].strip().startswith(opened.page.locator("#today").inner_text()[:3])


def test_an_unknown_price_is_shown_as_unknown_and_never_as_zero(opened: Opened) -> None:
    row = opened.page.locator("#resources tbody tr", has_text="i-secretive")
    assert "unknown" in row.inner_text()


def test_a_provider_that_did_not_answer_is_named_with_its_last_known_rows(opened: Opened) -> None:
    assert "gamma" in opened.page.locator("section.warning").inner_text()
    assert opened.page.locator("#resources tbody tr", has_text="i-lost").count() == 1


def test_a_click_on_a_column_sorts_by_it_and_another_turns_it_round(opened: Opened) -> None:
    head = opened.page.get_by_role("button", name="$/h", exact=True)
    head.click()
    up = [Decimal(value) for value in column(opened, "$/h") if value]
    head.click()
    down = [Decimal(value) for value in column(opened, "$/h") if value]
    assert up == sorted(up)
    assert down == sorted(up, reverse=True)
    assert column(opened, "$/h")[-1] == "", "what nobody knows comes last in both orders"


def test_the_filter_leaves_the_rows_with_the_word(opened: Opened) -> None:
    opened.page.get_by_role("searchbox").fill("H100")
    visible = opened.page.locator("#resources tbody tr:visible")
    assert visible.count() == 1
    assert "i-dear" in visible.inner_text()


def test_dark_and_light_are_both_readable(opened: Opened) -> None:
    """WCAG 2.1 asks for a contrast of 4.5 between text and what is behind it."""
    for scheme in ("dark", "light"):
        opened.page.emulate_media(color_scheme=scheme)
        assert opened.page.evaluate(CONTRAST) >= 4.5, scheme


def test_the_printed_page_is_white_and_keeps_every_row(opened: Opened) -> None:
    opened.page.emulate_media(media="print", color_scheme="dark")
    assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    width = opened.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0, "a printed table that is too wide is cut off"


def test_the_page_can_be_read_without_its_script(browser: Browser, export) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(export().as_uri())
        assert page.locator("#resources tbody tr").count() == 6


CONTRAST = """
() => {
  const light = (text) => {
    const part = text.match(/[\\d.]+/g).slice(0, 3).map(Number).map((value) => value / 255)
      .map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (colour !== "rgba(0, 0, 0, 0)") return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = document.querySelectorAll("h1, h2, p, td, th, dt, dd, span, li, svg text");
  const ratios = [...texts].map((element) => {
    const style = getComputedStyle(element);
    const front = element.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(front), light(behind(element))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
  return Math.min(...ratios);
}
"""
