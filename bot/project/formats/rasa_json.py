"""Reads the JSON that Rasa wrote NLU data in before YAML: ``rasa_nlu_data``."""

from __future__ import annotations

from collections.abc import Iterator

from bot.project.formats.entity import optional_text, span
from bot.project.nlu import NluReader
from bot.project.node import Node
from bot.project.project import ExampleEntity
from bot.project.report import Report

FORMER_KEYS = ("entity_examples", "intent_examples")


def read_rasa_json(root: Node, nlu: NluReader) -> None:
    """Gather examples, synonyms, regexes and lookups."""
    keys = root.mapping("rasa_nlu_data")
    for item in _items(keys, "common_examples"):
        with nlu.report.going_on():
            _example(item, nlu)
    for key in FORMER_KEYS:
        if key in keys and keys[key].value:
            nlu.report.warn(
                root.wrong_key(key, f"'{key}' is not read.", "Put them under common_examples.")
            )
    for item in _items(keys, "entity_synonyms"):
        with nlu.report.going_on():
            _synonyms(item, nlu)
    for item in _items(keys, "regex_features"):
        with nlu.report.going_on():
            name, pattern = _pair(item, "a regex feature", "name", "pattern")
            nlu.add_regex(name.name("a regex's name"), pattern.text("a pattern"), pattern)
    for item in _items(keys, "lookup_tables"):
        with nlu.report.going_on():
            _lookup(item, nlu)


def _items(keys: dict[str, Node], key: str) -> Iterator[Node]:
    node = keys.get(key)
    if node is not None and node.value is not None:
        yield from node.sequence(key)


def _pair(item: Node, what: str, *needed: str) -> tuple[Node, Node]:
    keys = item.mapping(what)
    for key in needed:
        if key not in keys:
            raise item.wrong(f"{what} has no '{key}'.")
    return keys[needed[0]], keys[needed[1]]


def _example(item: Node, nlu: NluReader) -> None:
    keys = item.mapping("an example")
    if "text" not in keys:
        raise item.wrong("an example has no text.", "Give it the key text.")
    text = keys["text"].text("an example's text")
    intent = (optional_text(keys.get("intent"), "an example's intent") or "").strip()
    if not intent:
        nlu.report.warn(item.wrong("an example without an intent is passed over."))
        return
    nlu.mentions.add("intent", item, "the NLU data", intent)
    entities = []
    for node in _items(keys, "entities"):
        with nlu.report.going_on():
            entities.append(_entity(node, text, nlu.report))
    metadata = keys["metadata"].plain() if "metadata" in keys else {}
    metadata = metadata if isinstance(metadata, dict) else {"metadata": metadata}
    nlu.add_example(intent, text if entities else text.strip(), tuple(entities), metadata, item)


def _entity(node: Node, text: str, report: Report) -> ExampleEntity:
    keys = node.mapping("an entity")
    for key in ("start", "end", "entity"):
        if key not in keys:
            raise node.wrong(f"an entity has no '{key}'.", "Keys: start, end, entity, value.")
    return span(
        text,
        keys["start"],
        keys["end"],
        keys["entity"].name("an entity's name"),
        report,
        value=optional_text(keys.get("value"), "an entity's value"),
        role=optional_text(keys.get("role"), "an entity's role"),
        group=optional_text(keys.get("group"), "an entity's group"),
    )


def _synonyms(item: Node, nlu: NluReader) -> None:
    value, synonyms = _pair(item, "a synonym", "value", "synonyms")
    for node in synonyms.sequence("synonyms"):
        nlu.add_synonym(node.text("a synonym"), value.text("a synonym's value"), node)


def _lookup(item: Node, nlu: NluReader) -> None:
    name, elements = _pair(item, "a lookup table", "name", "elements")
    if isinstance(elements.value, list):
        values = [node.text("an element of a lookup table") for node in elements.value]
        nlu.add_lookup(name.name("a lookup's name"), values)
    else:
        nlu.add_lookup_file(name.name("a lookup's name"), elements)
