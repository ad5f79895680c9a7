"""A logged text understood again, compared with how it was understood then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.dialogue.context import context_of
from bot.dialogue.events import UserUttered
from bot.dialogue.messages import Message
from bot.dialogue.moment import written, written_at
from bot.dialogue.tracker import Tracker
from nlu.parse import Entity, Parse, Understanding

BOUND = 1e-4  # between confidences of one model: how the sums of a batch are added up may differ


@dataclass(frozen=True, slots=True)
class Reparsed:
    """``recorded`` and ``now`` tell labels that differ, empty where none does; ``apart`` is the
    largest difference of confidences, from 0 to 1."""

    recorded: str = ""
    now: str = ""
    apart: float = 0.0


async def reparsed(said: UserUttered, tracker: Tracker, nlu: Understanding) -> Reparsed:
    """``said`` understood again where ``tracker`` stood. Raises NluError."""
    text = said.text or ""
    at = written_at(said.metadata) or said.timestamp
    message = Message(tracker.conversation_id, text, metadata=said.metadata)
    context = written(context_of(tracker), message, at or 0.0)
    return differences(said.parse_data or Parse(text), await nlu.parse(text, context))


def differences(recorded: Parse, now: Parse) -> Reparsed:
    """How two parses of one text differ."""
    apart = _apart(recorded, now)
    for was, is_now in zip(_labels(recorded), _labels(now), strict=True):
        if was != is_now:
            return Reparsed(str(was), str(is_now), apart)
    return Reparsed(apart=apart)


def _labels(parse: Parse) -> tuple[Any, ...]:
    """What is said of a text, but for how sure: the intent, the entities, the chosen answers."""
    answers = {
        name: (picked.get("response") or {}).get("intent_response_key")
        for name, picked in parse.response_selector.items()
        if isinstance(picked, dict)
    }
    return parse.intent.name, [_entity(each) for each in parse.entities], answers


def _entity(entity: Entity) -> tuple[Any, ...]:
    return (
        *(entity.entity, entity.value, entity.start, entity.end),
        *(entity.role, entity.group, entity.extractor),
    )


def _apart(recorded: Parse, now: Parse) -> float:
    """The largest difference between confidences of what both name."""
    ours = {each.name: each.confidence for each in (*recorded.intent_ranking, recorded.intent)}
    theirs = {each.name: each.confidence for each in (*now.intent_ranking, now.intent)}
    both = [abs(ours[name] - theirs[name]) for name in ours.keys() & theirs.keys()]
    sure = [
        abs((one.confidence_entity or 0.0) - (other.confidence_entity or 0.0))
        for one, other in zip(recorded.entities, now.entities, strict=False)
        if _entity(one) == _entity(other)
    ]
    return max((*both, *sure), default=0.0)
