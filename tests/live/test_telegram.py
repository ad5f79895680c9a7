"""The telegram channel of a whole server, with aiogram's types on the other side."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bot.app import create_app
from bot.settings import load_settings
from tests.browser.fake_server import listening, serving
from tests.command import CHECKOUT
from tests.servers import die_with_parent, free_port, wait_until

pytestmark = pytest.mark.services

PYTHON = os.environ.get("PARLEY_VENDORS_PYTHON", str(CHECKOUT / ".venv-vendors/bin/python"))
PEER = Path(__file__).parent / "vendors" / "telegram_api.py"
TOKEN = "123:token-of-the-bot"
ORDER = '/choose{"order": "' + "12345678-" * 10 + '"}'
LONG = "word " * 1500

CONFIG = "recipe: default.v1\nlanguage: en\nassistant_id: t\npolicies: [{name: RulePolicy}]\n"
DOMAIN = {
    "version": "3.1",
    "intents": ["start", "ask", "choose", "long"],
    "entities": ["order"],
    "slots": {"order": {"type": "text", "mappings": [{"type": "from_entity", "entity": "order"}]}},
    "responses": {
        "utter_start": [{"text": "Hello."}],
        "utter_ask": [
            {
                "text": "Which one?",
                "buttons": [
                    {"title": "The long one", "payload": ORDER},
                    {"title": "None", "payload": "/start"},
                ],
            }
        ],
        "utter_choose": [{"text": "You chose {order}."}],
        "utter_long": [{"text": LONG}],
    },
}
RULES = {
    "version": "3.1",
    "rules": [
        {"rule": name, "steps": [{"intent": name}, {"action": f"utter_{name}"}]}
        for name in ("start", "ask", "choose", "long")
    ],
}


class Peer:
    """The Bot API in a process of its own."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def told(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self._client.get("/test/told")).json()
        return found

    async def said(self, count: int) -> list[dict[str, Any]]:
        """The first ``count`` calls that say something, once they are there."""
        return (await self._until(lambda calls: len(calls) >= count))[:count]

    async def deliver(self, *updates: dict[str, Any], times: int = 1) -> list[dict[str, Any]]:
        body = {"updates": updates, "times": times}
        answers: list[dict[str, Any]] = (
            await self._client.post("/test/deliver", json=body, timeout=30)
        ).json()
        return answers

    async def answer(self, status: int, **body: Any) -> None:
        """The next call gets this answer."""
        await self._client.post("/test/answer", json=[{"status": status, "body": body}])

    async def _until(self, fits: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        async with asyncio.timeout(20):
            while True:
                calls = (await self.told())["calls"]
                calls = [call for call in calls if call["method"] != "setWebhook"]
                if fits(calls):
                    return calls
                await asyncio.sleep(0.02)

    async def registered(self) -> dict[str, Any]:
        """What the bot has registered as its webhook."""
        async with asyncio.timeout(20):
            while True:
                if hook := (await self.told())["hook"]:
                    return dict(hook)
                await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def bot_api() -> Iterator[str]:
    """The address of the Bot API."""
    port = free_port()
    process = subprocess.Popen([PYTHON, PEER, str(port)], preexec_fn=die_with_parent)
    try:
        wait_until(lambda: _answers(port), "the Bot API", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
        return True
    return False


@pytest.fixture
async def peer(bot_api: str) -> AsyncIterator[Peer]:
    async with httpx2.AsyncClient(base_url=bot_api) as client:
        await client.post("/test/forget")
        yield Peer(client)


@asynccontextmanager
async def server(folder: Path, peer: Peer) -> AsyncIterator[str]:
    """A Parley whose updates come from ``peer``; gives its address once it is registered."""
    door = listening()
    address = f"http://127.0.0.1:{door.getsockname()[1]}"
    credentials = {
        "access_token": TOKEN,
        "verify": "parley_bot",
        "webhook_url": f"{address}/webhooks/telegram/webhook",
        "api_url": str(peer._client.base_url).rstrip("/"),
    }
    project = folder / "project"
    (project / "data").mkdir(parents=True)
    (project / "config.yml").write_text(CONFIG)
    (project / "domain.yml").write_text(json.dumps(DOMAIN))
    (project / "data/rules.yml").write_text(json.dumps(RULES))
    (project / "credentials.yml").write_text(json.dumps({"telegram": credentials}))
    app = create_app(load_settings(project=project, home=folder / "home", nlu="none"))
    async with serving(app, door=door):
        await peer.registered()
        yield address


async def test_a_conversation_with_buttons_of_any_length(tmp_path: Path, peer: Peer) -> None:
    async with server(tmp_path, peer):
        await peer.deliver({"id": 1, "text": "/start"})
        await peer.deliver({"id": 2, "text": "/ask"})
        await peer.said(2)
        (answer,) = await peer.deliver({"id": 3, "pressed": "The long one"})
        calls = await peer.said(3)
    assert [call["text"] for call in calls] == [
        "Hello.",
        "Which one?",
        f"You chose {'12345678-' * 10}.",
    ]
    assert answer["status"] == 200
    assert json.loads(answer["body"]) == {
        "method": "answerCallbackQuery",
        "callback_query_id": "q-3",
    }


async def test_an_update_delivered_ten_times_at_once_is_answered_once(
    tmp_path: Path, peer: Peer
) -> None:
    async with server(tmp_path, peer):
        answers = await peer.deliver({"id": 1, "text": "/start"}, times=10)
        await peer.deliver({"id": 2, "text": "/ask"})
        calls = await peer.said(2)
    assert {answer["status"] for answer in answers} == {200}
    assert [call["text"] for call in calls] == ["Hello.", "Which one?"]


async def test_a_long_text_comes_in_messages_that_fit(tmp_path: Path, peer: Peer) -> None:
    async with server(tmp_path, peer):
        await peer.deliver({"id": 1, "text": "/long"})
        calls = await peer.said(2)
    assert " ".join(call["text"] for call in calls) == LONG.strip()


async def test_when_asked_to_slow_down_the_bot_says_it_later(tmp_path: Path, peer: Peer) -> None:
    async with server(tmp_path, peer):
        told = {"ok": False, "error_code": 429, "description": "Too Many Requests: retry after 1"}
        await peer.answer(429, **told, parameters={"retry_after": 1})
        await peer.deliver({"id": 1, "text": "/start"})
        await peer.deliver({"id": 2, "text": "/ask"})
        calls = await peer.said(3)
    assert [call["text"] for call in calls] == ["Hello.", "Hello.", "Which one?"]


async def test_what_may_have_arrived_is_not_said_again(tmp_path: Path, peer: Peer) -> None:
    async with server(tmp_path, peer):
        await peer.answer(502, ok=False, error_code=502, description="Bad Gateway")
        await peer.deliver({"id": 1, "text": "/start"})
        await peer.deliver({"id": 2, "text": "/ask"})
        calls = await peer.said(2)
    assert [call["text"] for call in calls] == ["Hello.", "Which one?"]


async def test_a_stranger_who_knows_the_address_is_refused(tmp_path: Path, peer: Peer) -> None:
    async with server(tmp_path, peer) as address, httpx2.AsyncClient(base_url=address) as client:
        for secret in ("", "guess"):
            refused = await client.post(
                "/webhooks/telegram/webhook",
                json={"update_id": 1, "message": {"chat": {"id": 7}, "text": "/start"}},
                headers={"X-Telegram-Bot-Api-Secret-Token": secret},
            )
            assert refused.status_code == 403
        hook = await peer.registered()
    assert TOKEN not in json.dumps(hook)
    assert len(hook["secret_token"]) == 64
