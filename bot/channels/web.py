"""The web channel's own part: frames of the chat page to messages, events to frames."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError

from bot.channels.base import Delivery, Place, Refused
from bot.channels.rest import MOST_ID_CHARS
from bot.dialogue.events import AgentUttered, BotUttered, Event, UserUttered
from bot.dialogue.messages import Message, Reply
from bot.door import WrongShape, checked, read_json
from bot.errors import BadRequest

MOST_FRAME_BYTES = 64 * 1024
_CONVERSATION = re.compile(r"[A-Za-z0-9_-]{16,64}")
_EXTERNAL = "EXTERNAL: "  # how Rasa writes the text of what no user said


class Frame(BaseModel):
    """What a page sends."""

    type: Literal["message", "ping"]
    id: str = Field("", max_length=MOST_ID_CHARS)
    text: str = ""


class WebChannel:
    """The chat page, over a WebSocket. Whoever knows a conversation's id may take part in it.

    Args:
        origins: Of pages elsewhere that may connect; ``*`` for any.
        most_chars: Of a message.
    """

    name = "web"

    def __init__(self, *, origins: Sequence[str] = (), most_chars: int = 20_000) -> None:
        self._origins = origins
        self._most_chars = most_chars

    def verify(self, delivery: Delivery) -> None:
        """A browser says from which page it connects; other clients say nothing."""
        origin = delivery.headers.get("origin")
        if origin is None or origin in self._origins or "*" in self._origins:
            return
        if urlsplit(origin).netloc.lower() != delivery.headers.get("host", "").lower():
            raise Refused(f"Pages of {origin} may not connect here; PARLEY_CORS lists who may.")

    def conversation(self, delivery: Delivery) -> str:
        """The conversation's id as the log has it. Raises BadRequest."""
        given = delivery.query.get("conversation", "")
        if not _CONVERSATION.fullmatch(given):
            raise BadRequest("conversation should be 16 to 64 letters, digits, '_' or '-'.")
        return f"web:{given}"

    def parse(self, delivery: Delivery) -> Sequence[Message]:
        """The message in a frame; nothing for a ping."""
        conversation_id = self.conversation(delivery)
        try:
            frame = Frame.model_validate(read_json(delivery.body))
        except ValidationError as wrong:
            raise WrongShape(wrong.errors()) from wrong
        if frame.type == "ping":
            return ()
        if not frame.id or not frame.text.strip():
            raise BadRequest("A message needs an id and a text.")
        message = Message(
            conversation_id,
            checked(frame.text, self._most_chars),
            channel=self.name,
            message_id=frame.id,
            input_channel=self.name,
            output_channel=self.name,
        )
        return (message,)

    def render(self, reply: Reply) -> Sequence[dict[str, Any]]:
        """One payload: the page lays out all parts of an utterance together."""
        parts = {
            "text": reply.text,
            "buttons": list(reply.buttons),
            "quick_replies": list(reply.quick_replies),
            "elements": list(reply.elements),
            "image": reply.image,
            "attachment": reply.attachment if reply.attachment != reply.image else None,
            "custom": reply.custom,
        }
        payload = {name: part for name, part in parts.items() if part}
        return [payload] if payload else []

    def frames(self, conversation_id: str, seq: int, event: Event) -> Sequence[dict[str, Any]]:
        """What a page is shown of ``event``, which is number ``seq`` of the conversation."""
        match event:
            case UserUttered(text=str(text)) if not text.startswith(_EXTERNAL):
                said: Sequence[dict[str, Any]] = [{"text": text, "id": event.message_id or ""}]
                who = "user"
            case BotUttered():
                said, who = self.render(_reply(conversation_id, event.text, event.data)), "bot"
            case AgentUttered():
                said, who = self.render(_reply(conversation_id, event.text, event.data)), "agent"
            case _:
                return []
        head = {"type": "message", "seq": seq, "from": who, "timestamp": event.timestamp}
        return [{**head, **one} for one in said]


def open_web(credentials: Mapping[str, Any], place: Place) -> WebChannel:
    """The chat page's channel; it has no credentials."""
    return WebChannel(origins=place.origins, most_chars=place.most_chars)


def _reply(conversation_id: str, text: str | None, data: Mapping[str, Any] | None) -> Reply:
    found = data or {}
    return Reply(
        conversation_id,
        text,
        buttons=_maps(found.get("buttons")),
        quick_replies=_maps(found.get("quick_replies")),
        elements=_maps(found.get("elements")),
        image=found.get("image"),
        attachment=found.get("attachment"),
        custom=found.get("custom"),
    )


def _maps(value: Any) -> tuple[dict[str, Any], ...]:
    """The maps of a list: an event's ``data`` is the bot author's, and may be anything."""
    return tuple(one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()
