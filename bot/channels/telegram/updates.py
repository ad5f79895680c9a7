"""From an update of the Bot API to the message of a user."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from bot.channels.telegram.buttons import is_handle, title_of
from bot.dialogue.messages import Message
from bot.door import checked
from bot.errors import BadRequest

ATTACHMENTS = (
    "animation",
    "audio",
    "contact",
    "document",
    "photo",
    "sticker",
    "video",
    "video_note",
    "voice",
)
_AT_BOT = re.compile(r"^(/[A-Za-z0-9_]{1,32})@([A-Za-z0-9_]{5,32})(?=\s|$)")


def message_of(
    update: Any, *, bot: str = "", attachment_intent: str = "", most_chars: int = 20_000
) -> Message | None:
    """What a user says by ``update``; None where nothing is said to the bot.

    A text, a caption, a pressed button and a place are said; an attachment without a caption
    only where ``attachment_intent`` gives it a meaning. A place is the text
    ``{"lng": …, "lat": …}``, and an edited text is said anew, as in Rasa. ``bot`` is its user
    name: what groups append to commands (``/start@name``) is taken off.

    Raises BadRequest for what is no update, TooLong.
    """
    match update:
        case {"update_id": int(number), "callback_query": {"message": Mapping() as sent} as query}:
            said = _pressed(query, sent)
        case {"update_id": int(number), "message": Mapping() as sent}:
            said = _written(sent, bot, attachment_intent)
        case {"update_id": int(number), "edited_message": Mapping() as sent}:
            said = _written(sent, bot, attachment_intent)
        case {"update_id": int()}:
            return None  # of a kind that no user says anything by
        case _:
            raise BadRequest("An update of Telegram has an update_id and what happened.")
    if said is None:
        return None
    author = (query if "callback_query" in update else sent).get("from")
    return Message(
        _chat(sent),
        checked(said, most_chars),
        channel="telegram",
        message_id=str(number),
        input_channel="telegram",
        output_channel="telegram",
        metadata=_metadata(sent, author),
    )


def _pressed(query: Mapping[str, Any], sent: Mapping[str, Any]) -> str | None:
    """The payload of a button, or its handle; see ``buttons``."""
    data = query.get("data")
    if not isinstance(data, str) or not data:
        return None
    return data if not is_handle(data) or title_of(data, sent) is not None else None


def _written(sent: Mapping[str, Any], bot: str, attachment_intent: str) -> str | None:
    text = sent.get("text", sent.get("caption"))
    if isinstance(text, str) and text:
        return _unaddressed(text, bot)
    match sent.get("location"):
        case {"longitude": float() | int() as lng, "latitude": float() | int() as lat}:
            return json.dumps({"lng": lng, "lat": lat})
    if attachment_intent and any(kind in sent for kind in ATTACHMENTS):
        return f"/{attachment_intent}"
    return None


def _unaddressed(text: str, bot: str) -> str:
    found = _AT_BOT.match(text)
    if not found or (bot and found[2].lower() != bot.lower()):
        return text
    return found[1] + text[found.end() :]


def _chat(sent: Mapping[str, Any]) -> str:
    match sent.get("chat"):
        case {"id": int(chat)}:
            return str(chat)
    raise BadRequest("A message of Telegram has a chat with an id.")


def _metadata(sent: Mapping[str, Any], author: Any) -> dict[str, Any]:
    """What actions may want of a message beside its text."""
    found: dict[str, Any] = {}
    if isinstance(sent.get("message_id"), int):
        found["telegram_message_id"] = sent["message_id"]
    if isinstance(author, Mapping) and isinstance(author.get("language_code"), str):
        found["language_code"] = author["language_code"]
    attached = {kind: sent[kind] for kind in ATTACHMENTS if sent.get(kind)}
    if attached:
        found["attachments"] = attached
    return found
