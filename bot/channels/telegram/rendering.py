"""From a reply to calls of the Bot API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import regex

from bot.channels.base import parts
from bot.channels.telegram.buttons import keyboard
from bot.dialogue.messages import Reply

MOST_UNITS = 4096  # of a message's text, in UTF-16 code units, as Telegram counts
CUSTOM = (  # the first key that a custom reply has says how it is sent
    ("photo", "sendPhoto"),
    ("audio", "sendAudio"),
    ("document", "sendDocument"),
    ("sticker", "sendSticker"),
    ("video", "sendVideo"),
    ("video_note", "sendVideoNote"),
    ("animation", "sendAnimation"),
    ("voice", "sendVoice"),
    ("media", "sendMediaGroup"),
    ("address", "sendVenue"),
    ("latitude", "sendLocation"),
    ("phone_number", "sendContact"),
    ("game_short_name", "sendGame"),
    ("prices", "sendInvoice"),
    ("action", "sendChatAction"),
    ("text", "sendMessage"),
)
FILES = {
    "sendAudio": ("audio", (".mp3", ".m4a")),
    "sendAnimation": ("animation", (".gif",)),
    "sendPhoto": ("photo", (".jpg", ".jpeg", ".png", ".webp")),
    "sendVideo": ("video", (".mp4",)),
    "sendVoice": ("voice", (".ogg", ".oga")),
}
_GRAPHEME = regex.compile(r"\X")

Call = dict[str, Any]  # the method under "method", its parameters beside it


def calls(reply: Reply) -> list[Call]:
    """What says ``reply``, in order. Each holds its method and the chat."""
    return [
        {"chat_id": reply.recipient_id, **call} for part in parts(reply) for call in _calls(part)
    ]


def pieces(text: str, most: int = MOST_UNITS) -> Iterator[str]:
    """``text`` in pieces of at most ``most`` UTF-16 units, cut between lines or words if it can."""
    text = text.strip()
    while text:
        end = _fitting(text, most)
        if end < len(text):
            end = _border(text, end)
        piece, text = text[:end].rstrip(), text[end:].lstrip()
        if piece:
            yield piece


def _fitting(text: str, most: int) -> int:
    """How many characters of ``text`` fit, without breaking what is seen as one."""
    if units(text) <= most:
        return len(text)
    used = 0
    for found in _GRAPHEME.finditer(text):
        used += units(found.group())
        if used > most:
            return int(found.start()) or most // 2  # something longer than a message, seen as one
    return len(text)


def _border(text: str, end: int) -> int:
    """The last end of a line, else of a word, in the second half of ``text[:end]``."""
    for between in ("\n", " "):
        at = text.rfind(between, end // 2, end)
        if at > 0:
            return at
    return end


def units(text: str) -> int:
    """Its length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "replace")) // 2


def _calls(part: Mapping[str, Any]) -> Iterator[Call]:
    match part:
        case {"text": str(text)}:
            yield from _texts(text, part.get("buttons") or ())
        case {"image": image}:
            yield {"method": "sendPhoto", "photo": str(image)}
        case {"attachment": attachment}:
            yield _attached(attachment)
        case {"custom": custom}:
            yield _custom(custom)


def _texts(text: str, buttons: Sequence[Mapping[str, Any]]) -> Iterator[Call]:
    """The buttons go with the last piece; a message of buttons alone must say something."""
    keys = keyboard(buttons)
    said = list(pieces(text)) or (["…"] if keys else [])
    for number, piece in enumerate(said, 1):
        call: Call = {"method": "sendMessage", "text": piece}
        if keys and number == len(said):
            call["reply_markup"] = keys
        yield call


def _attached(attachment: Any) -> Call:
    """An address is sent as the kind of file it ends like."""
    match attachment:
        case {"payload": {"src": str(url)}} | {"payload": {"url": str(url)}} | str(url):
            end = PurePosixPath(urlsplit(url).path).suffix.lower()
            for method, (key, ends) in FILES.items():
                if end in ends:
                    return {"method": method, key: url}
            if end and url.startswith(("http://", "https://")):
                return {"method": "sendDocument", "document": url}
            return {"method": "sendMessage", "text": url}
    return {"method": "sendMessage", "text": json.dumps(attachment, ensure_ascii=False)}


def _custom(custom: Any) -> Call:
    """Parameters of a method, as Rasa's channel takes them; anything else is said as JSON."""
    if isinstance(custom, Mapping):
        if isinstance(custom.get("method"), str):
            return dict(custom)
        for key, method in CUSTOM:
            if key in custom:
                return {**custom, "method": method}
    return {"method": "sendMessage", "text": json.dumps(custom, ensure_ascii=False)}
