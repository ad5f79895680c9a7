"""Rasa's REST channel: a message is posted, its answer comes back in the same request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bot.channels.base import Delivery, Place, parts
from bot.channels.tokens import Tokens, tokens_of
from bot.dialogue.messages import Message, Reply
from bot.door import WrongShape, checked, clean, read_json
from bot.errors import BadRequest
from bot.limits import Clients

MOST_ID_CHARS = 255
IDEMPOTENCY = "idempotency-key"
VISITORS = "web:"  # how conversations of the chat page begin; only a ticket opens them
COLLECTOR, STREAM = "collector", "queue"  # what Rasa calls its outputs: one list, or line by line


class RestMessage(BaseModel):
    """What a user wrote, as Rasa's clients post it."""

    model_config = ConfigDict(
        coerce_numbers_to_str=True,
        json_schema_extra={"example": {"sender": "anna", "message": "Where is my order?"}},
    )

    sender: str = Field(
        "default",
        min_length=1,
        max_length=MOST_ID_CHARS,
        description="Who says it; names the conversation.",
    )
    message: str | None = Field(None, description="Without it nothing happens, as in Rasa.")
    input_channel: str | None = Field(
        None, min_length=1, max_length=MOST_ID_CHARS, description="Written into the user's event."
    )
    metadata: dict[str, Any] = Field({}, description="Written into the user's event.")
    message_id: str = Field(
        "",
        max_length=MOST_ID_CHARS,
        description="Sent again with the same content, it gets the stored answer. "
        "The header Idempotency-Key says the same.",
    )

    @field_validator("sender", "metadata", "message_id", mode="before")
    @classmethod
    def _absent(cls, value: Any, info: Any) -> Any:
        return cls.model_fields[info.field_name].get_default() if value is None else value


class RestChannel:
    """Anyone may post who has the token, if one is set; ``sender`` chooses the conversation.

    Args:
        name: Also the input channel written into events, unless the client names another.
        output_channel: Which variations of responses are for it.
        most_chars: Of a message.
        tokens: What callers show.
    """

    def __init__(
        self,
        name: str = "rest",
        *,
        output_channel: str = COLLECTOR,
        most_chars: int = 20_000,
        tokens: Tokens | None = None,
    ) -> None:
        self.name = name
        self._tokens = tokens or Tokens()
        self.clients: Clients = "known" if tokens else "anybody"
        self._output_channel = output_channel
        self._most_chars = most_chars

    def verify(self, delivery: Delivery) -> None:
        """Every delivery is welcome, unless a token is set. Raises Unproven."""
        self._tokens.check(delivery)

    def parse(self, delivery: Delivery) -> Sequence[Message]:
        try:
            said = RestMessage.model_validate(read_json(delivery.body))
        except ValidationError as wrong:
            raise WrongShape(wrong.errors()) from wrong
        if said.message is None:
            return ()
        return (
            Message(
                not_a_visitor(said.sender),
                checked(said.message, self._most_chars),
                channel=self.name,
                message_id=message_id(said.message_id, delivery),
                input_channel=said.input_channel or self.name,
                output_channel=self._output(delivery),
                metadata=said.metadata,
            ),
        )

    def _output(self, delivery: Delivery) -> str:
        streams = delivery.query.get("stream", "").lower() in ("true", "1", "on", "yes")
        return STREAM if streams and self._output_channel == COLLECTOR else self._output_channel

    def render(self, reply: Reply) -> Sequence[dict[str, Any]]:
        return parts(reply)


def open_rest(credentials: Mapping[str, Any], place: Place) -> RestChannel:
    """The REST channel as credentials.yml has it. Raises SettingsError."""
    return RestChannel(most_chars=place.most_chars, tokens=tokens_of("rest", credentials))


def not_a_visitor(sender: str) -> str:
    """``sender`` as a client gave it. Raises BadRequest for the id of a visitor's conversation."""
    if sender.startswith(VISITORS):
        raise BadRequest(f"A sender may not begin with {VISITORS!r}: the chat page's do.")
    return sender


def message_id(in_body: str, delivery: Delivery) -> str:
    """The id of a message from its body or the header. Raises BadRequest when they differ."""
    in_header = clean(delivery.headers.get(IDEMPOTENCY, "")).strip().strip('"')
    if len(in_header) > MOST_ID_CHARS:
        raise BadRequest(f"Idempotency-Key is longer than {MOST_ID_CHARS} characters.")
    if in_body and in_header and in_body != in_header:
        raise BadRequest(
            f"message_id is {in_body!r} but Idempotency-Key is {in_header!r}; give one of them."
        )
    return in_body or in_header
