"""Conversations as tests: Rasa's end-to-end test files, run against a whole bot.

    stories:
    - story: a greeting
      steps:
      - user: hello, I am [Ada](name)
        intent: greet
      - slot_was_set:
        - name: Ada
      - action: utter_greet
      - bot: Hello Ada.

Every message is really said: NLU, slots, policies and actions all run. The actions of a turn
must be exactly those told (listening aside); what is told of slots, loops and the bot's words
must be so at some point of the turn.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bot.dialogue.domain import Domain
from bot.dialogue.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    Event,
    SlotSet,
    UserUttered,
)
from bot.dialogue.messages import Message
from bot.dialogue.responses import is_retrieval, retrieved
from bot.dialogue.states import LISTEN
from bot.dialogue.tracker import SESSION_START, Tracker
from bot.services import Services
from bot.testing.events import opening_events
from bot.testing.meaning import described, understood_intent
from bot.testing.told import ANY, Expected, Said, Transcript, load_transcripts
from bot.turn import take_turn
from nlu.parse import Parse

__all__ = ["Expected", "Said", "Transcript", "load_transcripts"]

SILENT = (LISTEN, SESSION_START)


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a conversation went another way. ``kind`` is a step's, or intent or entities."""

    kind: str
    expected: Any
    found: Any
    place: str

    def __str__(self) -> str:
        return f"{self.place}: {self.kind} should be {self.expected!r}, is {self.found!r}"


@dataclass(frozen=True, slots=True)
class TranscriptResult:
    """How a transcript went; ``turns`` are the events of each turn."""

    transcript: Transcript
    differences: tuple[Difference, ...]
    turns: tuple[Sequence[Event], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all went as told."""
        return not self.differences

    def __str__(self) -> str:
        lines = (f"  {difference}" for difference in self.differences)
        return "\n".join([f"{self.transcript.place}: {self.transcript.name}", *lines])


async def run_transcript(
    transcript: Transcript, services: Services, *, channel: str = "collector"
) -> TranscriptResult:
    """Say what the user says, in a conversation of its own; where does it go another way?"""
    conversation_id = f"transcript-{uuid.UUID(int=services.random.getrandbits(128))}"
    if transcript.opening:
        await _open(conversation_id, transcript.opening, services)
    differences: list[Difference] = []
    turns: list[Sequence[Event]] = []
    for said in transcript.turns:
        await services.log.accept(Message(conversation_id, said.text, output_channel=channel))
        waiting = await services.log.waiting(conversation_id)
        if waiting is None:
            raise AssertionError(f"{said.place}: the message went to somebody else.")
        done = await take_turn(waiting, services)
        turns.append(done.events)
        acted = done_actions(said, done.events, services.bot.domain)
        differences += _differences(said, done.events, done.tracker, acted)
    return TranscriptResult(transcript, tuple(differences), tuple(turns))


async def _open(conversation_id: str, opening: Sequence[Expected], services: Services) -> None:
    """Begin a session in which ``opening`` is so."""
    now = services.clock()
    begun = opening_events(opening, services.bot.domain)
    events = [msgspec.structs.replace(event, timestamp=now) for event in begun]
    await services.log.commit(conversation_id, events, seq=0, epoch=0)


# Comparing


def done_actions(said: Said, events: Sequence[Event], domain: Domain) -> list[str]:
    """What was done in a turn, listening aside, by the names that the story uses.

    Where it tells a retrieval action with its answer (``utter_faq/hours``), so does this.
    """
    done = [e.name or e.action_text or "" for e in events if isinstance(e, ActionExecuted)]
    told = [each.value for each in said.expected if each.kind == "action"]
    user = next(event for event in events if isinstance(event, UserUttered))

    def spelled(name: str) -> str:
        in_full = any(each.startswith(f"{name}/") for each in told)
        if not in_full or user.parse_data is None or not is_retrieval(name, domain.responses):
            return name
        return retrieved(name, user.parse_data.response_selector) or name

    return [spelled(name) for name in done if name not in SILENT]


def _differences(
    said: Said, events: Sequence[Event], tracker: Tracker, acted: list[str]
) -> Iterator[Difference]:
    yield from _misunderstood(said, events)
    wanted = [each.value for each in said.expected if each.kind == "action"]
    if acted != wanted:
        yield Difference("actions", wanted, acted, said.place)
    for each in said.expected:
        match each.kind:
            case "slot_was_set":
                name, value = each.value
                if not _was_set(name, value, events, tracker):
                    shown = "set" if value is ANY else value
                    yield Difference(f"slot {name}", shown, tracker.slots.get(name), each.place)
            case "active_loop":
                loops = [e.name for e in events if isinstance(e, ActiveLoop)]
                if each.value not in (*loops, tracker.loop_name):
                    yield Difference("active_loop", each.value, tracker.loop_name, each.place)
            case "bot":
                words = [(e.text or "").strip() for e in events if isinstance(e, BotUttered)]
                if each.value.strip() not in words:
                    yield Difference("bot", each.value.strip(), words, each.place)
            case _:  # actions are compared as a whole
                pass


def _misunderstood(said: Said, events: Sequence[Event]) -> Iterator[Difference]:
    user = next(event for event in events if isinstance(event, UserUttered))
    found = user.parse_data or Parse(said.text)
    if not understood_intent(said.intent, found):
        yield Difference("intent", said.intent, found.intent.name, said.place)
    if said.is_payload:
        return
    wanted, entities = described(said.entities), described(user.entities)
    if wanted != entities:
        yield Difference("entities", wanted, entities, said.place)


def _was_set(name: str, value: Any, events: Sequence[Event], tracker: Tracker) -> bool:
    values = [e.value for e in events if isinstance(e, SlotSet) and e.name == name]
    values.append(tracker.slots.get(name))
    if value is ANY:
        return any(each is not None for each in values)
    return value in values
