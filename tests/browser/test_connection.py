"""The chat page on a bad line: nothing is lost, nothing is said twice."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.fake_server import FakeServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_dropped_line_is_taken_up_where_it_broke(page: Page, server: FakeServer) -> None:
    chat = ChatPage(page)
    await chat.send("before")
    await expect(chat.bubbles).to_have_count(2)
    server.down = True
    await server.drop()
    await expect(page.get_by_text("No connection. Trying again in")).to_be_visible()
    await server.say({"text": "said meanwhile"})
    server.down = False
    await chat.shows("before", "You wrote: before", "said meanwhile")
    await chat.connected()
    assert server.asked == [0, 2]


async def test_what_is_written_without_a_line_is_sent_when_it_is_back(
    page: Page, server: FakeServer
) -> None:
    chat = ChatPage(page)
    server.down = True
    await server.drop()
    await expect(page.locator(".state")).not_to_have_attribute("data-state", "open")
    await chat.send("one")
    await chat.send("two")
    await expect(page.get_by_text("Sent when connected")).to_have_count(2)
    server.bot = lambda text: []
    server.down = False
    await chat.connected()
    await expect(page.locator(".pending")).to_have_count(0)
    await chat.shows("one", "two")
    assert await server.texts() == ["one", "two"]


async def test_a_message_whose_confirmation_was_lost_is_said_once(
    page: Page, server: FakeServer
) -> None:
    chat = ChatPage(page)
    server.letting.clear()
    await chat.send("once")
    await expect(chat.typing).to_be_visible()
    await server.drop()
    await expect(chat.typing).to_be_hidden()
    await chat.connected()
    server.letting.set()
    await chat.shows("once", "You wrote: once")
    sent = [frame["id"] for frame in server.received if frame["type"] == "message"]
    assert len(sent) == 2
    assert len(set(sent)) == 1
    assert await server.texts() == ["once"]


async def test_a_reload_before_the_confirmation_loses_nothing(
    page: Page, server: FakeServer
) -> None:
    chat = ChatPage(page)
    server.silent = True
    await chat.send("do not lose me")
    await expect(page.get_by_text("Sending…")).to_be_visible()
    server.silent = False
    await page.reload()
    await chat.shows("do not lose me", "You wrote: do not lose me")
    await page.reload()
    await chat.shows("do not lose me", "You wrote: do not lose me")
    assert await server.texts() == ["do not lose me"]


async def test_a_frame_told_twice_is_shown_once(page: Page, server: FakeServer) -> None:
    chat = ChatPage(page)
    await server.say({"text": "first"})
    await server.tell(server.talk.frames[0])
    await server.say({"text": "second"})
    await chat.shows("first", "second")


async def test_a_refused_message_fails_and_can_be_sent_again(
    page: Page, server: FakeServer
) -> None:
    chat = ChatPage(page)
    server.refusing.append({"reason": "Busy", "message": "Too busy now.", "retry_after_s": None})
    await chat.send("try me")
    await expect(page.get_by_text("Too busy now.")).to_be_visible()
    await chat.button("Try again").click()
    await chat.shows("try me", "You wrote: try me")
    await expect(page.locator(".failed")).to_have_count(0)
    sent = [frame["id"] for frame in server.received]
    assert sent == [sent[0], sent[0]]


async def test_a_failed_message_can_be_removed(page: Page, server: FakeServer) -> None:
    chat = ChatPage(page)
    server.refusing.append({"reason": "Bad", "message": "Not like this.", "retry_after_s": None})
    await chat.send("away with it")
    await chat.button("Remove").click()
    await chat.shows()
    await page.reload()
    await chat.connected()
    await chat.shows()


async def test_the_server_may_ask_to_come_again_later(page: Page, server: FakeServer) -> None:
    chat = ChatPage(page)
    server.refusing.append({"reason": "Busy", "message": "In a moment.", "retry_after_s": 0.05})
    await chat.send("patience")
    await chat.shows("patience", "You wrote: patience")
    assert len(server.received) == 2


async def test_a_message_nobody_answers_for_fails_in_the_end(
    context: BrowserContext, server: FakeServer
) -> None:
    page = await context.new_page()
    await page.clock.install()
    await page.goto(server.address)
    chat = ChatPage(page)
    await chat.connected()
    server.silent = True
    await chat.send("anybody?")
    await expect(chat.bubbles).to_have_count(1)
    await page.clock.run_for(21_000)
    await expect(page.get_by_text("The server did not answer.")).to_be_visible()
    server.silent = False
    await chat.button("Try again").click()
    await chat.shows("anybody?", "You wrote: anybody?")


async def test_an_error_of_no_message_is_told_and_can_be_put_away(
    page: Page, server: FakeServer
) -> None:
    await server.tell({"type": "error", "id": None, "reason": "x", "message": "Under repair."})
    await expect(page.get_by_role("alert")).to_have_text("Under repair.")
    await ChatPage(page).button("Close this notice").click()
    await expect(page.get_by_role("alert")).to_be_hidden()


async def test_without_a_network_the_page_says_so_and_comes_back(
    page: Page, context: BrowserContext, server: FakeServer
) -> None:
    chat = ChatPage(page)
    await context.set_offline(True)
    await expect(page.get_by_text("You are offline.").first).to_be_visible()
    await chat.send("from the tunnel")
    await context.set_offline(False)
    await chat.connected()
    await chat.shows("from the tunnel", "You wrote: from the tunnel")


async def test_a_server_that_lost_the_conversation_is_read_from_the_start(
    page: Page, server: FakeServer
) -> None:
    chat = ChatPage(page)
    await server.say({"text": "old one"}, {"text": "old two"})
    await expect(chat.bubbles).to_have_count(2)
    server.talk.frames.clear()
    server.talk.seq = 0
    await server.say({"text": "fresh"})
    server.silent = True
    await chat.send("mine")
    await expect(chat.bubbles).to_have_count(3)
    server.silent = False
    await server.drop()
    await chat.shows("fresh", "mine", "You wrote: mine")


async def test_try_now_does_not_wait(context: BrowserContext, server: FakeServer) -> None:
    page = await context.new_page()
    await page.clock.install()
    await page.goto(server.address)
    chat = ChatPage(page)
    await chat.connected()
    await page.clock.pause_at(await page.evaluate("() => Date.now() + 1000"))
    await server.drop()
    await chat.button("Try now").click()
    await chat.connected()


async def test_a_line_that_died_silently_is_found_out_and_replaced(
    context: BrowserContext, server: FakeServer
) -> None:
    page = await context.new_page()
    await page.clock.install()
    await page.goto(server.address)
    chat = ChatPage(page)
    await chat.connected()
    server.silent = True
    await page.clock.run_for(26_000)
    await expect(page.locator(".state")).to_have_attribute("data-state", "open")
    assert len(server.asked) == 1
    await page.clock.run_for(12_000)
    await chat.connected()
    assert [frame["type"] for frame in server.received] == ["ping"]
    assert len(server.asked) == 2


async def test_a_browser_that_forbids_storage_can_still_talk(
    context: BrowserContext, server: FakeServer
) -> None:
    page = await context.new_page()
    await page.add_init_script(
        """Object.defineProperty(window, "localStorage", {
          get() { throw new DOMException("forbidden", "SecurityError"); },
        });"""
    )
    await page.goto(server.address)
    chat = ChatPage(page)
    await chat.connected()
    await chat.send("hello")
    await chat.shows("hello", "You wrote: hello")
    await server.drop()
    await chat.send("again")
    await chat.shows("hello", "You wrote: hello", "again", "You wrote: again")


async def test_where_a_ticket_is_no_longer_good_a_new_conversation_begins_and_nothing_is_lost(
    page: Page, server: FakeServer
) -> None:
    chat = ChatPage(page)
    await chat.send("in the old one")
    await expect(chat.bubbles).to_have_count(2)
    server.down = True
    await server.drop()
    await expect(page.locator(".state")).not_to_have_attribute("data-state", "open")
    await chat.send("on its way")
    server.talks.clear()
    server.down = False
    await chat.shows("on its way", "You wrote: on its way")
    await page.reload()
    await chat.shows("on its way", "You wrote: on its way")


async def test_the_site_says_who_its_user_is_anew_for_each_connection(
    page: Page, server: FakeServer
) -> None:
    chat = ChatPage(page)
    await page.evaluate(
        """() => {
          let asked = 0;
          const chat = document.querySelector("parley-chat");
          chat.identity = async () => { asked += 1; return "anna"; };
          window.asked = () => asked;
        }"""
    )
    for times in (1, 2):
        await server.drop()
        await expect(page.locator(".state")).not_to_have_attribute("data-state", "open")
        await chat.connected()
        assert await page.evaluate("window.asked()") == times
    assert server.identities == ["", "anna", "anna"]
    await chat.send("it is me")
    await chat.shows("it is me", "You wrote: it is me")
    assert server.talks["user:anna"].frames[0]["text"] == "it is me"
    await expect(chat.button("New conversation")).to_be_hidden()


async def test_a_site_that_cannot_say_who_its_user_is_is_asked_again(
    page: Page, server: FakeServer
) -> None:
    await page.evaluate(
        """() => {
          let asked = 0;
          document.querySelector("parley-chat").identity = async () => {
            asked += 1;
            if (asked < 2) throw new Error("away");
            return "anna";
          };
        }"""
    )
    await server.drop()
    await expect(page.locator(".state")).not_to_have_attribute("data-state", "open")
    await ChatPage(page).connected()
    assert server.identities == ["", "anna"]
