"""What several routes on conversations take."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query

from bot.api.schemas import IncludeEvents
from bot.dialogue.messages import Message
from bot.dialogue.tracker import Tracker
from bot.door import WrongParameter, clean
from bot.errors import BadRequest
from bot.reply import Sender
from bot.running import Running

MOST_ID_CHARS = 255
COLLECTOR = "collector"  # as Rasa calls the output channel whose messages are answered with


def _known_view(include_events: str = "AFTER_RESTART") -> IncludeEvents:
    """Which events the answer holds: `NONE`, `APPLIED`, `AFTER_RESTART` or `ALL`."""
    match include_events:
        case "NONE" | "APPLIED" | "AFTER_RESTART" | "ALL":
            return include_events
        case _:
            raise WrongParameter(
                "include_events should be NONE, APPLIED, AFTER_RESTART or ALL.",
                "include_events",
                place="query",
            )


def _checked_id(
    conversation_id: Annotated[str, Path(description="May contain slashes.")],
) -> str:
    if len(conversation_id) > MOST_ID_CHARS:
        raise BadRequest(f"A conversation's id has at most {MOST_ID_CHARS} characters.")
    return clean(conversation_id)


ConversationId = Annotated[str, Depends(_checked_id)]
View = Annotated[IncludeEvents, Depends(_known_view)]
OutputChannel = Annotated[
    str | None,
    Query(
        description="A channel that is sent what the bot says; `latest` for the one the user "
        "wrote on last. Others, and none, have it in the answer.",
        max_length=MOST_ID_CHARS,
    ),
]


def origin(
    conversation_id: str, server: Running, tracker: Tracker, output_channel: str | None
) -> Message:
    """An empty message that stands for the caller of a route: where answers go, and from where."""
    latest = tracker.latest_input_channel
    name = latest if output_channel == "latest" else output_channel
    channel = name if name and isinstance(server.channels.get(name), Sender) else None
    return Message(
        conversation_id,
        "",
        channel=channel or "rest",
        input_channel=latest,
        output_channel=channel or COLLECTOR,
        received=server.parley.clock(),
    )


def is_pushed(message: Message, server: Running) -> bool:
    """Whether the channel of ``message`` is called with its replies."""
    return isinstance(server.channels.get(message.channel), Sender)
