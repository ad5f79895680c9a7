"""Filling slots from the latest message, with the project's own extraction and validation."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from bot.actions.stage import Stage
from bot.dialogue.events import BotUttered, Event, SlotSet
from bot.dialogue.slots import AskAction, extract
from bot.dialogue.tracker import Tracker
from bot.errors import ActionFailed, ActionRejected

VALIDATE = "action_validate_slot_mappings"

log = structlog.get_logger(__name__)


async def extract_slots(tracker: Tracker, stage: Stage) -> list[Event]:
    """The slots that the latest message fills, and what the validation wants to say."""
    found: list[Event] = []
    asked: set[str] = set()
    for item in extract(tracker, stage.domain):
        if isinstance(item, SlotSet):
            found.append(item)
        elif isinstance(item, AskAction) and item.action not in asked:
            asked.add(item.action)
            found += await _slots_from(item.action, tracker, stage)
    if not stage.lists(VALIDATE):
        return [event for event in found if isinstance(event, SlotSet)]
    candidates = [event for event in found if isinstance(event, SlotSet)]
    validated = await _slots_from(VALIDATE, tracker.apply_all(candidates), stage)
    return [*validated, *unless_named(found, validated)]


def unless_named(events: Sequence[Event], others: Sequence[Event]) -> list[Event]:
    """``events`` without the slots that ``others`` set too."""
    named = {event.name for event in others if isinstance(event, SlotSet)}
    return [e for e in events if not (isinstance(e, SlotSet) and e.name in named)]


async def _slots_from(action: str, tracker: Tracker, stage: Stage) -> list[Event]:
    """What ``action`` fills and says; nothing else may happen while slots are filled."""
    try:
        events = await stage.ask(action, tracker)
    except (ActionFailed, ActionRejected) as failed:
        # The message can still be answered, only with less known of it.
        log.error("slots.not_extracted", action=action, error=str(failed))
        return []
    allowed: list[Event] = [e for e in events if isinstance(e, SlotSet | BotUttered)]
    if len(allowed) < len(events):
        log.warning("slots.event_ignored", action=action, allowed="slot, bot")
    return allowed
