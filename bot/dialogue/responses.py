"""Which wording of a response is said, and how it is filled."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from bot.dialogue.domain import SlotCondition, Variation
from bot.dialogue.events import BotUttered
from bot.dialogue.messages import Reply

DATA_KEYS = ("elements", "quick_replies", "buttons", "attachment", "image", "custom")

_PLACE = re.compile(r"\{\{|\}\}|\{([^{}\n]+)\}|[{}]")
_ESCAPED = re.compile(r"\{\{[^{}\n]+\}\}")


def choose(
    variations: Sequence[Variation], slots: Mapping[str, Any], channel: str, random: Random
) -> Variation | None:
    """The variation to say, one of those that fit."""
    group = fitting(variations, slots, channel)
    return random.choice(group) if group else None


def fitting(
    variations: Sequence[Variation], slots: Mapping[str, Any], channel: str
) -> Sequence[Variation]:
    """The variations to draw from: those whose condition holds first, those for the channel too."""
    holding = [v for v in variations if v.condition and _holds(v.condition, slots)]
    plain = [v for v in variations if not v.condition]
    groups = (
        [v for v in holding if v.channel == channel],
        [v for v in plain if v.channel == channel],
        [v for v in holding if v.channel is None],
        [v for v in plain if v.channel is None],
    )
    return next((group for group in groups if group), ())


def _holds(conditions: Sequence[SlotCondition], slots: Mapping[str, Any]) -> bool:
    return all(_equal(slots.get(each.name), each.value) for each in conditions)


def _equal(value: Any, wanted: Any) -> bool:
    if isinstance(value, str) and isinstance(wanted, str):
        return value.casefold() == wanted.casefold()
    return bool(value == wanted)


def as_message(name: str, variation: Variation, values: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of ``variation`` that are there, every ``{name}`` filled from ``values``."""
    parts = {
        "text": variation.text,
        "custom": variation.custom,
        "buttons": list(variation.buttons),
        "attachment": variation.attachment,
        "image": variation.image,
        "quick_replies": list(variation.quick_replies),
    }
    message = {key: fill(part, values) for key, part in parts.items() if part}
    if variation.text is not None:
        message.setdefault("text", "")
    if variation.elements:
        message["elements"] = list(variation.elements)
    asides = {"metadata": variation.metadata, "id": variation.id, "channel": variation.channel}
    message |= {key: value for key, value in asides.items() if value}
    if variation.condition:
        message["condition"] = [
            {"type": "slot", "name": each.name, "value": each.value} for each in variation.condition
        ]
    return {**message, **variation.extra, "utter_action": name}


def fill(part: Any, values: Mapping[str, Any]) -> Any:
    """``part`` with every ``{name}`` in its texts filled, however deep they are nested.

    A text that names something unknown stays as it is; ``{{`` and ``}}`` are single braces.
    """
    if isinstance(part, str):
        return _fill_text(part, values)
    if isinstance(part, dict):
        return {key: fill(value, values) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [fill(value, values) for value in part]
    return part


def _fill_text(text: str, values: Mapping[str, Any]) -> str:
    pieces = list(_PLACE.finditer(text))
    names = [piece[1] for piece in pieces if piece[1]]
    unpaired = any(piece[0] in "{}" for piece in pieces)
    if unpaired or any(name not in values for name in names):
        return text
    if names and _ESCAPED.search(text):
        return text  # as Rasa does when a text has both {name} and {{name}}

    def put(piece: re.Match[str]) -> str:
        return str(values[piece[1]]) if piece[1] else piece[0][0]

    return _PLACE.sub(put, text)


def utterance(message: Mapping[str, Any]) -> BotUttered:
    """The event of saying ``message``; keys that are no part of it go into its metadata."""
    known = {"text", *DATA_KEYS}
    data = {key: message.get(key) or None for key in DATA_KEYS}
    data["attachment"] = data["attachment"] or data["image"]  # as Rasa records an image
    metadata = {key: value for key, value in message.items() if key not in known}
    text = message.get("text")
    return BotUttered(text=text if text is None else str(text), data=data, metadata=metadata)


def retrieved(name: str, selector: Mapping[str, Any]) -> str | None:
    """The response (``utter_faq/ask_hours``) that the response selector picked for ``name``."""
    intent = name.removeprefix("utter_")
    found = selector.get(intent) or selector.get("default") or {}
    response = found.get("response") or {}
    picked: str | None = response.get("utter_action")
    if picked is None and response.get("intent_response_key"):
        picked = f"utter_{response['intent_response_key']}"
    return picked


def is_retrieval(name: str, responses: Mapping[str, Any]) -> bool:
    """Whether ``name`` stands for a group of responses, as ``utter_faq`` for ``utter_faq/…``."""
    return name not in responses and any(key.startswith(f"{name}/") for key in responses)


def reply(event: BotUttered, recipient_id: str) -> Reply:
    """What a channel is to send for ``event``."""
    data = {key: value for key, value in event.data.items() if value}
    attachment = data.get("attachment")
    return Reply(
        recipient_id,
        event.text or None,
        buttons=tuple(data.get("buttons", ())),
        quick_replies=tuple(data.get("quick_replies", ())),
        elements=tuple(data.get("elements", ())),
        image=data.get("image"),
        attachment=None if attachment == data.get("image") else attachment,
        custom=data.get("custom"),
    )


def say(
    name: str,
    responses: Mapping[str, Sequence[Variation]],
    values: Mapping[str, Any],
    *,
    slots: Mapping[str, Any],
    channel: str,
    random: Random,
) -> dict[str, Any] | None:
    """The message for response ``name``; None when there is no such response or variation."""
    variation = choose(responses.get(name, ()), slots, channel, random)
    return as_message(name, variation, values) if variation else None
