"""A conversation on the chat page."""

from __future__ import annotations

import re
import time

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.fake_server import FakeServer, Frame

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ORDERS = [
    {"title": "FW-20415", "payload": '/inform{"order_number": "20415"}'},
    {"title": "FW-20433", "payload": '/inform{"order_number": "20433"}'},
]


def shop(text: str) -> list[Frame]:
    if text.startswith("/inform"):
        return [{"text": "It arrives tomorrow."}]
    return [{"text": "Which order?", "buttons": ORDERS}, {"text": "Take your time."}]


async def test_what_is_written_is_shown_and_answered(page: Page, server: FakeServer) -> None:
    chat = ChatPage(page)
    await chat.send("where is my parcel?")
    await chat.shows("where is my parcel?", "You wrote: where is my parcel?")
    await expect(chat.messages.first.locator(".status")).to_be_hidden()
    assert await server.texts() == ["where is my parcel?"]


async def test_a_button_sends_its_payload_and_shows_its_title(
    page: Page, server: FakeServer
) -> None:
    server.bot = shop
    chat = ChatPage(page)
    await chat.send("hi")
    await chat.button("FW-20433").click()
    await chat.shows("hi", "Which order?", "Take your time.", "FW-20433", "It arrives tomorrow.")
    assert (await server.texts())[-1] == ORDERS[1]["payload"]


async def test_buttons_can_be_pressed_once_and_the_pressed_one_stays_marked(
    page: Page, server: FakeServer
) -> None:
    server.bot = shop
    chat = ChatPage(page)
    await chat.send("hi")
    await chat.button("FW-20415").click()
    await expect(chat.button("FW-20433")).to_be_disabled()
    await expect(chat.button("FW-20415, chosen")).to_be_disabled()


async def test_buttons_close_when_the_user_writes_something_else(
    page: Page, server: FakeServer
) -> None:
    server.bot = shop
    chat = ChatPage(page)
    await chat.send("hi")
    await expect(chat.button("FW-20415")).to_be_enabled()
    server.bot = lambda text: []
    await chat.send("never mind")
    await expect(chat.button("FW-20415")).to_be_disabled()


async def test_quick_replies_go_away_once_answered(page: Page, server: FakeServer) -> None:
    chat = ChatPage(page)
    await server.say(
        {"text": "All well?", "quick_replies": [{"title": "Yes", "payload": "/affirm"}]}
    )
    await chat.button("Yes").click()
    await chat.shows("All well?", "Yes", "You wrote: /affirm")
    await expect(chat.page.locator(".quick")).to_be_hidden()


async def test_a_payload_of_no_known_button_is_not_shown(page: Page, server: FakeServer) -> None:
    await server.say({"text": "/restart", "id": "elsewhere"}, sender="user")
    await server.say({"text": "Begun again."})
    await ChatPage(page).shows("Begun again.")


async def test_a_typing_sign_is_shown_while_a_turn_is_taken(page: Page, server: FakeServer) -> None:
    chat = ChatPage(page)
    server.letting.clear()
    await chat.send("hello")
    await expect(chat.typing).to_be_visible()
    await expect(chat.page.get_by_text("Sending…")).to_be_visible()
    server.letting.set()
    await expect(chat.typing).to_be_hidden()
    await expect(chat.page.get_by_text("Sending…")).to_have_count(0)
    await chat.shows("hello", "You wrote: hello")


async def test_a_reload_keeps_the_history(page: Page, server: FakeServer) -> None:
    server.bot = shop
    chat = ChatPage(page)
    await chat.send("hi")
    await chat.button("FW-20433").click()
    await expect(chat.bubbles).to_have_count(5)
    await page.reload()
    await chat.shows("hi", "Which order?", "Take your time.", "FW-20433", "It arrives tomorrow.")
    assert server.asked == [0, 0]


async def test_tabs_of_one_conversation_show_the_same(
    page: Page, context: BrowserContext, server: FakeServer
) -> None:
    other = await context.new_page()
    await other.goto(server.address)
    here, there = ChatPage(page), ChatPage(other)
    await there.connected()
    await here.send("from one tab")
    await there.shows("from one tab", "You wrote: from one tab")
    await there.send("from the other")
    await here.shows(
        "from one tab", "You wrote: from one tab", "from the other", "You wrote: from the other"
    )


async def test_a_new_conversation_begins_empty_in_every_tab(
    page: Page, context: BrowserContext, server: FakeServer
) -> None:
    other = await context.new_page()
    await other.goto(server.address)
    here, there = ChatPage(page), ChatPage(other)
    await here.send("the old one")
    await there.shows("the old one", "You wrote: the old one")
    await here.button("New conversation").click()
    await here.button("Start new").click()
    await expect(page.get_by_text("Hello, how can I help?")).to_be_visible()
    await there.shows()
    await there.connected()
    await here.connected()
    await there.send("the new one")
    await here.shows("the new one", "You wrote: the new one")
    assert sum(1 for talk in server.talks.values() if talk.frames) == 2


async def test_keeping_the_conversation_changes_nothing(page: Page, server: FakeServer) -> None:
    chat = ChatPage(page)
    await chat.send("stay")
    await expect(chat.bubbles).to_have_count(2)
    await chat.button("New conversation").click()
    await chat.button("Keep this one").click()
    await chat.shows("stay", "You wrote: stay")
    assert len(server.talks) == 1


