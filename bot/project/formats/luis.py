"""Reads an app that LUIS exported, schema version 7."""

from __future__ import annotations

from collections.abc import Iterator

from bot.project.formats.entity import optional_text, span
from bot.project.nlu import NluReader
from bot.project.node import Node
from bot.project.project import ExampleEntity
from bot.project.report import Report

VERSION = "7"


def read_luis(root: Node, nlu: NluReader) -> None:
    """Gather utterances, regex entities and closed lists."""
    keys = root.mapping("a LUIS app")
    version = keys["luis_schema_version"]
    if version.text("luis_schema_version").split(".")[0] != VERSION:
        raise version.wrong(
            f"the LUIS schema version is {version.source}.", "Export the app again as version 7."
        )
    for item in _items(keys, "utterances"):
        with nlu.report.going_on():
            _utterance(item, nlu)
    for item in _items(keys, "regex_entities"):
        with nlu.report.going_on():
            regex = item.mapping("a regex entity")
            if {"name", "regexPattern"} <= regex.keys():
                name = regex["name"].name("a regex's name")
                nlu.add_regex(name, regex["regexPattern"].text("a pattern"), regex["regexPattern"])
    for item in _items(keys, "closedLists"):
        with nlu.report.going_on():
            _closed_list(item, nlu)


def _items(keys: dict[str, Node], key: str) -> Iterator[Node]:
    node = keys.get(key)
    if node is not None and node.value is not None:
        yield from node.sequence(key)


def _utterance(item: Node, nlu: NluReader) -> None:
    keys = item.mapping("an utterance")
    if "text" not in keys or "intent" not in keys:
        raise item.wrong("an utterance needs text and intent.")
    text = keys["text"].text("an utterance's text")
    intent = keys["intent"].name("an utterance's intent")
    nlu.mentions.add("intent", item, "the NLU data", intent)
    entities = []
    for node in _items(keys, "entities"):
        with nlu.report.going_on():
            entities.append(_entity(node, text, nlu.report))
    nlu.add_example(intent, text if entities else text.strip(), tuple(entities), {}, item)


def _entity(node: Node, text: str, report: Report) -> ExampleEntity:
    keys = node.mapping("an entity")
    if not {"entity", "startPos", "endPos"} <= keys.keys():
        raise node.wrong("an entity needs entity, startPos and endPos.")
    return span(
        text,
        keys["startPos"],
        keys["endPos"],
        keys["entity"].name("an entity's name"),
        report,
        role=optional_text(keys.get("role"), "an entity's role"),
        last=1,
    )


def _closed_list(item: Node, nlu: NluReader) -> None:
    """A list entity: its values are a lookup, the other ways to write one are synonyms."""
    keys = item.mapping("a closed list")
    name = keys["name"].name("a closed list's name") if "name" in keys else ""
    for sublist in _items(keys, "subLists"):
        inner = sublist.mapping("a sublist")
        form = optional_text(inner.get("canonicalForm"), "a canonical form")
        if not name or form is None:
            raise sublist.wrong("a sublist needs canonicalForm, and its list a name.")
        others = [node.text("an item of a sublist") for node in _items(inner, "list")]
        nlu.add_lookup(name, [form, *others])
        for other in others:
            nlu.add_synonym(other, form, sublist)
