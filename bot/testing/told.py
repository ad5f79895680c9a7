"""What a test file tells: conversations, turn by turn, as they should go."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from pathlib import Path
from typing import Any

from bot.errors import ProjectError
from bot.project.markup import MarkupError, read_markup
from bot.project.node import Node
from bot.project.project import ExampleEntity
from bot.project.report import Report
from bot.project.yaml import read_text, read_yaml

ANY = object()  # stands for any value of a slot that is set
STEP_KINDS = ("user", "intent", "action", "utter", "slot_was_set", "active_loop", "bot")
JOINING = ("or", "checkpoint", "metadata")
OPENING = ("slot_was_set", "active_loop")  # what may be so before anybody speaks
SECTIONS = {"stories": "story", "test_cases": "test_case"}
SUFFIXES = (".yml", ".yaml")
MOST_WAYS = 1000  # through the alternatives and checkpoints of a file


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

    @property
    def is_payload(self) -> bool:
        """Whether it says its meaning itself: ``/greet{"name": "Ada"}``."""
        return self.text.startswith("/")


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation as it should go; ``opening`` is what was so before it began."""

    name: str
    turns: tuple[Said, ...]
    place: str
    opening: tuple[Expected, ...] = ()


def load_transcripts(
    path: Path | str, *, shown: Callable[[Path], str] = lambda file: file.name
) -> tuple[Transcript, ...]:
    """The transcripts of a file, or of every YAML file in a folder. Raises ProjectError.

    Args:
        shown: What a file is called where a place in it is named.
    """
    path = Path(path)
    files = _yaml_files(path) if path.is_dir() else [path]
    return tuple(transcript for file in files for transcript in _read(file, shown(file)))


