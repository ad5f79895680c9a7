"""Conversations written as stories: the YAML that Rasa writes, and reads again.

The events given are those that count (``Tracker.applied``) where a story to learn from is wanted,
and all of them where a test is, which must say every message again.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.dialogue.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    LegacyForm,
    SlotSet,
    UserUttered,
)
from bot.dialogue.states import LISTEN
from bot.dialogue.tracker import SESSION_START
from bot.project.markup import write_markup
from bot.project.project import ExampleEntity
from nlu.parse import Entity

if TYPE_CHECKING:  # large, and only needed where stories are written
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.scalarstring import ScalarString

VERSION = "3.1"
UNTOLD_ACTIONS = (LISTEN, SESSION_START)


@dataclass(frozen=True, slots=True)
class WrittenStep:
    """A step as it stands in a file, with a comment behind its first line."""

    keys: dict[str, Any]
    comment: str = ""


@dataclass(frozen=True, slots=True)
class WrittenStory:
    """A story as it stands in a file."""

    name: str
    steps: Sequence[WrittenStep]


def story_steps(events: Iterable[Event], *, with_text: bool = True) -> list[WrittenStep]:
    """What ``events`` tell. Without text: intents and entities only, to learn from."""
    steps = (_step(event, with_text=with_text) for event in events)
    return [WrittenStep(step) for step in steps if step is not None]


def write_stories(stories: Iterable[WrittenStory]) -> str:
    """A whole file of ``stories``."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    written = CommentedSeq()
    for story in stories:
        steps = CommentedSeq(_commented(step) for step in story.steps)
        if not steps:
            steps.fa.set_flow_style()
        written.append(CommentedMap(story=story.name, steps=steps))
    if not written:
        written.fa.set_flow_style()
    document = CommentedMap(version=DoubleQuotedScalarString(VERSION), stories=written)
    text = io.StringIO()
    _yaml().dump(document, text)
    return text.getvalue()


class Pieces:
    """A file of stories written one after another, of which only one is held at a time."""

    def __init__(self) -> None:
        self._begun = False

    def next(self, story: WrittenStory) -> str:
        """What ``story`` adds to the file."""
        text = write_stories([story])
        text = text.split("stories:\n", 1)[1] if self._begun else text
        self._begun = True
        return text

    def end(self) -> str:
        """What is left to write: a file without stories needs its head."""
        return "" if self._begun else write_stories([])


def annotated(text: str, entities: Iterable[Entity | ExampleEntity]) -> str:
    """``text`` with its entities marked up; entities that share characters stay unmarked."""
    marked: list[ExampleEntity] = []
    for entity in sorted(entities, key=lambda each: (each.start, -each.end)):
        same = marked and (marked[-1].start, marked[-1].end) == (entity.start, entity.end)
        free = not marked or entity.start >= marked[-1].end
        if 0 <= entity.start < entity.end <= len(text) and (free or same):
            marked.append(_example(entity))
    return write_markup(text, marked)


def _step(event: Event, *, with_text: bool) -> dict[str, Any] | None:
    match event:
        case UserUttered():
            return _said(event, with_text=with_text)
        case ActionExecuted(name=name) if name in UNTOLD_ACTIONS:
            return None
        case ActionExecuted(name=None, action_text=text):
            return {"bot": text}
        case ActionExecuted(name=name):
            return {"action": name}
        case SlotSet(name=name, value=value):
            return {"slot_was_set": [{name: value}]}
        case ActiveLoop(name=name) | LegacyForm(name=name):
            return {"active_loop": name}
        case _:  # nothing that a story can tell
            return None


def _said(event: UserUttered, *, with_text: bool) -> dict[str, Any]:
    text = event.text or ""
    step: dict[str, Any] = {}
    if event.intent or not text:
        step["intent"] = _answer(event) or event.intent
    if text and (with_text or not step):
        marked = text if text.startswith("/") else annotated(text, event.entities)
        step["user"] = _literal(marked)
    elif event.entities:
        step["entities"] = [_told(entity) for entity in event.entities]
    return step


def _answer(event: UserUttered) -> str | None:
    """The retrieval answer that was picked, as ``faq/opening_hours``."""
    selectors = event.parse_data.response_selector if event.parse_data else {}
    picked = (selectors.get(event.intent or "") or {}).get("response") or {}
    answer = picked.get("intent_response_key")
    return str(answer) if answer else None


def _literal(text: str) -> ScalarString:
    """``text`` as a block, or in quotes where a block would not give it back."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

    plain = text == text.strip() and all(c.isprintable() or c == "\n" for c in text)
    kind: type[ScalarString] = LiteralScalarString if plain else DoubleQuotedScalarString
    block: ScalarString = kind(text)
    return block


def _told(entity: Entity) -> dict[str, Any]:
    extra = {"role": entity.role, "group": entity.group}
    return {entity.entity: entity.value, **{key: value for key, value in extra.items() if value}}


def _example(entity: Entity | ExampleEntity) -> ExampleEntity:
    return ExampleEntity(
        entity.start,
        entity.end,
        entity.entity,
        str(entity.value),
        entity.role,
        entity.group,
    )


def _commented(step: WrittenStep) -> CommentedMap:
    from ruamel.yaml.comments import CommentedMap

    keys = CommentedMap(step.keys)
    if step.comment:
        keys.yaml_add_eol_comment(" ".join(step.comment.split()), next(iter(keys)))
    return keys


def _yaml() -> YAML:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 4096  # a line of a story stays one line
    yaml.allow_unicode = True
    yaml.representer.add_representer(type(None), _null)
    return yaml


def _null(representer: Any, _: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")
