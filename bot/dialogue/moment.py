"""When and where a message was written, and how the log remembers it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from bot.dialogue.messages import Message
from nlu.parse import Context, Parse

REFERENCE = "reference_time"  # in a message's metadata, beside timezone and locale


def written(context: Context, message: Message, at: float) -> Context:
    """``context`` with the user's clock, and the zone and locale that the channel tells."""
    told = {key: message.metadata.get(key) for key in ("timezone", "locale")}
    known = {key: value for key, value in told.items() if isinstance(value, str)}
    return msgspec.structs.replace(context, at=at, **known)


def written_at(metadata: Mapping[str, Any]) -> float | None:
    """The time that a channel tells, in seconds since the epoch; as a number or in ISO 8601 with
    an offset. None where it tells none."""
    told = metadata.get(REFERENCE)
    try:
        if isinstance(told, str):
            read = datetime.fromisoformat(told)
            return read.timestamp() if read.tzinfo else None
        if isinstance(told, int | float) and not isinstance(told, bool):
            return datetime.fromtimestamp(told, UTC).timestamp()
    except (ValueError, OverflowError, OSError):
        pass
    return None


def remembered(parse: Parse, at: float) -> dict[str, str]:
    """What "now" was where a time was reckoned from it, for the metadata of the event: read again
    with it, the text means the same time."""
    if not any(found.entity == "time" and found.additional_info for found in parse.entities):
        return {}
    return {REFERENCE: datetime.fromtimestamp(at, UTC).isoformat()}
