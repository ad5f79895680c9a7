"""The web channel's own part: frames of the chat page to messages, events to frames."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bot.channels.base import Delivery, Place, Refused, Unproven, Visitors
from bot.channels.rest import MOST_ID_CHARS, VISITORS
from bot.channels.visitors import Tickets
from bot.dialogue.events import AgentUttered, BotUttered, Event, UserUttered
from bot.dialogue.messages import Message, Reply
from bot.door import WrongShape, checked, is_of, read_json
from bot.errors import BadRequest, SettingsError

if TYPE_CHECKING:
    from bot.channels.identity import Identities

MOST_FRAME_BYTES = 64 * 1024
_UNSIGNED = re.compile(r"[0-9a-f]{48}")  # as pages made their ids before there were tickets
_EXTERNAL = "EXTERNAL: "  # how Rasa writes the text of what no user said

Shape = TypeVar("Shape", bound=BaseModel)

log = structlog.get_logger(__name__)


class Options(BaseModel):
    """What credentials.yml may say of the chat page.

    With ``identity_keys`` the site around the page says who the visitor is, by a JWT.
    """

    model_config = ConfigDict(frozen=True)

    identity_keys: tuple[str, ...] = ()
    identity_method: Literal["HS256", "RS256"] = "HS256"
    identity_audience: str = ""
    identity_required: bool = False

    @field_validator("identity_keys", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value or ()


class Frame(BaseModel):
    """What a page sends."""

    type: Literal["message", "ping"]
    id: str = Field("", max_length=MOST_ID_CHARS)
    text: str = ""


class Begin(BaseModel):
    """The first frame of a page: what it was given last time, and the last event it has seen."""

    type: Literal["begin"]
    ticket: str = Field("", max_length=256)
    identity: str = Field("", max_length=8192)
    after: int = Field(0, ge=0, lt=2**53)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a page speaks for.

    ``ticket`` is for coming back; empty for a user of the site, whose identity is asked for again,
    and is good until ``until``, in seconds since the epoch.
    """

    conversation_id: str
    ticket: str = ""
    until: float | None = None


class WebChannel:
    """The chat page, over a WebSocket. The server says which conversation a page takes part in.

    Args:
        options: What credentials.yml says.
        visitors: How visitors are known again.
        origins: Of pages elsewhere that may connect; ``*`` for any.
        most_chars: Of a message.
    """

    name = "web"

    def __init__(
        self,
        options: Options | None = None,
        *,
        visitors: Visitors | None = None,
        origins: Sequence[str] = (),
        most_chars: int = 20_000,
    ) -> None:
        options, visitors = options or Options(), visitors or Visitors()
        self._options = options
        self._origins = origins
        self._most_chars = most_chars
        self._tickets = Tickets(visitors.keys, days=visitors.days)
        self._adopt_until = visitors.adopt_until
        self._identities = _identities(options)

    def verify(self, delivery: Delivery) -> None:
        """A browser says from which page it connects; other clients say nothing."""
        origin = delivery.headers.get("origin")
        if origin is None or origin in self._origins or "*" in self._origins:
            return
        if not is_of(origin, delivery.headers.get("host", "")):
            raise Refused(f"Pages of {origin} may not connect here; PARLEY_CORS lists who may.")

    def first(self, data: bytes) -> Begin:
        """The first frame. Raises BadRequest."""
        return _read(Begin, data)

    def visitor(self, begin: Begin, now: float) -> Visitor:
        """Whom a page speaks for: somebody new unless it proves more. Raises Unproven."""
        if self._identities and begin.identity:
            identity = self._identities.read(begin.identity, now)
            return Visitor(f"{VISITORS}user:{identity.user}", until=identity.until)
        if self._options.identity_required:
            raise Unproven("The page around this chat should say who you are; please sign in.")
        known = self._tickets.read(begin.ticket, now)
        return self._signed(known or self._tickets.new_id(), now)

    def unsigned(self, begin: Begin, now: float) -> Visitor | None:
        """Whom the page is if its conversation was begun before there were tickets, else None.

        Only ids as such pages made them count: none of ours looks like that.
        """
        old = _UNSIGNED.fullmatch(begin.ticket) and now <= self._adopt_until
        return self._signed(begin.ticket, now) if old else None

    def _signed(self, visitor_id: str, now: float) -> Visitor:
        return Visitor(f"{VISITORS}{visitor_id}", self._tickets.sign(visitor_id, now))

    def parse(self, delivery: Delivery) -> Sequence[Message]:
        """The message in a frame; nothing for a ping.

        Its conversation is what ``delivery`` has as ``conversation``: what the server, not the
        page, says.
        """
        frame = _read(Frame, delivery.body)
        if frame.type == "ping":
            return ()
        if not frame.id or not frame.text.strip():
            raise BadRequest("A message needs an id and a text.")
        message = Message(
            delivery.query["conversation"],
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
    """The chat page's channel as credentials.yml has it. Raises SettingsError."""
    for name in credentials.keys() - Options.model_fields.keys():
        close = get_close_matches(str(name), Options.model_fields, 1)
        hint = f"did you mean {close[0]}?" if close else "it means nothing here."
        log.warning("web.unknown_setting", hint=f"credentials.yml: web: {name}: {hint}")
    try:
        options = Options.model_validate(dict(credentials))
    except ValidationError as wrong:
        raise SettingsError(f"credentials.yml: web: {WrongShape(wrong.errors())}") from None
    if options.identity_required and not options.identity_keys:
        raise SettingsError("credentials.yml: web: identity_required needs identity_keys.")
    return WebChannel(
        options, visitors=place.visitors, origins=place.origins, most_chars=place.most_chars
    )


def _identities(options: Options) -> Identities | None:
    if not options.identity_keys:
        return None
    from bot.channels.identity import Identities  # few servers need it

    return Identities(
        options.identity_keys,
        method=options.identity_method,
        audience=options.identity_audience,
    )


def _read(shape: type[Shape], data: bytes) -> Shape:
    try:
        return shape.model_validate(read_json(data))
    except ValidationError as wrong:
        raise WrongShape(wrong.errors()) from wrong


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
