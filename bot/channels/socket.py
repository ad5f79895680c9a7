"""The chat page's WebSocket: the log of one conversation, followed, and a way to write into it.

A page begins with the ticket it was given the last time, or is given a new one. It is told what is
committed and nothing else: it names the last event it has seen, gets what came after, and from
then on whatever is logged, by whichever worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any

import msgspec
import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from bot.channels.base import Delivery, Unproven
from bot.channels.rest import VISITORS
from bot.channels.web import MOST_FRAME_BYTES, Begin, Visitor, WebChannel
from bot.dialogue.events import Event
from bot.dialogue.messages import Message
from bot.errors import BadRequest, NotFound, ParleyError, Unavailable
from bot.limits import TooMany
from bot.people.caller import open_to
from bot.running import Running
from bot.store.base import History
from bot.version import VERSION
from nlu.errors import NluError

MOST_SHOWN = 200  # messages of a history
BEGIN_S = 10.0
MOST_UNANSWERED = 16  # messages of one page being worked on
POLICY_VIOLATION, TOO_BIG, TRY_AGAIN = 1008, 1009, 1013  # RFC 6455 and IANA's registry

router = APIRouter()
log = structlog.get_logger()


@router.websocket("/webhooks/web/socket")
@open_to("a channel's own")
async def socket(websocket: WebSocket) -> None:
    """One page, from its connection to its end."""
    parley: Running = websocket.app.state.running
    await websocket.accept()
    try:
        with (
            parley.limits.socket(_address(websocket)),
            parley.metrics.sockets.track_inprogress(),
        ):
            await _serve(websocket, parley)
    except WebSocketDisconnect:
        pass
    except ParleyError as error:
        later = isinstance(error, Unavailable | TooMany)
        await _send(websocket, error_frame(error))
        await websocket.close(TRY_AGAIN if later else POLICY_VIOLATION, error.reason)


async def _serve(websocket: WebSocket, parley: Running) -> None:
    channel = parley.channels.get("web")
    if not isinstance(channel, WebChannel):
        raise NotFound("The chat page is switched off here.")
    channel.verify(Delivery(b"", dict(websocket.headers), {}))
    begin, visitor = await _begin(websocket, channel, parley)
    page = Page(websocket, channel, visitor, parley, after=begin.after)
    await _while_known(page, visitor, parley)


def _address(websocket: WebSocket) -> str:
    return websocket.client.host if websocket.client else ""


async def _begin(
    websocket: WebSocket, channel: WebChannel, parley: Running
) -> tuple[Begin, Visitor]:
    """What the page says first, and who it then is."""
    try:
        async with asyncio.timeout(BEGIN_S):
            data = await _received(websocket)
    except TimeoutError as late:
        raise BadRequest(f"A page should begin within {BEGIN_S:g} seconds.") from late
    begin, now = channel.first(data), parley.parley.clock()
    if old := channel.unsigned(begin, now):
        history = await parley.parley.log.history(old.conversation_id)
        if history.seq:
            return begin, old
    return begin, channel.visitor(begin, now)


async def _while_known(page: Page, visitor: Visitor, parley: Running) -> None:
    """Serve until the page goes away, or the identity of its user ends. Raises Unproven."""
    left = None if visitor.until is None else visitor.until - parley.parley.clock()
    try:
        async with asyncio.timeout(left) as limit:
            await page.serve()
    except TimeoutError as over:
        if not limit.expired():
            raise
        raise Unproven("The identity is no longer good; bring another.") from over


async def _received(websocket: WebSocket) -> bytes:
    """A frame of text. Raises WebSocketDisconnect, and BadRequest for one of bytes."""
    received = await websocket.receive()
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received.get("code", 1005))
    data: bytes = received.get("bytes") or (received.get("text") or "").encode()
    if len(data) > MOST_FRAME_BYTES:
        await websocket.close(TOO_BIG, f"at most {MOST_FRAME_BYTES} bytes")
        raise WebSocketDisconnect(TOO_BIG)
    if received.get("text") is None:
        raise BadRequest("Frames should be text, not binary.")
    return data


class Page:
    """One connected page: where it has read to, and what it waits for.

    ``after`` is the last event it has seen.
    """

    def __init__(
        self,
        websocket: WebSocket,
        channel: WebChannel,
        visitor: Visitor,
        parley: Running,
        *,
        after: int = 0,
    ) -> None:
        self._websocket, self._channel, self._visitor = websocket, channel, visitor
        self._running = parley
        self._conversation_id = visitor.conversation_id
        self._seen = after
        self._reading = asyncio.Lock()  # two readers of the log would tell the same twice
        self._unanswered = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Tell the history, then follow and listen until the page goes away."""
        async with self._running.parley.news.follow(self._conversation_id) as notes:
            await self._tell(self._begun())
            await self._tell_history()
            await self._tell({"type": "hello", "version": VERSION, "seq": self._seen})
            self._start(self._follow(notes))
            try:
                await self._listen()
            finally:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begun(self) -> dict[str, Any]:
        conversation = self._conversation_id.removeprefix(VISITORS)
        return {"type": "begun", "conversation": conversation, "ticket": self._visitor.ticket}

    async def _listen(self) -> None:
        while True:
            try:
                data = await _received(self._websocket)
            except BadRequest as error:
                await self._tell(error_frame(error))
                continue
            except WebSocketDisconnect:
                return
            await self._take(data)

    async def _take(self, data: bytes) -> None:
        delivery = Delivery(data, {}, {"conversation": self._conversation_id})
        try:
            messages = self._channel.parse(delivery)
        except ParleyError as error:
            await self._tell(error_frame(error, _id_in(data)))
            return
        if not messages:
            await self._tell({"type": "pong"})
        for message in messages:
            if self._unanswered >= MOST_UNANSWERED:
                busy = Unavailable(f"{MOST_UNANSWERED} messages are being answered already.")
                await self._tell(error_frame(busy, message.message_id))
            else:
                self._unanswered += 1
                self._start(self._answer(message))

    async def _answer(self, message: Message) -> None:
        stamped = msgspec.structs.replace(message, received=self._running.parley.clock())
        seen = self._seen
        try:
            address = _address(self._websocket)
            await self._running.limits.message(address, self._conversation_id)
            await self._tell({"type": "typing", "on": True})
            await self._running.inbox.answer(stamped, self._running.settings.response_timeout_s)
            await self._tell_news(unless_beyond=seen)
        except WebSocketDisconnect:
            raise
        except Exception as error:
            if not isinstance(error, ParleyError | NluError):
                log.exception("socket.failed", conversation=self._conversation_id)
                error = ParleyError("Something went wrong here; the log of the server says what.")
            await self._tell(error_frame(error, message.message_id))
        finally:
            self._unanswered -= 1
        if not self._unanswered:
            await self._tell({"type": "typing", "on": False})

    async def _follow(self, notes: AsyncIterator[str]) -> None:
        async for _ in notes:
            try:
                await self._tell_news()
            except Unavailable:  # the next note tells this one's events too
                continue

    async def _tell_history(self) -> None:
        history = await self._history()
        if self._seen > history.seq:  # the page has seen another log
            self._seen = 0
            history = await self._history()
        frames = self._unseen(history.events, history.seq)
        for frame in frames[-MOST_SHOWN:]:
            await self._tell(frame)
        self._seen = history.seq

    async def _tell_news(self, *, unless_beyond: int | None = None) -> None:
        """Tell what was logged since; the live tracker has it, else the log."""
        async with self._reading:
            if unless_beyond is not None and self._seen > unless_beyond:
                return  # the note of it was quicker
            kept = await self._running.parley.trackers.load(self._conversation_id)
            if kept and kept[0].seq > self._seen >= kept[0].seq - len(kept[0].events):
                events: Sequence[Event] = kept[0].events
                seq = kept[0].seq
            else:
                history = await self._history()
                events, seq = history.events, history.seq
            for frame in self._unseen(events, seq):
                await self._tell(frame)
            self._seen = max(self._seen, seq)

    async def _history(self) -> History:
        """At least what is logged after the last seen; earlier sessions only where they matter."""
        history = await self._running.parley.log.history(self._conversation_id)
        if history.seq - len(history.events) > self._seen:
            history = await self._running.parley.log.history(
                self._conversation_id, all_sessions=True
            )
        return history

    def _unseen(self, events: Sequence[Event], seq: int) -> list[dict[str, Any]]:
        """Frames of the ``events`` after the last seen; the last of them is number ``seq``."""
        unseen = min(max(seq - self._seen, 0), len(events))
        latest = events[len(events) - unseen :]
        numbered = enumerate(latest, seq - unseen + 1)
        return [
            frame
            for number, event in numbered
            for frame in self._channel.frames(self._conversation_id, number, event)
        ]

    async def _tell(self, frame: dict[str, Any]) -> None:
        await _send(self._websocket, frame)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error and not isinstance(error, WebSocketDisconnect):
            log.error("socket.failed", conversation=self._conversation_id, exc_info=error)


def error_frame(error: ParleyError | NluError, message_id: str | None = None) -> dict[str, Any]:
    """``error`` as a page is told it; ``message_id``: of the message it is about."""
    return {
        "type": "error",
        "id": message_id or None,
        "reason": error.reason,
        "message": error.told if isinstance(error, ParleyError) else str(error),
        "retry_after_s": getattr(error, "retry_after_s", None),
    }


async def _send(websocket: WebSocket, frame: dict[str, Any]) -> None:
    await websocket.send_text(msgspec.json.encode(frame).decode())


class _Named(msgspec.Struct):
    id: str = ""


def _id_in(data: bytes) -> str | None:
    """The id of a frame that is wrong otherwise."""
    try:
        return msgspec.json.decode(data, type=_Named).id
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