def story_files(path: Path) -> list[Path]:
    """``path`` if it is a file; else the files ``test_*`` below it, or all if none is named so.

    Raises ProjectError when there is no such file or folder.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ProjectError(
            "there is no such file or folder.",
            file=str(path),
            suggestion="Write conversations into tests/test_stories.yml, or name a file.",
        )
    files = _yaml_files(path)
    return [file for file in files if file.name.startswith("test_")] or files


def _yaml_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix in SUFFIXES)


def _read(path: Path, name: str) -> Iterator[Transcript]:
    report = Report()
    root = read_yaml(read_text(path, name), name, report)
    report.raise_first_error()
    if root is None or root.value is None:
        return
    keys = root.mapping("the file")
    for section, name_key in SECTIONS.items():
        if section in keys and keys[section].value is not None:
            stories = [_story(item, name_key) for item in keys[section].sequence(section)]
            for story, steps in _joined(stories):
                yield _transcript(story, steps)


# Ways through a file


@dataclass(frozen=True, slots=True)
class _Story:
    """A story before it is joined with others; ``steps`` are nodes with their keys."""

    name: str
    item: Node
    steps: tuple[Node, ...]

    def ends(self, *, last: bool) -> str | None:
        """The checkpoint this begins from, or with ``last`` leads to."""
        if not self.steps:
            return None
        keys = self.steps[-1 if last else 0].mapping("a step")
        return keys["checkpoint"].name("a checkpoint") if "checkpoint" in keys else None


_Chain = tuple[tuple[_Story, ...], tuple[Node, ...]]  # stories joined, and their steps


def _story(item: Node, name_key: str) -> _Story:
    keys = item.mapping("a conversation")
    for key in (name_key, "steps"):
        if key not in keys:
            raise item.wrong(f"a conversation has no '{key}'.", "Write its name and its steps.")
    name = keys[name_key].name("the name of a conversation")
    return _Story(name, item, tuple(keys["steps"].sequence(f"the steps of '{name}'")))


def _joined(stories: Sequence[_Story]) -> Iterator[tuple[_Story, tuple[Node, ...]]]:
    """Every way from a story that begins by itself to one that leads nowhere else."""
    waiting: list[_Chain] = [
        ((story,), story.steps) for story in stories if story.ends(last=False) is None
    ]
    for chain, steps in islice(_queue(waiting), MOST_WAYS):
        joint = chain[-1].ends(last=True)
        if joint is None:
            for chosen in _choices(steps):
                yield replace(chain[0], name=" - ".join(s.name for s in chain)), chosen
            continue
        following = [s for s in stories if s.ends(last=False) == joint and s not in chain]
        waiting += [((*chain, story), (*steps, *story.steps)) for story in following]


def _queue(waiting: list[_Chain]) -> Iterator[_Chain]:
    """What is waiting, first come first served, until nothing is."""
    while waiting:
        yield waiting.pop(0)


def _choices(steps: Sequence[Node]) -> Iterator[tuple[Node, ...]]:
    """``steps`` once for every combination of their alternatives, without checkpoints."""
    ways: list[list[Node]] = []
    for step in steps:
        keys = step.mapping("a step")
        if "or" in keys:
            ways.append(keys["or"].sequence("an or"))
        elif "checkpoint" not in keys and set(keys) != {"metadata"}:
            ways.append([step])
    yield from islice(product(*ways), MOST_WAYS)


# Turns


def _transcript(story: _Story, steps: Sequence[Node]) -> Transcript:
    turns: list[Said] = []
    opening: tuple[Expected, ...] = ()
    for step in steps:
        parts = step.mapping("a step")
        kind = next((kind for kind in STEP_KINDS if kind in parts), None)
        if kind in ("user", "intent"):
            turns.append(_said(step, parts))
        elif kind is None:
            known = ", ".join((*STEP_KINDS, *JOINING))
            raise step.wrong(f"a step has the keys {', '.join(parts)}.", f"Steps: {known}.")
        elif turns:
            told = (*turns[-1].expected, *_expected(kind, parts[kind]))
            turns[-1] = replace(turns[-1], expected=told)
        elif kind in OPENING:
            opening = (*opening, *_expected(kind, parts[kind]))
        else:
            raise step.wrong(
                f"'{story.name}' begins with {kind}.", "Begin with what the user says."
            )
    return Transcript(story.name, tuple(turns), _place(story.item), opening)


def _said(step: Node, parts: dict[str, Node]) -> Said:
    node = parts.get("intent")
    intent = node.name("an intent").lstrip("/") if node and node.value is not None else None
    if "user" not in parts:  # the intent itself is said
        entities = tuple(_listed(parts["entities"])) if "entities" in parts else ()
        return Said(_payload(intent, entities), intent, entities, (), _place(step))
    marked = parts["user"].text("what the user says").strip()
    text, found = marked, ()  # type: tuple[str, tuple[ExampleEntity, ...]]
    if not marked.startswith("/"):
        try:
            text, found = read_markup(marked)
        except MarkupError as wrong:
            raise parts["user"].wrong(wrong.message, wrong.suggestion) from wrong
    return Said(text, intent, found, (), _place(step))


def _listed(node: Node) -> Iterator[ExampleEntity]:
    """The entities listed under an intent: names, or names with values."""
    for item in node.sequence("the entities of a step"):
        given = item.plain() if isinstance(item.value, dict) else {item.name("an entity"): None}
        role, group = given.pop("role", None), given.pop("group", None)
        for name, value in given.items():
            yield ExampleEntity(0, 0, name, "" if value is None else str(value), role, group)


def _payload(intent: str | None, entities: Sequence[ExampleEntity]) -> str:
    values: dict[str, list[str]] = {}
    for entity in entities:
        values.setdefault(entity.entity, []).append(entity.value)
    told = {name: found[0] if len(found) == 1 else found for name, found in values.items()}
    return f"/{intent}{json.dumps(told, ensure_ascii=False) if told else ''}"


def _expected(kind: str, node: Node) -> Iterator[Expected]:
    place = _place(node)
    match kind:
        case "action" | "utter":
            yield Expected("action", node.name("an action"), place)
        case "bot":
            yield Expected("bot", node.text("what the bot says"), place)
        case "active_loop":
            loop = None if node.value is None else node.name("a loop")
            yield Expected("active_loop", loop, place)
        case _:
            for slot in node.sequence("slot_was_set"):
                if isinstance(slot.value, dict):
                    for name, value in slot.value.items():
                        yield Expected("slot_was_set", (name, value.plain()), _place(slot))
                else:
                    yield Expected("slot_was_set", (slot.name("a slot"), ANY), place)


def _place(node: Node) -> str:
    return f"{node.file}:{node.line}"
