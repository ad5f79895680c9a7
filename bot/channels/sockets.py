"""The connections of the socketio channel: who is there, what they say, what they are told.

A message is committed before anything else happens to it. Its replies go to everybody who is
connected to its conversation, by whichever worker holds the connection; what nobody was there to
take waits in the log, and is told to the page that comes back and names the conversation.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import socketio
import structlog
from socketio.exceptions import ConnectionRefusedError as Unwelcome
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.act import APOLOGY
from bot.channels.base import Delivery, Refused
from bot.channels.rest import MOST_ID_CHARS, VISITORS
from bot.channels.web import MOST_FRAME_BYTES
from bot.door import TooLong, clean
from bot.errors import BadRequest, ParleyError, Unavailable
from bot.limits import Limits, TooMany
from bot.reply import MISSED

if TYPE_CHECKING:
    from bot.channels.socketio import SocketioChannel
    from bot.running import Running

MOST_SESSIONS = 16  # of one connection; a page has one
REQUEST_S = 60.0  # of one that polls; Engine.IO answers after 25 at the latest, if at all

log = structlog.get_logger(__name__)


class Sockets:
    """Who is connected here, and to which conversations.

    Args:
        namespace: Of Socket.IO.
        event: What a reply is emitted as.
    """

    def __init__(self, *, namespace: str, event: str) -> None:
        self.namespace = namespace
        self._event = event
        self._rooms: dict[str, set[str]] = {}  # who is connected to a conversation
        self._joined: dict[str, set[str]] = {}  # to which conversations somebody is connected
        self.server = socketio.AsyncServer(
            async_mode="asgi",
            async_handlers=False,  # the messages of a connection are taken in their order
            cors_allowed_origins=[],  # `verify` looks at origins, the server's own door says so
            max_http_buffer_size=MOST_FRAME_BYTES,
            logger=_quiet("socketio.server"),
            engineio_logger=_quiet("engineio.server"),
        )

    async def push(self, conversation_id: str, payload: Any) -> bool:
        """Emit ``payload`` to who is connected to the conversation; whether anybody is."""
        connected = self.connected(conversation_id)
        for sid in connected:
            await self.tell(sid, self._event, payload)
        return bool(connected)

    def connected(self, conversation_id: str) -> frozenset[str]:
        """Who is connected to the conversation."""
        return frozenset(self._rooms.get(conversation_id, ()))

    async def tell(self, sid: str, event: str, payload: Any) -> None:
        """Emit to one connection."""
        await self.server.emit(event, payload, to=sid, namespace=self.namespace)

    async def say(self, sid: str, text: str) -> None:
        """Tell one connection a text that is in no log."""
        await self.tell(sid, self._event, {"text": text})

    def join(self, sid: str, conversation_id: str) -> bool:
        """Replies of the conversation go to ``sid`` too; whether that is new."""
        joined = self._joined.setdefault(sid, set())
        if conversation_id in joined:
            return False
        joined.add(conversation_id)
        self._rooms.setdefault(conversation_id, set()).add(sid)
        return True

    def leave(self, sid: str) -> None:
        """``sid`` is gone."""
        for conversation_id in self._joined.pop(sid, ()):
            self._rooms[conversation_id].discard(sid)
            if not self._rooms[conversation_id]:
                del self._rooms[conversation_id]

    async def close(self) -> None:
        """End every connection, as a broken one ends: pages connect again by themselves."""
        for client in list(self.server.eio.sockets.values()):
            await client.close(wait=False)
        await self.server.shutdown()


@asynccontextmanager
async def serve(channel: SocketioChannel, running: Running) -> AsyncIterator[ASGIApp]:
    """The application that pages connect to; closed after the block."""
    visitors = _Visitors(channel, running)
    server, namespace = channel.sockets.server, channel.sockets.namespace
    for event, handler in visitors.handlers.items():
        server.on(event, handler, namespace=namespace)
    _Polling(server, running.limits)
    try:
        yield _Door(socketio.ASGIApp(server, socketio_path=None), running.limits)
    finally:
        await visitors.close()
        await channel.sockets.close()


class _Visitors:
    """What is done when somebody connects, asks for a session, speaks, or leaves."""

    def __init__(self, channel: SocketioChannel, running: Running) -> None:
        self._channel, self._running = channel, running
        self._sockets, self._options = channel.sockets, channel.options
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        self._addresses: dict[str, str] = {}

    @property
    def handlers(self) -> Mapping[str, Callable[..., Coroutine[Any, Any, Any]]]:
        return {
            "connect": self._connect,
            "disconnect": self._disconnect,
            "session_request": self._session_request,
            self._options.user_message_evt: self._said,
        }

    async def close(self) -> None:
        for sid in list(self._tasks):
            await self._disconnect(sid)

    async def _connect(self, sid: str, environ: Mapping[str, Any], auth: Any = None) -> None:
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in environ["asgi.scope"]["headers"]
        }
        token = auth.get("token") if isinstance(auth, dict) else None
        try:
            self._channel.verify(Delivery(b"", headers, {"token": str(token or "")}))
        except Refused as error:
            raise Unwelcome(str(error)) from error
        self._addresses[sid] = _address(environ["asgi.scope"])
        if not self._options.session_persistence:
            await self._join(sid, sid)

    async def _disconnect(self, sid: str, reason: str = "") -> None:
        self._sockets.leave(sid)
        self._addresses.pop(sid, None)
        tasks = self._tasks.pop(sid, [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _session_request(self, sid: str, data: Any = None) -> None:
        asked = data.get("session_id") if isinstance(data, dict) else None
        named = clean(str(asked))[:MOST_ID_CHARS] if asked else uuid.uuid4().hex
        if named.startswith(VISITORS):  # only the chat page's tickets open those
            log.warning("socketio.refused", error=f"A session may not begin with {VISITORS!r}.")
            return
        if self._options.session_persistence:
            if len(self._tasks.get(sid, ())) >= MOST_SESSIONS:
                log.warning("socketio.too_many_sessions", most=MOST_SESSIONS)
                return
            await self._join(sid, named)
        await self._sockets.tell(sid, "session_confirm", named)
        if self._options.session_persistence:
            await self._running.inbox.deliver(named)

    async def _said(self, sid: str, data: Any = None) -> None:
        try:
            delivery = Delivery(_bytes(data), {}, {"sid": sid})
            for message in self._channel.parse(delivery):
                now = self._running.parley.clock()
                await self._running.limits.message(
                    self._addresses.get(sid, ""), message.conversation_id
                )
                await self._running.inbox.accept(msgspec.structs.replace(message, received=now))
        except (TooLong, TooMany) as error:
            await self._sockets.say(sid, str(error))
        except Unavailable as error:
            log.warning("socketio.postponed", error=str(error))
            await self._sockets.say(sid, APOLOGY)
        except ParleyError as error:  # the protocol has no word for it; Rasa says nothing either
            log.warning("socketio.refused", error=str(error))

    # What other workers have for a conversation that is connected here

    async def _join(self, sid: str, conversation_id: str) -> None:
        """From its end on, replies reach ``sid``, wherever they are made."""
        if not self._sockets.join(sid, conversation_id):
            return
        following = asyncio.Event()
        task = asyncio.create_task(self._follow(conversation_id, following))
        self._tasks.setdefault(sid, []).append(task)
        await following.wait()

    async def _follow(self, conversation_id: str, following: asyncio.Event) -> None:
        """Replies that another worker made are left for who is connected to the conversation."""
        try:
            async with self._running.parley.news.follow(conversation_id) as notes:
                following.set()
                async for note in notes:
                    if note == MISSED:
                        await self._running.inbox.deliver(conversation_id)
        except Exception:
            log.exception("socketio.failed", conversation=conversation_id)
        finally:
            following.set()


class _Polling:
    """Connections that poll, counted from their first request on; the door counts the others.

    Engine.IO remembers one for a minute that never says what it wants.
    """

    def __init__(self, server: socketio.AsyncServer, limits: Limits) -> None:
        self._limits = limits
        self._open: dict[str, ExitStack] = {}
        self._before = dict(server.eio.handlers)
        server.eio.on("connect", self._connect)
        server.eio.on("disconnect", self._disconnect)

    async def _connect(self, sid: str, environ: Mapping[str, Any]) -> Any:
        """A sentence where it is refused."""
        scope = environ["asgi.scope"]
        if scope["type"] == "http":
            counted = ExitStack()
            try:
                counted.enter_context(self._limits.socket(_address(scope)))
            except TooMany as error:
                return str(error)
            self._open[sid] = counted
        return await self._before["connect"](sid, environ)

    async def _disconnect(self, sid: str, reason: str) -> None:
        if counted := self._open.pop(sid, None):
            counted.close()
        await self._before["disconnect"](sid, reason)


class _Door:
    """``app``, whose clients may send anything: what they break is a line of log."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._serve(scope, receive, send)
            return
        try:
            with self._limits.socket(_address(scope)):
                await self._serve(scope, receive, send)
        except TooMany:
            await send({"type": "websocket.close", "code": 1013})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _length(scope) > MOST_FRAME_BYTES:
            too_large = PlainTextResponse(f"At most {MOST_FRAME_BYTES} bytes are read.", 413)
            await too_large(scope, receive, send)
            return
        try:
            # Engine.IO ends a connection that broke its rules once everything was fetched that
            # waits there: never, where nobody fetches it.
            async with asyncio.timeout(REQUEST_S if scope["type"] == "http" else None):
                await self._app(scope, receive, send)
        except TimeoutError:
            await PlainTextResponse("", 400)(scope, receive, send)
        except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
            log.info("socketio.nonsense", error=repr(error)[:200])


class _Ours(logging.Filter):
    """Lets through what broke in our own code: what clients break in others' would fill a log."""

    def filter(self, record: logging.LogRecord) -> bool:
        trace = record.exc_info[2] if record.exc_info else None
        while trace and not trace.tb_frame.f_globals.get("__name__", "").startswith("bot."):
            trace = trace.tb_next
        return trace is not None


def _quiet(name: str) -> logging.Logger:
    """The logger ``name``, which says no more than it must."""
    logger = logging.getLogger(name)
    logger.setLevel(logging.ERROR)
    if not any(isinstance(each, _Ours) for each in logger.filters):
        logger.addFilter(_Ours())
    return logger


def _address(scope: Mapping[str, Any]) -> str:
    """Whence a client connects."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _length(scope: Scope) -> int:
    """How long a request says that it is; uvicorn lets nobody send more."""
    return int(dict(scope["headers"]).get(b"content-length", b"0"))


def _bytes(data: Any) -> bytes:
    """What came with an event, as JSON again, for the door to look at."""
    try:
        return json.dumps(data, default=repr).encode()
    except RecursionError as error:
        raise BadRequest("The event nests too deep.") from error
