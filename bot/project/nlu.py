"""Reads the ``nlu:`` section of data files: examples, synonyms, regexes, lookups."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from bot.errors import ProjectError
from bot.project.markup import MarkupError, read_markup
from bot.project.mentions import Mentions
from bot.project.names import did_you_mean
from bot.project.node import Node
from bot.project.project import Example, ExampleEntity, Lookup, NluData, Regex
from bot.project.report import Report, shortened
from bot.project.yaml import read_text

KINDS = ("intent", "synonym", "regex", "lookup")
ITEM_KEYS = (*KINDS, "examples", "metadata")


@dataclass(slots=True)
class NluReader:
    """Gathers NLU data from one section after another; an example written twice counts once."""

    root: Path  # of the project, for lookup files
    report: Report
    mentions: Mentions
    examples: list[Example] = field(default_factory=list)
    seen: set[tuple[str, str, tuple[ExampleEntity, ...]]] = field(default_factory=set)
    synonyms: dict[str, str] = field(default_factory=dict)
    regexes: dict[str, list[str]] = field(default_factory=dict)
    lookups: dict[str, list[str]] = field(default_factory=dict)
    lookup_files: set[str] = field(default_factory=set)  # relative to the root

    def data(self) -> NluData:
        """Everything gathered."""
        return NluData(
            examples=tuple(self.examples),
            synonyms=self.synonyms,
            regexes=tuple(Regex(name, tuple(p)) for name, p in self.regexes.items()),
            lookups=tuple(Lookup(name, tuple(v)) for name, v in self.lookups.items()),
        )

    def read(self, section: Node) -> None:
        """Gather from a file's ``nlu:``."""
        if section.value is None:
            return
        for item in section.sequence("nlu"):
            with self.report.going_on():
                self._item(item)

    def _item(self, item: Node) -> None:
        keys = item.mapping("an item of nlu")
        for key in keys:
            if key not in ITEM_KEYS:
                raise item.wrong_key(
                    key,
                    f"an item of nlu has the key '{key}'.",
                    did_you_mean(key, ITEM_KEYS, "Keys"),
                )
        kinds = [kind for kind in KINDS if kind in keys]
        if len(kinds) != 1:
            raise item.wrong(
                f"an item of nlu has {len(kinds)} of the keys {', '.join(KINDS)}.",
                "Give it exactly one.",
            )
        kind = kinds[0]
        name = keys[kind].name(f"the name of a {kind}")
        examples = keys.get("examples")
        if examples is None or examples.value is None:
            self.report.warn(item.wrong(f"{kind} '{name}' has no examples."))
            return
        if kind == "intent":
            self._intent(name, keys[kind], examples, _metadata(keys.get("metadata")))
        elif kind == "synonym":
            for text, place in self._texts(kind, name, examples):
                self.add_synonym(text, name, place)
        elif kind == "regex":
            self._regex(name, examples)
        else:
            self._lookup(name, examples)

    def _intent(self, name: str, node: Node, examples: Node, metadata: dict[str, Any]) -> None:
        self.mentions.add("intent", node, "the NLU data", name)
        if isinstance(examples.value, list):
            for item in examples.value:
                with self.report.going_on():
                    text, own = _example_of_list(item)
                    self._example(name, text, {**metadata, **own}, item)
            return
        for text, place in self._texts("intent", name, examples):
            with self.report.going_on():
                self._example(name, text, metadata, place)

    def _example(self, intent: str, marked: str, metadata: dict[str, Any], place: Node) -> None:
        try:
            text, entities = read_markup(marked)
        except MarkupError as error:
            raise ProjectError(
                error.message,
                file=place.file,
                line=place.line,
                column=place.column + error.offset + 2,
                suggestion=error.suggestion,
            ) from None
        self.add_example(intent, text, entities, metadata, place)

    def add_example(
        self,
        intent: str,
        text: str,
        entities: tuple[ExampleEntity, ...],
        metadata: dict[str, Any],
        place: Node,
    ) -> None:
        """Take in a sentence without markup; values that differ from its words are synonyms."""
        if not text.strip():
            self.report.warn(place.wrong(f"an example of the intent '{intent}' is empty."))
            return
        for one, other in _overlapping(entities):
            self.report.warn(
                place.wrong(
                    f"in '{shortened(text)}' the annotations of "
                    f"'{text[one.start : one.end]}' ({one.entity}) and "
                    f"'{text[other.start : other.end]}' ({other.entity}) overlap; where they do, "
                    f"the model learns the first alone.",
                    "Annotate every word once.",
                )
            )
        for entity in entities:
            self.mentions.add("entity", place, f"an example of '{intent}'", entity.entity)
            surface = text[entity.start : entity.end]
            if entity.value != surface:
                self.add_synonym(surface, entity.value, place)
        if (text, intent, entities) not in self.seen:
            self.seen.add((text, intent, entities))
            self.examples.append(
                Example(text, intent, entities, metadata, file=place.file, line=place.line)
            )

    def add_synonym(self, text: str, value: str, place: Node) -> None:
        """Let ``text`` stand for ``value``."""
        known = self.synonyms.get(text)
        if known is not None and known != value:
            self.report.warn(
                place.wrong(
                    f"'{shortened(text)}' is a synonym of '{known}' and now of '{value}'; "
                    f"the last one counts."
                )
            )
        self.synonyms[text] = value

    def _regex(self, name: str, examples: Node) -> None:
        for pattern, place in self._texts("regex", name, examples):
            self.add_regex(name, pattern, place)

    def add_regex(self, name: str, pattern: str, place: Node) -> None:
        """Take in a pattern that Python understands."""
        with self.report.going_on():
            try:
                re.compile(pattern)
            except (re.error, RecursionError, OverflowError) as error:
                raise place.wrong(
                    f"the regex '{name}' is not one Python understands: {error}."
                ) from None
            self.regexes.setdefault(name, []).append(pattern)

    def _lookup(self, name: str, examples: Node) -> None:
        if _names_a_file(examples):
            self.add_lookup_file(name, examples)
        else:
            self.add_lookup(name, (text for text, _ in self._texts("lookup", name, examples)))

    def add_lookup(self, name: str, values: Iterable[str]) -> None:
        """Take in known values of an entity."""
        self.lookups.setdefault(name, []).extend(values)

    def add_lookup_file(self, name: str, examples: Node) -> None:
        """Take in the lines of the file that ``examples`` names."""
        values = self.lookups.setdefault(name, [])
        values += self._lookup_file(name, examples)

    def _lookup_file(self, name: str, examples: Node) -> list[str]:
        written = examples.source.strip()
        beside = Path(examples.file).parent / written
        for candidate in (Path(written), beside):
            path = self.root / candidate
            try:
                path.resolve().relative_to(self.root.resolve())
                found = path.is_file()
            except (ValueError, OSError):
                continue
            if found:
                self.lookup_files.add(candidate.as_posix())
                lines = read_text(path, candidate.as_posix()).splitlines()
                return [line.strip() for line in lines if line.strip()]
        raise examples.wrong(
            f"the lookup '{name}' names the file '{shortened(written)}', which is not there.",
            "Give a path inside the project, or a list of values (lines that begin with -).",
        )

    def _texts(self, kind: str, name: str, examples: Node) -> Iterator[tuple[str, Node]]:
        """The examples of a block text or list, each with its place."""
        if isinstance(examples.value, list):
            for item in examples.value:
                with self.report.going_on():
                    yield item.text(f"an example of the {kind} '{name}'").strip(), item
            return
        lines = examples.text(f"examples of the {kind} '{name}'").split("\n")
        first = examples.line + 1 if examples.block else examples.line
        for number, line in enumerate(lines):
            stripped = line.strip()
            if not stripped:
                continue
            column = max(1, examples.block) + len(line) - len(line.lstrip())
            place = Node(None, examples.file, first + number, column)
            if not stripped.startswith("-"):
                self.report.warn(
                    place.wrong(
                        f"a line of the {kind} '{name}' does not begin with '-' and is passed "
                        f"over: '{shortened(stripped)}'.",
                        "Begin every example with '- '.",
                    )
                )
                continue
            if text := stripped[1:].strip():
                yield text, place