async def test_shift_enter_begins_a_line_and_the_field_grows_up_to_six(page: Page) -> None:
    chat = ChatPage(page)

    async def height() -> float:
        return float(await chat.input.evaluate("field => field.clientHeight"))

    one = await height()
    await chat.input.press_sequentially("a")
    assert await height() == one
    for _ in range(5):
        await chat.input.press("Shift+Enter")
    six = await height()
    assert six > one + 80
    await chat.input.press("Shift+Enter")
    assert await height() == six
    await chat.input.press("Enter")
    await chat.input.fill("line one\nline two")
    await chat.input.press("Enter")
    both = ["line one\nline two", "You wrote: line one\nline two"]
    await expect(chat.bubbles).to_have_text(["a", "You wrote: a", *both], use_inner_text=True)
    assert await height() == one


async def test_a_message_too_long_is_counted_and_not_sent(page: Page, server: FakeServer) -> None:
    chat = ChatPage(page)
    await chat.input.fill("x" * 3900)
    await expect(page.get_by_text("100 left")).to_be_visible()
    await chat.input.fill("x" * 4001)
    await expect(page.get_by_text("1 too many")).to_be_visible()
    await expect(chat.button("Send")).to_be_disabled()
    await chat.input.press("Enter")
    await expect(chat.input).to_have_value("x" * 4001)
    await chat.input.fill("short again")
    await chat.input.press("Enter")
    await expect(chat.bubbles).to_have_count(2)
    assert await server.texts() == ["short again"]


async def test_a_reader_of_old_messages_is_left_there_and_told_of_new_ones(
    page: Page, server: FakeServer
) -> None:
    chat = ChatPage(page)
    await server.say(*({"text": f"line {number}"} for number in range(60)))
    await expect(chat.bubbles).to_have_count(60)
    await expect(chat.bubbles.last).to_be_in_viewport()
    await chat.scroll.evaluate("area => area.scrollTo(0, 0)")
    await expect(chat.bubbles.first).to_be_in_viewport()
    await page.evaluate("() => new Promise(requestAnimationFrame)")
    await server.say({"text": "news"}, {"text": "more news"})
    await expect(chat.button("2 new messages")).to_be_visible()
    await expect(chat.bubbles.first).to_be_in_viewport()
    await chat.button("2 new messages").click()
    await expect(page.get_by_text("more news")).to_be_in_viewport()
    await expect(page.locator(".pill")).to_be_hidden()


async def test_an_answer_to_a_long_message_is_in_sight_at_once(
    page: Page, server: FakeServer
) -> None:
    chat = ChatPage(page)
    await server.say(*({"text": f"line {number}"} for number in range(30)))
    await expect(chat.bubbles).to_have_count(30)
    shown: list[str] = []
    await page.expose_function("pillShown", lambda name: shown.append(name))
    await page.evaluate(
        """() => {
          const pill = document.querySelector("parley-chat").shadowRoot.querySelector(".pill");
          new MutationObserver(() => pill.hidden || window.pillShown("pill"))
            .observe(pill, { attributes: true });
        }"""
    )
    server.letting.clear()
    await chat.send("\n".join(["a line"] * 20))
    await expect(chat.typing).to_be_visible()
    server.letting.set()
    await expect(chat.bubbles).to_have_count(32)
    await expect(chat.messages.last.locator("time")).to_be_in_viewport()
    assert shown == []


async def test_enter_that_ends_a_composed_word_sends_nothing(
    page: Page, server: FakeServer
) -> None:
    chat = ChatPage(page)
    await chat.input.fill("こんにちは")
    await chat.input.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    await expect(chat.input).to_have_value("こんにちは")
    await chat.input.press("Enter")
    await expect(chat.bubbles.first).to_have_text("こんにちは")


async def test_days_are_set_apart_and_pauses_carry_the_time(page: Page, server: FakeServer) -> None:
    now = time.time()
    for ago_s, text in ((400 * 86_400, "long ago"), (86_400, "yesterday"), (0, "just now")):
        await server.say({"text": text, "timestamp": now - ago_s})
    await expect(page.locator(".day")).to_have_text(
        [re.compile(r"^\d+ \w+ \d{4}$"), "Yesterday", "Today"]
    )
    await expect(page.locator("time:visible")).to_have_count(3)
    await server.say({"text": "and now", "timestamp": now + 1})
    await expect(page.locator("time:visible")).to_have_count(3)


async def test_a_button_with_an_address_is_a_link(page: Page, server: FakeServer) -> None:
    buttons = [
        {"title": "Our shop", "type": "web_url", "url": "https://example.org/shop"},
        {"title": "Bad", "url": "javascript:alert(1)"},
    ]
    await server.say({"text": "Look", "buttons": buttons})
    link = page.get_by_role("link", name="Our shop")
    await expect(link).to_have_attribute("href", "https://example.org/shop")
    await expect(ChatPage(page).button("Bad")).to_be_visible()


async def test_frames_that_are_none_are_passed_over(page: Page, server: FakeServer) -> None:
    for frame in ("", "null", "[]", '{"type": 1}', '{"type": "message"}', "{", '{"type": "later"}'):
        await server.tell(frame)
    await server.tell({"type": "message", "seq": 1, "from": "nobody", "text": "?"})
    await server.say({"text": None, "buttons": "none", "custom": [], "timestamp": "noon"})
    await server.say({"text": "still here", "buttons": [None, 1, {"title": 7}, {"title": "Go"}]})
    await expect(ChatPage(page).bubbles).to_have_text(["still here"])
    await ChatPage(page).button("Go").click()
    await expect(ChatPage(page).bubbles.last).to_have_text("You wrote: Go")
