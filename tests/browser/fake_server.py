"""A stand-in for the web channel: its protocol to the letter, and rare situations at will."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.api.security import PAGE as SENT_WITH_PAGES

PAGE = Path(__file__).parents[2] / "bot" / "web" / "chat"
Frame = dict[str, Any]
Bot = Callable[[str], list[Frame]]


def echo(text: str) -> list[Frame]:
    """The plainest bot."""
    return [{"text": f"You wrote: {text}"}]


@dataclass
class Talk:
    """One conversation: what was committed, and who listens."""

    frames: list[Frame] = field(default_factory=list)
    listeners: list[WebSocket] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    seq: int = 0


@dataclass
class FakeServer:
    """What a test holds in its hand.

    ``letting`` is set while turns may be taken; clear it and a message is accepted but its
    turn waits. ``refusing`` answers the next messages with these error frames instead.
    ``silent`` hears everything and says nothing. ``down`` refuses connections.
    """

    bot: Bot = echo
    talks: dict[str, Talk] = field(default_factory=dict)
    received: list[Frame] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)  # `after` of each connection
    identities: list[str] = field(default_factory=list)  # of each connection
    refusing: list[Frame] = field(default_factory=list)
    silent: bool = False
    down: bool = False
    letting: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    address: str = ""

    def __post_init__(self) -> None:
        self.letting.set()

    @property
    def talk(self) -> Talk:
        """The newest conversation, which is mostly the only one."""
        return list(self.talks.values())[-1]

    async def say(self, *frames: Frame, sender: str = "bot", talk: Talk | None = None) -> None:
        """Commit messages that nobody asked for, and tell all who listen."""
        talk = talk or self.talk
        for frame in frames:
            talk.seq += 1
            sent = {
                "type": "message", "seq": talk.seq, "from": sender, "text": None,
                "timestamp": time.time(), **frame,
            }  # fmt: skip
            talk.frames.append(sent)
            await self.tell(sent, talk=talk)

    async def tell(self, frame: Frame | str, *, talk: Talk | None = None) -> None:
        """Send a frame as it is to all who listen, committed or not."""
        text = frame if isinstance(frame, str) else json.dumps(frame)
        for listener in list((talk or self.talk).listeners):
            await listener.send_text(text)

    async def drop(self) -> None:
        """Cut every line."""
        for talk in self.talks.values():
            listeners, talk.listeners = talk.listeners, []
            for listener in listeners:
                await listener.close(1012)

    async def take_turn(self, talk: Talk, message: Frame) -> None:
        """What the inbox does: once per id, and in order."""
        if message["id"] in talk.accepted:
            return
        talk.accepted.add(message["id"])
        await self.tell({"type": "typing", "on": True}, talk=talk)
        await self.letting.wait()
        said = {"text": message["text"], "id": message["id"]}
        await self.say(said, sender="user", talk=talk)
        await self.say(*self.bot(message["text"]), talk=talk)
        await self.tell({"type": "typing", "on": False}, talk=talk)

    async def serve_socket(self, line: WebSocket) -> None:
        """The protocol's server side, for one tab."""
        if self.down:
            await line.close()
            return
        await line.accept()
        try:
            begin = await line.receive_json()
        except WebSocketDisconnect:
            return
        self.identities.append(begin["identity"])
        conversation, talk = self.admit(begin["ticket"], begin["identity"])
        after = begin["after"] if begin["after"] <= talk.seq else 0
        self.asked.append(begin["after"])
        ticket = "" if begin["identity"] else f"{conversation}.1.signed"
        await line.send_json({"type": "begun", "conversation": conversation, "ticket": ticket})
        for frame in talk.frames:
            if frame["seq"] > after:
                await line.send_json(frame)
        await line.send_json({"type": "hello", "version": "0", "seq": talk.seq})
        talk.listeners.append(line)
        try:
            while True:
                await self.take_frame(line, talk, await line.receive_json())
        except (WebSocketDisconnect, RuntimeError):
            if line in talk.listeners:
                talk.listeners.remove(line)

    def admit(self, ticket: str, identity: str) -> tuple[str, Talk]:
        """The conversation of a user of the site or of a ticket of ours, else a new one."""
        if identity:
            return f"user:{identity}", self.talks.setdefault(f"user:{identity}", Talk())
        conversation, _, signature = ticket.partition(".")
        if signature != "1.signed" or conversation not in self.talks:
            conversation = f"conversation-{len(self.talks) + 1:04}"
        return conversation, self.talks.setdefault(conversation, Talk())

    async def take_frame(self, line: WebSocket, talk: Talk, frame: Frame) -> None:
        """One frame from a tab; turns are taken beside, as the inbox does."""
        self.received.append(frame)
        match frame:
            case {"type": "ping"} if not self.silent:
                await line.send_json({"type": "pong"})
            case {"type": "message", "id": identity} if self.refusing:
                error = self.refusing.pop(0)
                await line.send_json({"type": "error", "id": identity, **error})
            case {"type": "message"} if not self.silent:
                task = asyncio.create_task(self.take_turn(talk, frame))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    async def texts(self) -> list[str]:
        """What users said in the newest conversation, as committed."""
        return [frame["text"] for frame in self.talk.frames if frame["from"] == "user"]


def make_app(server: FakeServer) -> Starlette:
    """The page, its files and the socket, under the policy the page must live with."""

    async def page(request: Request) -> Response:
        return FileResponse(
            PAGE / "index.html", headers={"content-security-policy": SENT_WITH_PAGES}
        )

    async def picture(request: Request) -> Response:
        return FileResponse(PAGE / "icon.svg", media_type="image/svg+xml")

    return Starlette(
        routes=[
            Route("/", page),
            Route("/picture.svg", picture),
            WebSocketRoute("/webhooks/web/socket", server.serve_socket),
            Mount("/chat", StaticFiles(directory=PAGE)),
        ]
    )


@asynccontextmanager
async def serving(
    app: Callable[..., Awaitable[None]], *, door: socket.socket | None = None
) -> AsyncIterator[str]:
    """An application on ``door``, or on a free port of this machine; gives its address."""
    with door or listening() as door:
        config = uvicorn.Config(
            app, log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=5
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[door]))
        try:
            while not server.started:
                if task.done():
                    await task
                await asyncio.sleep(0)
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


def listening() -> socket.socket:
    """A socket bound to a port the system chose."""
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    door.bind(("127.0.0.1", 0))
    return door
