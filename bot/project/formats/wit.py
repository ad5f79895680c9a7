"""Reads the utterances that wit.ai exported."""

from __future__ import annotations

from bot.project.formats.entity import optional_text, span
from bot.project.nlu import NluReader
from bot.project.node import Node
from bot.project.project import ExampleEntity
from bot.project.report import Report

NO_INTENT = "out_of_scope"  # what wit.ai calls an utterance without an intent


def read_wit(utterances: Node, nlu: NluReader) -> None:
    """Gather the utterances."""
    for item in utterances.sequence("utterances"):
        with nlu.report.going_on():
            _utterance(item, nlu)


def _utterance(item: Node, nlu: NluReader) -> None:
    keys = item.mapping("an utterance")
    if "text" not in keys:
        raise item.wrong("an utterance has no text.")
    text = keys["text"].text("an utterance's text")
    intent = optional_text(keys.get("intent"), "an utterance's intent") or NO_INTENT
    nlu.mentions.add("intent", item, "the NLU data", intent)
    entities = []
    if "entities" in keys:
        for node in keys["entities"].sequence("the entities of an utterance"):
            with nlu.report.going_on():
                entities.append(_entity(node, text, nlu.report))
    nlu.add_example(intent, text if entities else text.strip(), tuple(entities), {}, item)


def _entity(node: Node, text: str, report: Report) -> ExampleEntity:
    """``location:from`` is the entity location in the role from."""
    keys = node.mapping("an entity")
    if not {"entity", "start", "end"} <= keys.keys():
        raise node.wrong("an entity needs entity, start and end.")
    name, _, role = keys["entity"].name("an entity's name").partition(":")
    return span(text, keys["start"], keys["end"], name, report, role=role or None)
