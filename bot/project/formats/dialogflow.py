"""Reads an agent that Dialogflow (ES) exported.

``intents/order.json`` describes an intent, ``intents/order_usersays_en.json`` holds its sentences;
``entities/dish.json`` and ``entities/dish_entries_en.json`` go together in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from bot.project.formats.entity import optional_text
from bot.project.nlu import NluReader
from bot.project.node import Node
from bot.project.project import ExampleEntity

Sibling = Callable[[str], Node | None]


def read_dialogflow_intent(root: Node, nlu: NluReader, sibling: Sibling, language: str) -> None:
    """Gather the sentences beside an intent's description."""
    name = root.mapping("an intent")["name"].name("an intent's name")
    sentences = sibling(_beside(root.file, "usersays", language))
    if sentences is None:
        nlu.report.warn(
            root.wrong(
                f"the intent '{name}' has no sentences in the language '{language}'.",
                f"They are looked for in {_beside(root.file, 'usersays', language)}.",
            )
        )
        return
    nlu.mentions.add("intent", root, "the NLU data", name)
    for item in sentences.sequence("the sentences of an intent"):
        with nlu.report.going_on():
            _sentence(name, item, nlu)


def read_dialogflow_entity(root: Node, nlu: NluReader, sibling: Sibling, language: str) -> None:
    """Gather the entries beside an entity's description: a lookup, or patterns."""
    keys = root.mapping("an entity")
    name = keys["name"].name("an entity's name") if "name" in keys else _stem(root.file)
    entries = sibling(_beside(root.file, "entries", language))
    if entries is None:
        return
    patterns = "isRegexp" in keys and keys["isRegexp"].value is True
    for item in entries.sequence("the entries of an entity"):
        with nlu.report.going_on():
            _entry(name, item, nlu, patterns=patterns)


def _beside(file: str, part: str, language: str) -> str:
    return f"{_stem(file)}_{part}_{language}.json"


def _stem(file: str) -> str:
    return PurePosixPath(file).stem


def _sentence(intent: str, item: Node, nlu: NluReader) -> None:
    keys = item.mapping("a sentence")
    if "data" not in keys:
        raise item.wrong("a sentence has no data.")
    text = ""
    entities: list[ExampleEntity] = []
    for chunk in keys["data"].sequence("the data of a sentence"):
        part = chunk.mapping("a part of a sentence")
        said = part["text"].text("a part's text") if "text" in part else ""
        if said and (entity := _entity_of(part)):
            entities.append(ExampleEntity(len(text), len(text) + len(said), entity, said))
        text += said
    nlu.add_example(intent, text if entities else text.strip(), tuple(entities), {}, item)


def _entity_of(part: dict[str, Node]) -> str | None:
    """The alias a part was annotated with, else the type; ``@sys.ignore`` is no entity."""
    kind = optional_text(part.get("meta"), "a part's meta")
    alias = optional_text(part.get("alias"), "a part's alias")
    if kind in (None, "@sys.ignore"):
        return None
    return alias or kind.removeprefix("@")


def _entry(name: str, item: Node, nlu: NluReader, *, patterns: bool) -> None:
    keys = item.mapping("an entry")
    if "value" not in keys:
        raise item.wrong("an entry has no value.")
    value = keys["value"].text("an entry's value")
    if patterns:
        nlu.add_regex(name, value, item)
    else:
        nlu.add_lookup(name, dict.fromkeys((value, *_synonyms(keys))))
    for synonym in _synonyms(keys):
        nlu.add_synonym(synonym, value, item)


def _synonyms(keys: dict[str, Node]) -> Iterator[str]:
    if "synonyms" in keys:
        yield from (node.text("a synonym") for node in keys["synonyms"].sequence("synonyms"))
