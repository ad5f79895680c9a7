"""What a button sends: ``/intent{"entity": "value"}``."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from bot.project.mentions import Mention

PAYLOAD = re.compile(r"/(?P<intent>[^{@]+)(?:@[0-9.]*)?(?P<entities>\{.*)?", re.DOTALL)
PLACE = re.compile(r"\{[A-Za-z_][\w-]*\}")  # filled from a slot before it is sent


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload taken apart. ``entities`` None: they are not JSON."""

    mention: Mention
    intent: str
    entities: tuple[str, ...] | None = ()


def read_payload(mention: Mention) -> Payload | None:
    """The payload of a button, None when it is plain text or made up when it is sent."""
    text = mention.name.strip()
    match = PAYLOAD.fullmatch(text)
    if match is None or PLACE.search(match["intent"]):
        return None
    written = PLACE.sub("x", (match["entities"] or "{}").replace("{{", "{").replace("}}", "}"))
    return Payload(mention, match["intent"].strip(), _names(written))


def _names(written: str) -> tuple[str, ...] | None:
    for text in (written, f"{written}}}"):  # of }}} the last may be JSON's own
        try:
            decoded = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError):
            continue
        return tuple(map(str, decoded)) if isinstance(decoded, dict) else None
    return None
