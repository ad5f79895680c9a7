"""Messages that come when they come, whether the server keeps up or not (an open model).

How long an answer took counts from when its message was due, so that a server that stalls is not
spared the messages that would have come meanwhile ("coordinated omission", Tene 2013).
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field

WEBHOOK = b"/webhooks/rest/webhook"
PATIENCE_S = 60.0
IDLE_S = 3.0  # below the 5 s after which the server closes an idle connection
TEXTS = (
    *("hello", "hi there", "thanks a lot", "goodbye", "are you a bot?"),
    *("what can you do?", "I want to talk to a person", "good morning"),
)
TURNS = 10  # of one conversation, then another begins


@dataclass(frozen=True, slots=True)
class Answered:
    """One message: when it was due and how long it took, in seconds; status 0 when it broke off."""

    due_s: float
    took_s: float
    status: int
    says_when: bool = True  # a refusal with Retry-After


@dataclass(slots=True)
class Load:
    """What was sent and came back."""

    answered: list[Answered] = field(default_factory=list)
    on_their_way: int = 0


class Connections:
    """Connections that stay open, as many as are in use at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, content: dict[str, str]) -> tuple[int, bool]:
        """The status, and whether a Retry-After came with it."""
        reader, writer = await self._connection()
        body = json.dumps(content).encode()
        try:
            writer.write(
                b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (WEBHOOK, len(body), body)
            )
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
        except BaseException:
            writer.close()
            raise
        if b"connection: close" in head:
            writer.close()
        else:
            self._idle.append((asyncio.get_running_loop().time(), reader, writer))
        return int(head.split(b" ", 2)[1]), b"\r\nretry-after:" in head

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """One that the server has not closed meanwhile."""
        while self._idle:
            since, reader, writer = self._idle.pop()
            if not reader.at_eof() and asyncio.get_running_loop().time() - since < IDLE_S:
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def close(self) -> None:
        for _, _, writer in self._idle:
            writer.close()
        await asyncio.gather(
            *(writer.wait_closed() for _, _, writer in self._idle), return_exceptions=True
        )


class Users:
    """Who says what next; each message has an id of its own."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._numbers = itertools.count()

    def next(self) -> dict[str, str]:
        # A hundred conversations are held at a time, so that messages of one do not meet.
        number = next(self._numbers)
        lane, turn = number % 100, number // 100
        sender = f"{self._name}-{lane}-{turn // TURNS}"
        text = TEXTS[(lane + turn) % len(TEXTS)]
        return {"sender": sender, "message": text, "message_id": f"{self._name}-{number}"}


async def constant(
    port: int, users: Users, *, rate: float, seconds: float, tick: Callable[[Load], None]
) -> Load:
    """``rate`` messages a second for ``seconds``; ``tick`` is called every second."""
    loop, load, connections = asyncio.get_running_loop(), Load(), Connections(port)
    begin = loop.time()
    said, wanted = 0, round(rate * seconds)  # all of them, though this process was held up

    async def say(due: float, content: dict[str, str]) -> None:
        load.on_their_way += 1
        status, says_when = 0, False
        try:
            async with asyncio.timeout(PATIENCE_S):
                status, says_when = await connections.post(content)
        except (OSError, EOFError, TimeoutError):
            pass
        load.on_their_way -= 1
        load.answered.append(Answered(due - begin, loop.time() - due, status, says_when))

    async with asyncio.TaskGroup() as group:
        next_tick = begin + 1
        while said < wanted:
            now = loop.time()
            while said < min(wanted, (now - begin) * rate):
                group.create_task(say(begin + said / rate, users.next()))
                said += 1
            if now >= next_tick:
                tick(load)
                next_tick += 1
            await asyncio.sleep(max(0.0, begin + said / rate - loop.time()))
    await connections.close()
    return load


async def most(port: int, users: Users, *, at_once: int, seconds: float) -> float:
    """Turns a second when ``at_once`` clients each wait for their answer: the maximum."""
    loop, connections = asyncio.get_running_loop(), Connections(port)
    end = loop.time() + seconds

    async def client() -> int:
        done = 0
        while loop.time() < end:
            status, _ = await connections.post(users.next())
            done += status == 200
        return done

    total = sum(await asyncio.gather(*(client() for _ in range(at_once))))
    await connections.close()
    return total / seconds
