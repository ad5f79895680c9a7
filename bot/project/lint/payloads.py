"""Buttons that send what the bot does not know."""

from __future__ import annotations

from collections.abc import Iterator

from bot.dialogue.domain import DEFAULT_INTENTS
from bot.project.lint.intents import base_of
from bot.project.lint.payload import Payload, read_payload
from bot.project.lint.subject import Found, Subject
from bot.project.names import did_you_mean


def check(subject: Subject) -> Iterator[Found]:
    """Payloads that name unknown intents or entities, or that are none."""
    intents = {*DEFAULT_INTENTS, *subject.reading.domain.named("intents")}
    for payload in subject.payloads:
        yield from _unknown(payload, intents, subject.reading.domain.named("entities"))
    for mention in subject.mentions("payload"):
        if mention.name in intents and read_payload(mention) is None:
            message = f"{mention.by} sends the text '{mention.name}', which is an intent's name."
            hint = f"Write /{mention.name} to send the intent."
            yield Found("warning", "payload", mention.node.wrong(message, hint))


def _unknown(payload: Payload, intents: set[str], entities: set[str]) -> Iterator[Found]:
    node, by = payload.mention.node, payload.mention.by
    if base_of(payload.intent) not in intents and payload.intent not in intents:
        message = f"{by} sends the intent '{payload.intent}', which the domain does not define."
        hint = did_you_mean(payload.intent, intents) or "List it under intents."
        yield Found("warning", "payload", node.wrong(message, hint))
    if payload.entities is None:
        message = f"{by} sends entities that are not a JSON object: {payload.mention.name}"
        hint = 'Write /intent{"entity": "value"}.'
        yield Found("warning", "payload", node.wrong(message, hint))
    for name in payload.entities or ():
        if name not in entities:
            message = f"{by} sends the entity '{name}', which the domain does not define."
            hint = did_you_mean(name, entities) or "List it under entities."
            yield Found("warning", "payload", node.wrong(message, hint))
