"""The steps of a test file as events of a conversation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.dialogue.domain import Domain
from bot.dialogue.events import ActionExecuted, ActiveLoop, Event, SessionStarted, SlotSet
from bot.dialogue.paths import told_value
from bot.dialogue.states import LISTEN
from bot.dialogue.stories import SlotStep
from bot.dialogue.tracker import SESSION_START
from bot.testing.told import ANY, Expected, Said
from bot.understand import read_payload
from nlu.parse import Entity, Intent, Parse


def opening_events(opening: Sequence[Expected], domain: Domain) -> list[Event]:
    """A session's start, and what was so before anybody spoke."""
    events: list[Event] = [
        ActionExecuted(name=SESSION_START, confidence=1.0),
        SessionStarted(),
        ActionExecuted(name=LISTEN),
    ]
    for expected in opening:
        events += told_events(expected, domain)
    return events


def told_events(expected: Expected, domain: Domain) -> Iterator[Event]:
    """What a slot or loop step says has happened."""
    match expected.kind:
        case "active_loop":
            yield ActiveLoop(name=expected.value)
        case "slot_was_set":
            name, value = expected.value
            step = SlotStep(name, has_value=False) if value is ANY else SlotStep(name, value)
            yield SlotSet(name=name, value=told_value(step, domain))
        case _:  # actions and words are compared, not told
            pass


def told_parse(said: Said, domain: Domain) -> Parse:
    """What ``said`` means according to the file."""
    payload = read_payload(said.text, domain)
    if payload is not None and said.intent is None:
        return payload
    base, _, _ = (said.intent or "").partition("/")
    entities = tuple(
        Entity(each.entity, each.value, each.start, each.end, each.role, each.group)
        for each in said.entities
    )
    if not entities and payload is not None:
        entities = payload.entities
    selector = {}
    if said.intent and "/" in said.intent:
        answer = {"intent_response_key": said.intent, "utter_action": f"utter_{said.intent}"}
        selector = {base: {"response": answer}}
    intent = Intent(base, 1.0) if base else Intent()
    return Parse(said.text, intent, entities, (intent,) if base else (), selector)
