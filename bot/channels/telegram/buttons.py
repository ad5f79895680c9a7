"""Buttons: what is pressed comes back as at most 64 bytes, whatever the payload's length.

A longer payload goes out as a handle, its hash. When it comes back, the payload is found among
the buttons that the bot has said, which the log has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from bot.dialogue.events import BotUttered, Event

MOST_BYTES = 64  # of callback_data
_MARK = "\x1f"  # begins a handle; no payload begins so
_IN_A_ROW = 3
_ROW_CHARS = 24  # about what a narrow phone shows in one row


def keyboard(buttons: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The inline keyboard of ``buttons``: short ones beside each other, long ones below."""
    keys = [key for button in buttons if (key := _key(button))]
    if not keys:
        return None
    together = sum(len(key["text"]) for key in keys)
    beside = len(keys) <= _IN_A_ROW and together <= _ROW_CHARS
    return {"inline_keyboard": [keys] if beside else [[key] for key in keys]}


def handle(payload: str) -> str:
    """What stands for ``payload`` in ``callback_data``."""
    if len(payload.encode()) <= MOST_BYTES and not is_handle(payload):
        return payload
    return _MARK + sha256(payload.encode()).hexdigest()[:32]


def is_handle(data: str) -> bool:
    """Whether ``data`` stands for a payload that must be found."""
    return data.startswith(_MARK)


def payload_of(data: str, said: Iterable[Event]) -> str | None:
    """The payload that ``data`` stands for among the buttons of ``said``; None if it is not there.

    Args:
        said: The conversation's events, oldest first; the newest button counts.
    """
    found = None
    for event in said:
        if isinstance(event, BotUttered):
            for button in _buttons(event.data):
                if handle(_payload(button)) == data:
                    found = _payload(button)
    return found


def title_of(data: str, sent: Mapping[str, Any]) -> str | None:
    """The title of the pressed button, as the service repeats it."""
    match sent.get("reply_markup"):
        case {"inline_keyboard": list(rows)}:
            keys = (key for row in rows if isinstance(row, list) for key in row)
        case _:
            return None
    for key in keys:
        match key:
            case {"callback_data": str(same), "text": str(title)} if same == data:
                return title
    return None


def _buttons(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Those of an utterance; a project's events may hold anything in their place."""
    for kind in ("buttons", "quick_replies"):
        if isinstance(several := data.get(kind), Sequence):
            yield from (button for button in several if isinstance(button, Mapping))


def _key(button: Mapping[str, Any]) -> dict[str, Any] | None:
    title = str(button.get("title") or "").strip()
    if not title:
        return None
    if url := button.get("url"):
        return {"text": title, "url": str(url)}
    return {"text": title, "callback_data": handle(_payload(button))}


def _payload(button: Mapping[str, Any]) -> str:
    return str(button.get("payload") or button.get("title") or "")
