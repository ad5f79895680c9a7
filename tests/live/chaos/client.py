"""The users and their vendors: messages, delivered until somebody has accepted them, and again."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx2

from tests.live.chaos.bot_files import SECRET
from tests.live.chaos.world import Server

AGAIN_S = (0.1, 0.3, 1.0, 2.0, 4.0)  # at most; vendors back off too
IN_FLIGHT = 40
CALL_S = 10.0
AT_ONCE = 2  # messages of a conversation on their way together
TWICE, LATER = 0.15, 0.1  # of deliveries: at once to two servers; again after the answer
REPORTS = 0.25  # of messages, which have an action write to the shop
ORDER = "20415"


@dataclass
class Told:
    """What the client knows of one message."""

    conversation: str
    text: str
    is_report: bool
    first_sent: float = 0.0
    accepted: float = 0.0
    answers: list[Any] = field(default_factory=list)  # on REST


class Users:
    """Whoever talks to the bot. ``told`` has every message by its own name."""

    def __init__(self, servers: list[Server], random: Random) -> None:
        self.told: dict[str, Told] = {}
        self.taken: defaultdict[str, list[tuple[float, bool]]] = defaultdict(list)
        self.wrong: list[str] = []
        self._servers = servers
        self._random = random
        self._numbers = iter(range(1, 10**9))
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
        self._in_flight = asyncio.Semaphore(IN_FLIGHT)
        self._client = httpx2.AsyncClient(timeout=CALL_S, limits=limits)

    async def close(self) -> None:
        await self._client.aclose()

    @property
    def accepted(self) -> int:
        return sum(bool(one.accepted) for one in self.told.values())

    async def talk(self, conversation: str, messages: int, pace_s: float) -> None:
        """So many messages, in order but for those that are on their way together.

        Between two ``pace_s`` pass at most, on average half of it.
        """
        at_once = asyncio.Semaphore(AT_ONCE)

        async def say(name: str) -> None:
            async with at_once:
                await self._say(name)

        async with asyncio.TaskGroup() as group:
            for number in range(messages):
                name = f"{conversation.replace(' ', '-')}-{number}"
                is_report = self._random.random() < REPORTS
                if is_report:
                    text = _payload(
                        "report", n=name, item=name, order_number=ORDER, problem="damaged"
                    )
                else:
                    text = _payload("say", n=name)
                self.told[name] = Told(conversation, text, is_report)
                await asyncio.sleep(self._random.uniform(0, pace_s))
                group.create_task(say(name))

    async def _say(self, name: str) -> None:
        told, number = self.told[name], next(self._numbers)
        told.first_sent = time.monotonic()
        servers = self._random.sample(self._servers, len(self._servers))
        first = [self._delivered(name, number, servers)]
        if self._random.random() < TWICE:
            first.append(self._delivered(name, number, servers[1:] + servers[:1]))
        await asyncio.gather(*first)
        if self._random.random() < LATER:
            await self._delivered(name, number, servers)

    async def _delivered(self, name: str, number: int, servers: list[Server]) -> None:
        """Sent again and again, to one server after another, until it is accepted."""
        told, tries = self.told[name], 0
        while True:
            async with self._in_flight:
                url = servers[tries % len(servers)].url
                answer = await self._posted(told, name, number, url)
            if answer is not None and answer.status_code == 200:
                told.accepted = told.accepted or time.monotonic()
                if told.conversation.startswith("rest"):
                    told.answers.append(answer.json())
                return
            if answer is not None and answer.status_code not in (500, 502, 503, 504, 429):
                self.wrong.append(f"{name}: {answer.status_code} {answer.text[:200]}")
                return
            await self._patience(tries)
            tries += 1

    async def _posted(self, told: Told, name: str, number: int, url: str) -> httpx2.Response | None:
        channel, _, who = told.conversation.partition(" ")
        headers = {}
        body: dict[str, Any]
        if channel == "telegram":
            chat = {"id": int(who), "type": "private"}
            message = {"message_id": number, "date": 0, "chat": chat, "text": told.text}
            body = {"update_id": number, "message": message}
            headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        else:
            body = {"sender": told.conversation, "message": told.text}
            if number % 2:
                headers = {"Idempotency-Key": name}
            else:
                body["message_id"] = name
        try:
            return await self._client.post(
                f"{url}/webhooks/{channel}/webhook", json=body, headers=headers
            )
        except httpx2.TransportError:
            return None

    async def take_over(self, conversation: str) -> None:
        """A person takes the conversation over, says something, and gives it back."""
        sender = conversation.partition(" ")[2] if conversation.startswith("tele") else conversation
        mine = {"agent": "mia", "force": True}
        taken = await self._asked(sender, "takeover", mine)
        if taken is None:
            return
        self.taken[conversation].append((time.monotonic(), bool(taken["quiet"])))
        said = {"agent": "mia", "text": f"person {conversation}", "message_id": f"p{time.time()}"}
        await asyncio.sleep(self._random.uniform(0, 0.5))
        await self._asked(sender, "agent", said)
        await self._asked(sender, "resume", mine)

    async def _asked(self, sender: str, what: str, body: dict[str, Any]) -> Any:
        for tries in range(60):
            server = self._random.choice(self._servers)
            try:
                answer = await self._client.post(
                    f"{server.url}/conversations/{sender}/{what}", json=body
                )
            except httpx2.TransportError:
                answer = None
            if answer is not None and answer.status_code == 200:
                return answer.json()
            if answer is not None and answer.status_code in (404, 409) and what != "takeover":
                return None  # done before, by a call whose answer was lost
            await self._patience(tries)
        return None

    async def _patience(self, tries: int) -> None:
        longest_s = AGAIN_S[min(tries, len(AGAIN_S) - 1)]
        await asyncio.sleep(self._random.uniform(0.5, 1) * longest_s)


def _payload(intent: str, **entities: str) -> str:
    return f"/{intent}{json.dumps(entities)}"
