"""``/webhooks/<channel>/``: a delivery is verified, parsed, accepted; REST waits for the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query
from fastapi.requests import Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Match, Route
from starlette.types import Scope

from bot.channels.base import Acknowledges, Channel, Delivery, Serves, clients_of, recalls
from bot.channels.rest import RestMessage
from bot.dialogue.events import Event
from bot.dialogue.messages import Message, Reply
from bot.door import body_schema
from bot.errors import NotFound
from bot.people.caller import open_to
from bot.reply import Sender
from bot.running import Running, running

router = APIRouter(prefix="/webhooks", tags=["channels"])
Name = Annotated[str, Path(description="`rest`, `callback`, …: a channel that is configured.")]
EXAMPLE = [{"recipient_id": "anna", "text": "Which order is it about?"}]


@router.get("/{channel}/")
@open_to("anyone")
async def health(request: Request, channel: Name) -> dict[str, str]:
    """Whether the channel is configured."""
    _channel(running(request), channel)
    return {"status": "ok"}


@router.post(
    "/rest/webhook",
    openapi_extra=body_schema(RestMessage),
    responses={200: {"content": {"application/json": {"example": EXAMPLE}}}},
)
@open_to("a channel's own")
async def rest(
    request: Request,
    stream: Annotated[
        bool, Query(description="One JSON object per line, told as it is committed.")
    ] = False,
) -> Response:
    """Say something to the bot, and get its answer."""
    return await _said(request, stream=stream)


class WithoutParameters(Route):
    """``rest`` as nearly everybody posts to it: past what FastAPI does for parameters."""

    def __init__(self) -> None:
        @open_to("a channel's own")
        async def said(request: Request) -> Response:
            return await _said(request, stream=False)

        super().__init__(f"{router.prefix}/rest/webhook", said, methods=["POST"])

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["query_string"]:
            return Match.NONE, {}
        return super().matches(scope)


async def _said(request: Request, *, stream: bool) -> Response:
    parley = running(request)
    channel = _channel(parley, "rest")
    replies: list[Reply] = []
    for message in await _messages(request, channel, await _delivery(request)):
        await _count(request, channel, message)
        replies += await parley.inbox.answer(message, parley.settings.response_timeout_s)
    if stream:
        return StreamingResponse(_lines(channel, replies), media_type="text/event-stream")
    said = [part for reply in replies for part in channel.render(reply)]
    return Response(msgspec.json.encode(said), media_type="application/json")


@router.post("/{channel}/webhook", openapi_extra=body_schema(RestMessage))
@open_to("a channel's own")
async def webhook(request: Request, channel: Name) -> Response:
    """A delivery of a messaging service; the bot answers by calling the service."""
    parley = running(request)
    adapter = _channel(parley, channel)
    if isinstance(adapter, Serves):
        raise NotFound(
            f"The channel {channel!r} has no webhook; clients connect to {adapter.path}."
        )
    if not isinstance(adapter, Sender):
        raise NotFound(f"The channel {channel!r} has no webhook.")
    delivery = await _delivery(request)
    for message in await _messages(request, adapter, delivery):
        await _count(request, adapter, message)
        await parley.inbox.accept(message)
    told = adapter.acknowledge(delivery) if isinstance(adapter, Acknowledges) else None
    if told is None:
        return PlainTextResponse("success")
    return Response(msgspec.json.encode(told), media_type="application/json")


async def _count(request: Request, channel: Channel, message: Message) -> None:
    """Raises TooMany for what a client says too much; a verified service may say all."""
    address = request.client.host if request.client else ""
    limits, clients = running(request).limits, clients_of(channel)
    await limits.message(address, message.conversation_id, clients=clients)


async def _delivery(request: Request) -> Delivery:
    return Delivery(await request.body(), request.headers, request.query_params)


async def _messages(request: Request, channel: Channel, delivery: Delivery) -> Sequence[Message]:
    channel.verify(delivery)
    parley = running(request).parley
    now = parley.clock()
    messages = [msgspec.structs.replace(one, received=now) for one in channel.parse(delivery)]
    if recalls(channel):

        async def history(conversation_id: str) -> Sequence[Event]:
            return (await parley.log.history(conversation_id, all_sessions=True)).events

        messages = [await channel.recall(one, delivery, history) for one in messages]
    return messages


def _channel(parley: Running, name: str) -> Channel:
    channel = parley.channels.get(name)
    if channel is None:
        known = ", ".join(sorted(parley.channels))
        raise NotFound(f"No channel {name!r} is configured. Configured: {known}.")
    return channel


def _lines(channel: Channel, replies: Sequence[Reply]) -> Iterator[bytes]:
    for reply in replies:
        for part in channel.render(reply):
            yield msgspec.json.encode(part) + b"\n"
