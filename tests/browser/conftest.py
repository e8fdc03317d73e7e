"""A real Chromium, and the page that a real `runctl resources export` wrote, opened in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import define, field
from playwright.sync_api import Browser, Page, sync_playwright

from fleet import Fleet, row
from homes import Home

HOSTILE = "<script>window.ran = true</script><img src=x onerror='window.ran = true'>"


@define
class Opened:
    """A page in the browser, and what it did there.

    Attributes:
        page: The page.
        messages: What it wrote to the console, errors included.
        requests: Every address that it asked for, but its own file.
    """

    page: Page
    messages: list[str] = field(factory=list)
    requests: list[str] = field(factory=list)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    program = shutil.which("chromium")
    assert program, "these tests need the program chromium"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def fleet(home: Home) -> Fleet:
    """Three providers with machines, a volume, an unknown price, a hostile name, and one that hangs."""
    made = Fleet(home, ["alpha", "beta", "gamma"])
    made.add(
        "alpha",
        row("i-cheap", hourly_usd="0.5", tags={"runctl:project": "vision"}),
        row("i-dear", hourly_usd="32.7726", gpu="H100", gpu_count=8, tags={"runctl:project": "llm"}),
        row("vol-1", hourly_usd="0.011", kind="volume", size_bytes=10**11),
    )
    made.add("beta", row("i-secretive", hourly_usd=None), row("i-hostile", name=HOSTILE))
    made.add("gamma", row("i-lost"))
    assert home.runctl("resources", "export").returncode == 0
    made.misbehave("gamma", fail={"list": "AuthenticationError"})
    return made


@pytest.fixture
def export(home: Home, fleet: Fleet) -> Callable[..., Path]:
    """Write the page, and say where it is."""

    def write(*options: str) -> Path:
        done = home.runctl("resources", "export", "--to", "report.html", "--force", *options)
        assert done.returncode == 0, done.stderr.decode()
        return home.work / "report.html"

    return write


@pytest.fixture
def opened(browser: Browser, export: Callable[..., Path]) -> Iterator[Opened]:
    """The page of the fleet, in the browser."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        made = Opened(page)
        page.on("console", lambda message: made.messages.append(message.text))
        page.on("pageerror", lambda error: made.messages.append(str(error)))
        page.on("request", lambda request: made.requests.append(request.url))
        page.goto(export().as_uri())
        made.requests.pop(0)
        yield made
