"""A browser for the whole run; a page and a server of its own for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from tests.browser.fake_server import FakeServer, make_app, serving

FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str:
    """Where Chromium lies: PARLEY_CHROMIUM, else on the PATH."""
    found = os.environ.get("PARLEY_CHROMIUM") or shutil.which("chromium") or ""
    if not Path(found).is_file():
        pytest.fail(
            f"no Chromium found at {found or 'any place on PATH'}. Install Debian's package "
            "(apt-get install chromium) or set PARLEY_CHROMIUM to the program's path.",
            pytrace=False,
        )
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[FakeServer]:
    server = FakeServer()
    async with serving(make_app(server)) as server.address:
        yield server


@pytest.fixture
def look() -> dict[str, Any]:
    """How the visitor's browser is: size, colour scheme, touch. A test may parametrize it."""
    return {}


@pytest.fixture
def complaints() -> list[str]:
    """What pages said is wrong; what is left in it at the end fails the test."""
    return []


@pytest_asyncio.fixture(loop_scope="session")
async def context(
    browser: Browser, look: dict[str, Any], complaints: list[str]
) -> AsyncIterator[BrowserContext]:
    """A browser as a new visitor has it."""
    context = await browser.new_context(locale="en-GB", timezone_id="Europe/London", **look)
    context.set_default_timeout(10_000)
    context.on("console", lambda message: complaints.extend(complaint(message)))
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    yield context
    await context.close()
    assert complaints == []


def complaint(message: ConsoleMessage) -> list[str]:
    """What a console message says is wrong; a lost connection or picture is none."""
    expected = ("WebSocket connection", "Failed to load resource")
    wrong = message.type in ("error", "warning") and not message.text.startswith(expected)
    return [message.text] if wrong else []


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext, server: FakeServer) -> Page:
    """The chat page, connected."""
    page = await context.new_page()
    await page.goto(server.address)
    await page.locator(".state[data-state=open]").wait_for()
    return page
