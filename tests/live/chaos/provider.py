"""The messaging services as the bot calls them: a Bot API and a callback address."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from random import Random
from typing import Any, Self

import uvicorn

from tests.browser.fake_server import listening

TROUBLE = 0.03  # of calls that end badly


class Provider:
    """Remembers what arrived, when; now and then refuses, asks for time, or never answers."""

    def __init__(self, random: Random) -> None:
        self.arrived: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
        self.troubles = 0
        self.is_calm = False
        self._random = random
        self._door = listening()
        self.port: int = self._door.getsockname()[1]
        config = uvicorn.Config(
            self._app, interface="asgi3", log_config=None, access_log=False, lifespan="off"
        )
        self._server = uvicorn.Server(config)

    async def __aenter__(self) -> Self:
        self._serving = asyncio.create_task(self._server._serve([self._door]))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        await self._serving

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        told = json.loads(body)
        method = scope["path"].rpartition("/")[2]
        if method == "setWebhook":
            return await _answer(send, 200, {"ok": True, "result": True})
        to = f"telegram {told['chat_id']}" if "chat_id" in told else told["recipient_id"]
        trouble = self._trouble()
        if trouble == "busy":
            wait = {"ok": False, "error_code": 429, "parameters": {"retry_after": 1}}
            return await _answer(send, 429, wait)
        if trouble == "gone":
            return await _answer(send, 500, {"ok": False, "error_code": 500})
        self.arrived[to].append((time.monotonic(), told.get("text", "")))
        if trouble == "silent":  # it arrived, and nobody says so
            return await _answer(send, 502, {"ok": False, "error_code": 502})
        if trouble == "slow":
            await asyncio.sleep(self._random.uniform(0.1, 2.5))
        result = {"message_id": 1, "date": 0, "chat": {"id": 1, "type": "private"}}
        return await _answer(send, 200, {"ok": True, "result": result})

    def _trouble(self) -> str:
        if self.is_calm or self._random.random() > TROUBLE:
            return ""
        self.troubles += 1
        return self._random.choice(("busy", "gone", "silent", "slow"))


async def _answer(send: Any, status: int, body: Any) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
