"""Two servers and one Redis have a bad day: every message is answered once, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bot.dialogue.events import BotUttered, UserUttered
from bot.store.sql import SqlLog, open_log
from tests.command import WEBHOOK, Run, running, write
from tests.servers import Valkey

CONVERSATIONS, MESSAGES = 30, 6
ALL = CONVERSATIONS * MESSAGES
AGAIN_S, ANSWER_S, SOAK_S = 0.1, 10.0, 90.0
DOMAIN = """
version: "3.1"
intents: [greet, act]
entities: [number, name]
actions: [action_act]
slots:
  said: {type: text, influence_conversation: false, mappings: [{type: from_text}]}
responses:
  utter_greet: [{text: "You said: {said}"}]
"""


class Servers:
    """Two `parley run`, asked by their numbers; one that is down is asked again until it is up."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self._project = write(folder / "project", **{"domain.yml": DOMAIN})
        self._folder, self._variables = folder, variables
        self._open = ExitStack()
        self._runs: dict[int, Run] = {}
        self.answered = 0
        self._more = asyncio.Condition()

    async def start(self, number: int) -> None:
        home = self._folder / f"home {number}"
        run = running(self._project, home, self._variables)
        self._runs[number] = await asyncio.to_thread(self._open.enter_context, run)

    async def kill(self, number: int) -> None:
        process = self._runs[number].process
        process.kill()
        await asyncio.to_thread(process.wait)

    async def close(self) -> None:
        await asyncio.to_thread(self._open.close)

    async def say(self, client: httpx2.AsyncClient, number: int, body: dict[str, str]) -> Any:
        """The answer to ``body``, said again with its id until there is one."""
        while True:
            try:
                answer = await client.post(self._runs[number].url.rstrip("/") + WEBHOOK, json=body)
            except httpx2.TransportError:
                answer = None
            if answer is not None and answer.status_code == 200:
                return answer.json()
            # A server that closes, or waits for another's turn, asks to be asked again.
            assert answer is None or answer.status_code in (503, 504), answer.text
            await asyncio.sleep(AGAIN_S)

    async def count(self) -> None:
        async with self._more:
            self.answered += 1
            self._more.notify_all()

    async def until_answered(self, many: int) -> None:
        async with self._more:
            await self._more.wait_for(lambda: self.answered >= many)


@asynccontextmanager
async def two_servers(folder: Path, variables: dict[str, str]) -> AsyncIterator[Servers]:
    servers = Servers(folder, variables)
    try:
        await asyncio.gather(servers.start(0), servers.start(1))
        yield servers
    finally:
        await servers.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_every_message_is_answered_once_and_in_order_whatever_dies(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, own_valkey: Valkey
) -> None:
    database_url: str = request.getfixturevalue(f"{kind}_url")
    variables = {
        "PARLEY_DATABASE_URL": database_url,
        "PARLEY_REDIS_URL": own_valkey.url,
        "PARLEY_RESPONSE_TIMEOUT_S": str(ANSWER_S),
    }
    async with two_servers(tmp_path, variables) as servers, asyncio.timeout(SOAK_S):
        limits = httpx2.Limits(max_connections=None)
        async with (
            httpx2.AsyncClient(timeout=2 * ANSWER_S, limits=limits) as client,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(have_a_bad_day(servers, own_valkey))
            for number in range(CONVERSATIONS):
                group.create_task(talk(servers, client, f"user {number}"))
    async with open_log(database_url) as log:
        for number in range(CONVERSATIONS):
            await check(log, f"user {number}")
        assert await log.unfinished(older_than_s=0.0) == []


async def have_a_bad_day(servers: Servers, valkey: Valkey) -> None:
    await servers.until_answered(ALL // 6)
    valkey.kill()
    await servers.until_answered(ALL // 3)
    await servers.kill(1)
    await asyncio.to_thread(valkey.start)
    await servers.start(1)


async def talk(servers: Servers, client: httpx2.AsyncClient, name: str) -> None:
    """One message after another, each said to both servers at once and by a client that repeats
    itself; the last two together.
    """

    async def say(n: int) -> None:
        body = {"sender": name, "message": f"hello {n}", "message_id": f"m{n}"}
        answers = await asyncio.gather(
            *(servers.say(client, number, body) for number in (0, 1, n % 2))
        )
        assert answers == [[{"recipient_id": name, "text": f"You said: hello {n}"}]] * 3
        await servers.count()

    for n in range(MESSAGES - 2):
        await say(n)
    await asyncio.gather(say(MESSAGES - 2), say(MESSAGES - 1))


async def check(log: SqlLog, name: str) -> None:
    """Each message is in the log once, with its one answer after it."""
    events = (await log.history(name, all_sessions=True)).events
    heard = [event.message_id for event in events if isinstance(event, UserUttered)]
    assert heard[:-2] == [f"m{n}" for n in range(MESSAGES - 2)]
    assert sorted(heard[-2:]) == [f"m{n}" for n in range(MESSAGES - 2, MESSAGES)]
    spoke = [type(one) for one in events if isinstance(one, UserUttered | BotUttered)]
    assert spoke == [UserUttered, BotUttered] * MESSAGES
