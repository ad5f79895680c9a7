"""What every store insists on before it writes: ids a database can hold, bodies it can compare."""

from __future__ import annotations

import hashlib

import msgspec

from bot.dialogue.events import Event
from bot.dialogue.messages import Message, Reply
from bot.errors import BadRequest

MOST_ID_BYTES = 512
MISSED_OF = 20  # messages of a conversation whose replies are kept for who comes back

TO_SEND = ("waiting", "missed")  # states of replies that are sent when somebody can
WENT_OUT = ("sent", "unknown")  # states of replies that were told, or may have been


def check_id(what: str, value: str) -> str:
    """``value``, or BadRequest: at most 512 bytes of UTF-8, no NUL, no half of a character."""
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise BadRequest(f"{what} is not valid Unicode: {value[:40]!a}") from error
    if size > MOST_ID_BYTES:
        raise BadRequest(f"{what} has {size} bytes; at most {MOST_ID_BYTES} are possible.")
    if "\0" in value:
        raise BadRequest(f"{what} holds a NUL character: {value[:40]!a}")
    return value


def check_message(message: Message) -> str:
    """``message`` as JSON to store, or BadRequest when a database could not hold it."""
    check_id("The conversation's id", message.conversation_id)
    check_id("The channel's account", message.account)
    check_id("The message's id", message.message_id)
    return encode(message)


def digest(message: Message) -> str:
    """The same for two deliveries of one message, whenever they came."""
    body = msgspec.structs.replace(message, received=0.0)
    return hashlib.sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()


def encode(value: Event | Message | Reply) -> str:
    """``value`` as JSON to store, or BadRequest when it cannot be written so."""
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        kind = type(value).__name__
        raise BadRequest(f"{kind} cannot be written as JSON, so not stored: {error}") from error
