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
from pathlib import Path
from typing import Any

from bot.dialogue.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    Event,
    SlotSet,
    UserUttered,
)
from bot.dialogue.messages import Message
from bot.dialogue.states import LISTEN
from bot.dialogue.tracker import SESSION_START, Tracker
from bot.project.markup import MarkupError, read_markup
from bot.project.node import Node
from bot.project.project import ExampleEntity
from bot.project.report import Report
from bot.project.yaml import read_text, read_yaml
from bot.services import Services
from bot.turn import take_turn

ANY = object()  # stands for any value of a slot that is set
STEP_KINDS = ("user", "intent", "action", "utter", "slot_was_set", "active_loop", "bot")
SILENT = (LISTEN, SESSION_START)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a step tells: its kind, its value, where it is written."""

    kind: str
    value: Any
    place: str


@dataclass(frozen=True, slots=True)
class Said:
    """What the user says, and what must come of it."""

    text: str
    intent: str | None
    entities: tuple[ExampleEntity, ...]
    expected: tuple[Expected, ...]
    place: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation as it should go."""

    name: str
    turns: tuple[Said, ...]
    place: str


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
    """How a transcript went."""

    transcript: Transcript
    differences: tuple[Difference, ...]

    @property
    def passed(self) -> bool:
        """Whether all went as told."""
        return not self.differences

    def __str__(self) -> str:
        lines = (f"  {difference}" for difference in self.differences)
        return "\n".join([f"{self.transcript.place}: {self.transcript.name}", *lines])


def load_transcripts(path: Path | str) -> tuple[Transcript, ...]:
    """The transcripts of a file, or of every YAML file in a folder. Raises ProjectError."""
    path = Path(path)
    files = sorted(path.rglob("*.y*ml")) if path.is_dir() else [path]
    return tuple(transcript for file in files for transcript in _read(file))


async def run_transcript(
    transcript: Transcript, services: Services, *, channel: str = "collector"
) -> TranscriptResult:
    """Say what the user says, in a conversation of its own; where does it go another way?"""
    conversation_id = f"transcript-{uuid.UUID(int=services.random.getrandbits(128))}"
    differences: list[Difference] = []
    for said in transcript.turns:
        message = Message(conversation_id, said.text, output_channel=channel)
        await services.log.accept(message)
        waiting = await services.log.waiting(conversation_id)
        if waiting is None:
            raise AssertionError(f"{said.place}: the message went to somebody else.")
        done = await take_turn(waiting, services)
        differences += _differences(said, done.events, done.tracker)
    return TranscriptResult(transcript, tuple(differences))


# Comparing


def _differences(said: Said, events: Sequence[Event], tracker: Tracker) -> Iterator[Difference]:
    yield from _misunderstood(said, events)
    wanted = [each.value for each in said.expected if each.kind == "action"]
    found = [e.name or e.action_text for e in events if isinstance(e, ActionExecuted)]
    found = [name for name in found if name not in SILENT]
    if found != wanted:
        yield Difference("actions", wanted, found, said.place)
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
    if said.intent is not None and said.intent not in (user.intent, _answer(user, said.intent)):
        yield Difference("intent", said.intent, user.intent, said.place)
    if said.text.startswith("/"):
        return
    wanted = sorted((e.entity, e.role or "", e.group or "", str(e.value)) for e in said.entities)
    found = sorted((e.entity, e.role or "", e.group or "", str(e.value)) for e in user.entities)
    if wanted != found:
        yield Difference("entities", wanted, found, said.place)


def _answer(user: UserUttered, wanted: str) -> str | None:
    """The retrieval answer that was picked, as ``faq/opening_hours``."""
    intent = wanted.partition("/")[0]
    if "/" not in wanted or user.intent != intent or user.parse_data is None:
        return None
    selector = user.parse_data.response_selector
    found = selector.get(intent) or selector.get("default") or {}
    picked = (found.get("response") or {}).get("intent_response_key")
    return str(picked) if picked else None


def _was_set(name: str, value: Any, events: Sequence[Event], tracker: Tracker) -> bool:
    values = [e.value for e in events if isinstance(e, SlotSet) and e.name == name]
    values.append(tracker.slots.get(name))
    if value is ANY:
        return any(each is not None for each in values)
    return value in values


# Reading


def _read(path: Path) -> Iterator[Transcript]:
    report = Report()
    root = read_yaml(read_text(path, path.name), path.name, report)
    report.raise_first_error()
    if root is None or root.value is None:
        return
    keys = root.mapping("the file")
    for section, name in (("stories", "story"), ("test_cases", "test_case")):
        if section in keys:
            for item in keys[section].sequence(section):
                yield _transcript(item, name)


def _transcript(item: Node, name_key: str) -> Transcript:
    keys = item.mapping("a conversation")
    for key in (name_key, "steps"):
        if key not in keys:
            raise item.wrong(f"a conversation has no '{key}'.", "Write its name and its steps.")
    name = keys[name_key].name("the name of a conversation")
    turns: list[Said] = []
    for step in keys["steps"].sequence(f"the steps of '{name}'"):
        parts = step.mapping("a step")
        kind = next((kind for kind in STEP_KINDS if kind in parts), None)
        if kind in ("user", "intent"):
            turns.append(_said(step, parts))
        elif kind is None:
            known = ", ".join(STEP_KINDS)
            raise step.wrong(f"a step has the keys {', '.join(parts)}.", f"Steps: {known}.")
        elif not turns:
            raise step.wrong(f"'{name}' begins with {kind}.", "Begin with what the user says.")
        else:
            told = (*turns[-1].expected, *_expected(kind, parts[kind]))
            last = turns[-1]
            turns[-1] = Said(last.text, last.intent, last.entities, told, last.place)
    return Transcript(name, tuple(turns), _place(item))


def _said(step: Node, parts: dict[str, Node]) -> Said:
    intent = parts["intent"].name("an intent") if "intent" in parts else None
    if "user" not in parts:  # the intent itself is said
        return Said(f"/{intent}", intent, (), (), _place(step))
    marked = parts["user"].text("what the user says").strip()
    text, entities = marked, ()  # type: tuple[str, tuple[ExampleEntity, ...]]
    if not marked.startswith("/"):
        try:
            text, entities = read_markup(marked)
        except MarkupError as wrong:
            raise parts["user"].wrong(wrong.message, wrong.suggestion) from wrong
    return Said(text, intent, entities, (), _place(step))


def _expected(kind: str, node: Node) -> Iterator[Expected]:
    place = _place(node)
    match kind:
        case "action" | "utter":
            yield Expected("action", node.name("an action"), place)
        case "bot":
            yield Expected("bot", node.text("what the bot says"), place)
        case "active_loop":
            yield Expected("active_loop", node.plain(), place)
        case _:
            for slot in node.sequence("slot_was_set"):
                if isinstance(slot.value, dict):
                    for name, value in slot.value.items():
                        yield Expected("slot_was_set", (name, value.plain()), _place(slot))
                else:
                    yield Expected("slot_was_set", (slot.name("a slot"), ANY), place)


def _place(node: Node) -> str:
    return f"{node.file}:{node.line}"
