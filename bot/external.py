"""What nobody typed: an intent said to the bot by a program, or by a reminder that is due."""

from __future__ import annotations

from typing import Any

import msgspec

from bot.dialogue.messages import Message
from bot.errors import BadRequest
from nlu.parse import Entity, Intent, Parse

EXTERNAL = "EXTERNAL: "  # how Rasa writes the text of what no user said
Entities = list[dict[str, Any]] | dict[str, Any]  # as Rasa has them: in full, or name to value


def external_message(
    conversation_id: str, intent: str, entities: Entities | None = None, **fields: Any
) -> Message:
    """``intent`` as a message to accept; ``fields`` are those of a Message, its channel above all.

    Raises BadRequest when ``entities`` are none.
    """
    text = f"{EXTERNAL}{intent}"
    parse = Parse(text, Intent(intent), as_entities(entities))
    return Message(conversation_id, text, parse=parse, metadata={"is_external": True}, **fields)


def as_entities(given: Entities | None) -> tuple[Entity, ...]:
    """``given`` as entities that stand nowhere in a text. Raises BadRequest."""
    if isinstance(given, dict):
        given = [{"entity": name, "value": value} for name, value in given.items()]
    try:
        return msgspec.convert(given or (), tuple[Entity, ...])
    except msgspec.ValidationError as wrong:
        raise BadRequest(
            "entities should be a list of objects with the keys entity and value, or one object "
            f"of names and values: {wrong}."
        ) from wrong
