"""The chat page and the server it belongs to, with nothing in between made up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, expect

from bot.app import create_app
from bot.settings import Settings
from tests.browser.chat_page import ChatPage
from tests.browser.fake_server import serving

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CONFIG = """
recipe: default.v1
language: en
assistant_id: browser
policies:
  - name: RulePolicy
"""
DOMAIN = """
version: "3.1"
intents: [greet, order_status, thank]
responses:
  utter_greet:
    - text: "Hello, this is **Fernway**."
      buttons:
        - {title: Where is my order?, payload: /order_status}
        - {title: Nothing, payload: /thank}
  utter_status:
    - text: It arrives tomorrow.
  utter_anything_else:
    - text: Anything else?
"""
RULES = """
version: "3.1"
rules:
  - rule: greet
    steps: [{intent: greet}, {action: utter_greet}]
  - rule: order
    steps: [{intent: order_status}, {action: utter_status}, {action: utter_anything_else}]
"""


@pytest_asyncio.fixture(loop_scope="session")
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """Where a server of a small project without a model is."""
    project = tmp_path / "project"
    (project / "data").mkdir(parents=True)
    (project / "config.yml").write_text(CONFIG, encoding="utf-8")
    (project / "domain.yml").write_text(DOMAIN, encoding="utf-8")
    (project / "data" / "rules.yml").write_text(RULES, encoding="utf-8")
    settings = Settings(project=project, home=tmp_path / "home", nlu="none")
    async with serving(create_app(settings)) as address:
        yield address


async def test_a_conversation_goes_through_the_real_server_and_survives_a_reload(
    address: str, context: BrowserContext
) -> None:
    page = await context.new_page()
    await page.goto(address)
    chat = ChatPage(page)
    await chat.connected()
    await chat.send("/greet")
    await chat.button("Where is my order?").click()
    said = [
        "Hello, this is Fernway.",
        "Where is my order?",
        "It arrives tomorrow.",
        "Anything else?",
    ]
    await chat.shows(*said)
    await expect(page.locator(".pending")).to_have_count(0)
    await expect(chat.typing).to_be_hidden()
    await page.reload()
    await chat.shows(*said)
    await page.goto("about:blank")


async def test_two_tabs_follow_one_conversation_on_the_real_server(
    address: str, context: BrowserContext
) -> None:
    here, there = ChatPage(await context.new_page()), ChatPage(await context.new_page())
    for tab in (here, there):
        await tab.page.goto(address)
        await tab.connected()
    await here.send("/order_status")
    await there.shows("It arrives tomorrow.", "Anything else?")
    await there.send("/greet")
    await here.shows("It arrives tomorrow.", "Anything else?", "Hello, this is Fernway.")
    for tab in (here, there):
        await tab.page.goto("about:blank")


async def test_a_message_the_server_is_given_twice_is_said_once(
    address: str, context: BrowserContext
) -> None:
    page = await context.new_page()
    await page.goto(address)
    chat = ChatPage(page)
    await chat.connected()
    await page.evaluate(
        """async () => {
          const name = localStorage.getItem("parley.conversation");
          const ticket = localStorage.getItem(`parley.ticket.${name}`);
          const url = "/webhooks/web/socket";
          for (let tries = 0; tries < 2; tries += 1) {
            const socket = new WebSocket(new URL(url, location).href.replace("http", "ws"));
            await new Promise(resolve => {
              socket.onopen = () => socket.send(JSON.stringify({ type: "begin", ticket }));
              socket.onmessage = ({ data }) => {
                const frame = JSON.parse(data);
                if (frame.type === "typing" && !frame.on) resolve();
                if (frame.type !== "hello") return;
                socket.send(JSON.stringify({ type: "message", id: "the-same", text: "hello" }));
              };
            });
            socket.close();
          }
        }"""
    )
    await chat.send("/order_status")
    await chat.shows("hello", "It arrives tomorrow.", "Anything else?")
    await page.goto("about:blank")
