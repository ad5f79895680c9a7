"""The chat page for people who use a keyboard, a screen reader, or see little."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.fake_server import FakeServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

AUDIT = (Path(__file__).parent / "audit.js").read_text(encoding="utf-8").split("\n", 1)[1]
FOCUSED = """() => {
  const held = document.activeElement.shadowRoot.activeElement;
  return held ? held.getAttribute("aria-label") ?? held.placeholder ?? held.textContent : null;
}"""
RING = """() => {
  const held = document.activeElement.shadowRoot.activeElement;
  const field = held.closest(".field");
  const style = getComputedStyle(held);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return outlined || (field && getComputedStyle(field).boxShadow !== "none");
}"""
YES_NO = [{"title": "Yes", "payload": "/affirm"}, {"title": "No", "payload": "/deny"}]


async def everything(page: Page, server: FakeServer) -> None:
    """Bring all that the page can show onto it."""
    chat = ChatPage(page)
    await server.say({"text": "Choose", "buttons": YES_NO})
    await chat.button("Yes").click()
    await expect(chat.bubbles).to_have_count(3)
    await server.say(
        {"text": "**A** [link](https://example.org/) and `code`\n- item\n```\nfence\n```"},
        {"image": f"{server.address}/picture.svg"},
        {"attachment": "https://example.org/a.pdf"},
        {"custom": {"a": 1}},
        {"text": "Again?", "quick_replies": YES_NO},
    )
    await server.say({"text": "A person here."}, sender="agent")
    await server.tell({"type": "error", "id": None, "reason": "x", "message": "A notice."})
    server.refusing.append({"reason": "x", "message": "It failed.", "retry_after_s": None})
    await chat.send("fails")
    await expect(chat.button("Try again")).to_be_visible()
    server.letting.clear()
    await chat.send("waits")
    await expect(chat.typing).to_be_visible()
    await server.say({"text": "Still there?", "buttons": YES_NO})
    await page.get_by_text("More details").click()
    await chat.input.fill("x" * 4010)


@pytest.mark.parametrize("look", [{"color_scheme": "light"}, {"color_scheme": "dark"}])
async def test_an_audit_finds_nothing(page: Page, server: FakeServer, look: dict[str, Any]) -> None:
    chat = ChatPage(page)
    assert await page.evaluate(AUDIT) == []
    await everything(page, server)
    assert await page.evaluate(AUDIT) == []
    server.down = True
    await server.drop()
    await expect(page.get_by_text("No connection. Trying again in")).to_be_visible()
    assert await page.evaluate(AUDIT) == []
    await chat.button("New conversation").click()
    assert await page.evaluate(AUDIT) == []


async def test_the_audit_would_find_something(page: Page) -> None:
    await page.evaluate(
        """() => {
          const root = document.querySelector("parley-chat").shadowRoot;
          root.querySelector(".state-text").style.color = "rgb(180, 180, 180)";
          root.querySelector(".fresh").replaceChildren();
          root.querySelector(".fresh").removeAttribute("aria-label");
        }"""
    )
    found = await page.evaluate(AUDIT)
    assert [line.split(":")[0] for line in found] == [
        "button.fresh has no name",
        'span.state-text "Ask anything, any time"',
    ]


async def test_a_whole_conversation_needs_no_mouse(page: Page, server: FakeServer) -> None:
    chat = ChatPage(page)
    server.bot = lambda text: [{"text": f"After {text}", "buttons": YES_NO}]
    await page.keyboard.type("hello")
    await page.keyboard.press("Enter")
    await expect(chat.button("No")).to_be_enabled()
    await page.keyboard.press("Shift+Tab")
    assert await page.evaluate(FOCUSED) == "No"
    walk = {"ArrowLeft": "Yes", "ArrowUp": "No", "ArrowRight": "Yes", "End": "No", "Home": "Yes"}
    for key, expected in walk.items():
        await page.keyboard.press(key)
        assert await page.evaluate(FOCUSED) == expected
    await page.keyboard.press("Enter")
    await chat.shows("hello", "After hello", "Yes", "After /affirm")
    assert await page.evaluate(FOCUSED) == "Write a message…"


async def test_the_focus_goes_from_top_to_bottom_and_is_always_seen(
    page: Page, server: FakeServer
) -> None:
    chat = ChatPage(page)
    await server.say({"text": "Choose", "buttons": YES_NO})
    await chat.input.fill("x")
    await chat.button("New conversation").focus()
    seen = []
    for _ in range(6):
        seen.append(await page.evaluate(FOCUSED))
        await page.keyboard.press("Tab")
        if len(seen) < 6:
            assert await page.evaluate(RING)
    assert seen[0] == "New conversation"
    assert seen[1] == "Conversation"
    assert seen[2:] == ["Yes", "No", "Write a message…", "Send"]


async def test_escape_leaves_the_question_and_returns_the_focus(
    page: Page, server: FakeServer
) -> None:
    await server.say({"text": "hello"})
    await expect(ChatPage(page).bubbles).to_have_count(1)
    await ChatPage(page).button("New conversation").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="Start a new conversation?")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    assert await page.evaluate(FOCUSED) == "New conversation"


async def test_a_screen_reader_hears_who_said_what_once_history_is_there(
    page: Page, server: FakeServer
) -> None:
    log = page.get_by_role("log", name="Messages")
    await expect(log).to_have_attribute("aria-live", "polite")
    await expect(log).to_have_attribute("aria-busy", "false")
    await ChatPage(page).send("hello")
    await server.say({"text": "I am Maria."}, sender="agent")
    await expect(log.locator(".body")).to_contain_text(
        ["You said:hello", "Assistant said:You wrote: hello", "A colleague said:I am Maria."]
    )


async def test_the_state_of_the_line_is_said_once_not_counted_aloud(
    page: Page, server: FakeServer
) -> None:
    said = page.get_by_role("status")
    server.down = True
    await server.drop()
    await expect(said).to_have_text("No connection. Trying again.")
    assert await page.get_by_text("Trying again in").get_attribute("aria-hidden") == "true"
    server.down = False
    await expect(said).to_have_text("Connected again.")


@pytest.mark.parametrize("look", [{"reduced_motion": "reduce"}])
async def test_nothing_moves_for_those_who_ask_for_calm(
    page: Page, server: FakeServer, look: dict[str, Any]
) -> None:
    server.letting.clear()
    await ChatPage(page).send("hello")
    await expect(ChatPage(page).typing).to_be_visible()
    lasting = await page.evaluate(
        """() => document.querySelector("parley-chat").shadowRoot.getAnimations()
          .filter(one => one.effect.getComputedTiming().activeDuration > 1).length"""
    )
    assert lasting == 0
