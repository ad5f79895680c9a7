"""The chat page on a phone and on a desk, by day and by night."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.fake_server import FakeServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESK = {"viewport": {"width": 1280, "height": 860}}
BRIGHTNESS = """node => {
  const [r, g, b] = getComputedStyle(node).backgroundColor.match(/\\d+/g).map(Number);
  return (r + g + b) / 3;
}"""


async def box(locator: Locator) -> dict[str, float]:
    found = await locator.bounding_box()
    assert found is not None
    return dict(found)


async def fill(page: Page, server: FakeServer) -> None:
    choices = [{"title": f"Choice {number}", "payload": f"/{number}"} for number in range(5)]
    await server.say(*({"text": f"Sentence {number}. " * 6} for number in range(8)))
    await server.say({"text": "Choose", "buttons": choices})
    await expect(ChatPage(page).button("Choice 4")).to_be_in_viewport()


@pytest.mark.parametrize("look", [PHONE])
async def test_on_a_phone_it_fills_the_screen_and_nothing_sticks_out(
    page: Page, server: FakeServer, look: dict[str, Any], tmp_path: Path
) -> None:
    await fill(page, server)
    assert await box(page.locator(".card")) == {"x": 0, "y": 0, "width": 390, "height": 844}
    size = "() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    assert await page.evaluate(size) == [390, 844]
    for button in await page.locator("button:visible").all():
        assert (await box(button))["height"] >= 40
    assert (await page.screenshot(path=tmp_path / "phone.png")).startswith(b"\x89PNG")


@pytest.mark.parametrize("look", [PHONE])
async def test_a_tap_on_a_choice_leaves_the_keyboard_closed(
    page: Page, server: FakeServer, look: dict[str, Any]
) -> None:
    await fill(page, server)
    await ChatPage(page).button("Choice 2").tap()
    await expect(ChatPage(page).bubbles.last).to_have_text("You wrote: /2")
    await expect(ChatPage(page).input).not_to_be_focused()


@pytest.mark.parametrize("look", [PHONE])
async def test_the_newest_message_stays_in_sight_when_the_keyboard_opens(
    page: Page, server: FakeServer, look: dict[str, Any]
) -> None:
    await fill(page, server)
    await page.set_viewport_size({"width": 390, "height": 440})
    await expect(ChatPage(page).input).to_be_in_viewport(ratio=1)
    await expect(ChatPage(page).button("Choice 4")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("look", [{**DESK, "color_scheme": "dark"}])
async def test_at_night_it_is_dark(
    page: Page, server: FakeServer, look: dict[str, Any], tmp_path: Path
) -> None:
    await fill(page, server)
    assert await page.locator(".card").evaluate(BRIGHTNESS) < 50
    assert await page.locator(".bubble").first.evaluate(BRIGHTNESS) < 60
    assert (await page.screenshot(path=tmp_path / "dark.png")).startswith(b"\x89PNG")


@pytest.mark.parametrize("look", [{**DESK, "color_scheme": "light"}])
async def test_on_a_desk_it_is_a_card_in_the_middle(
    page: Page, server: FakeServer, look: dict[str, Any]
) -> None:
    await fill(page, server)
    card = await box(page.locator(".card"))
    assert card["x"] * 2 + card["width"] == 1280
    assert card["y"] * 2 + card["height"] == 860
    assert card["y"] > 20
    assert await page.locator(".card").evaluate(BRIGHTNESS) > 240
