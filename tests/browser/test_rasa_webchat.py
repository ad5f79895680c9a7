"""The published rasa-webchat widget, unmodified, on a page of another origin."""

from __future__ import annotations

import asyncio
import json
import shutil
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.responses import FileResponse, HTMLResponse
from starlette.routing import Route

from bot.app import create_app
from bot.settings import Settings
from tests.browser.fake_server import serving
from tests.socketio_client import visiting

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

WIDGET = "rasa-webchat@1.0.1"
FETCHING_S = 120
PAGE = """<!doctype html><meta charset="utf-8"><title>A shop</title><h1>A shop</h1>
<script src="/widget.js"></script>
<script>WebChat.default({socketUrl: %s, socketPath: "/socket.io/", initPayload: "/greet",
  title: "Fernway", customData: {lang: "en"}, params: {storage: "local"},
  customMessageDelay: () => 0}, null)</script>"""
FILES = {
    "config.yml": "recipe: default.v1\nlanguage: en\nassistant_id: widget\n"
    "policies: [{name: RulePolicy}]\n",
    "credentials.yml": "socketio: {session_persistence: true, metadata_key: customData}\n",
    "domain.yml": """
version: "3.1"
intents: [greet, order_status, thank]
responses:
  utter_greet:
  - text: "Hello, this is Fernway."
    buttons:
    - {title: Where is my order?, payload: /order_status}
    - {title: Thank you, payload: /thank}
  utter_status:
  - text: It arrives tomorrow.
    image: "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
  utter_thank: [{text: You are welcome.}]
""",
    "data/rules.yml": """
version: "3.1"
rules:
- rule: greet
  steps: [{intent: greet}, {action: utter_greet}]
- rule: order
  steps: [{intent: order_status}, {action: utter_status}]
- rule: thank
  steps: [{intent: thank}, {action: utter_thank}]
""",
}


class Shop(NamedTuple):
    """Two addresses: of the page with the widget, and of the server it talks to."""

    page: str
    parley: str


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def widget(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The widget's script as it is published."""
    folder = tmp_path_factory.mktemp("widget")
    npm = shutil.which("npm")
    if npm is None:
        pytest.fail(f"npm is missing, which fetches {WIDGET}: install npm", pytrace=False)
    fetching = await asyncio.create_subprocess_exec(
        npm, "pack", WIDGET, "--prefer-offline", cwd=folder,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = await asyncio.wait_for(fetching.communicate(), FETCHING_S)
    except TimeoutError:
        fetching.kill()
        pytest.fail(f"npm did not fetch {WIDGET} within {FETCHING_S} s", pytrace=False)
    if fetching.returncode:
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        pytest.fail(
            f"npm could not fetch {WIDGET}; is there a network? It said: {last}", pytrace=False
        )
    (package,) = folder.glob("*.tgz")
    with tarfile.open(package) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package" / "lib" / "index.js"


@pytest_asyncio.fixture(loop_scope="session")
async def shop(widget: Path, tmp_path: Path) -> AsyncIterator[Shop]:
    """A page with the widget, beside a server that welcomes it."""
    for name, text in FILES.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    addresses: dict[str, str] = {}
    page = Starlette(
        routes=[
            Route("/", lambda _: HTMLResponse(PAGE % json.dumps(addresses["parley"]))),
            Route("/widget.js", lambda _: FileResponse(widget)),
        ]
    )
    async with serving(page) as here:
        settings = Settings(
            project=tmp_path / "project", home=tmp_path / "home", nlu="none", cors=(here,)
        )
        async with serving(create_app(settings)) as addresses["parley"]:
            yield Shop(here, addresses["parley"])


async def opened(page: Page, address: str) -> None:
    await page.goto(address)
    await page.locator(".rw-launcher").click()
    await expect(page.locator(".rw-new-message")).to_be_enabled()


async def type_(page: Page, text: str) -> None:
    await page.locator(".rw-new-message").fill(text)
    await page.locator(".rw-new-message").press("Enter")


async def test_the_widget_holds_a_conversation_with_buttons_and_goes_on_after_a_reload(
    shop: Shop, browser: Browser
) -> None:
    context = await browser.new_context(viewport={"width": 900, "height": 700})
    context.set_default_timeout(15_000)
    page = await context.new_page()
    try:
        await opened(page, shop.page)
        bot = page.locator(".rw-response .rw-message-text")
        await expect(bot).to_have_text(["Hello, this is Fernway."])
        await page.get_by_text("Where is my order?", exact=True).click()
        await expect(bot.last).to_have_text("It arrives tomorrow.")
        await expect(page.locator(".rw-image-frame")).to_have_count(1)
        await type_(page, "/thank")
        await expect(bot.last).to_have_text("You are welcome.")
        await page.reload()
        await type_(page, "/order_status")
        await expect(bot.last).to_have_text("It arrives tomorrow.")
        await expect(bot).to_have_count(4)  # and nothing was told a second time
    finally:
        await context.close()


async def test_the_widget_gets_what_the_bot_said_while_it_was_away(
    shop: Shop, browser: Browser
) -> None:
    context = await browser.new_context()
    context.set_default_timeout(15_000)
    page = await context.new_page()
    try:
        await opened(page, shop.page)
        bot = page.locator(".rw-response .rw-message-text")
        await expect(bot).to_have_text(["Hello, this is Fernway."])
        session = await page.evaluate("JSON.parse(localStorage.chat_session).session_id")
        await page.goto("about:blank")
        async with visiting(shop.parley) as elsewhere:  # nobody is there to take its answer
            said = {"message": "/thank", "session_id": session}
            await elsewhere.emit("user_uttered", said, ack=1)
            assert await elsewhere.told() == [1]
        await page.goto(shop.page)
        await expect(bot.last).to_have_text("You are welcome.")
        await expect(bot).to_have_count(2)
    finally:
        await context.close()