def _overlapping(
    entities: Iterable[ExampleEntity],
) -> Iterator[tuple[ExampleEntity, ExampleEntity]]:
    """Neighbours that have some words in common, but are not two readings of the same words."""
    for one, other in pairwise(sorted(entities, key=lambda entity: (entity.start, entity.end))):
        if other.start < one.end and (one.start, one.end) != (other.start, other.end):
            yield one, other


def _names_a_file(examples: Node) -> bool:
    source = examples.source.strip()
    return (
        bool(source)
        and isinstance(examples.value, str)
        and "\n" not in source
        and (not source.startswith("-"))
    )


def _metadata(node: Node | None) -> dict[str, Any]:
    if node is None or node.value is None:
        return {}
    plain = node.plain()
    return plain if isinstance(plain, dict) else {"metadata": plain}


def _example_of_list(item: Node) -> tuple[str, dict[str, Any]]:
    if not isinstance(item.value, dict):
        return item.text("an example").strip(), {}
    for key in item.value:
        if key not in ("text", "metadata"):
            raise item.wrong_key(key, f"an example has the key '{key}'.", "Keys: text, metadata.")
    if "text" not in item.value:
        raise item.wrong("an example has no text.", "Give it the key text.")
    return item.value["text"].text("an example's text").strip(), _metadata(
        item.value.get("metadata")
    )
