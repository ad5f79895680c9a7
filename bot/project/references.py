"""Compares the names a project uses with those it defines."""

from __future__ import annotations

from collections.abc import Iterable

from bot.dialogue.domain import DEFAULT_ACTIONS, DEFAULT_INTENTS, Domain
from bot.project.domain import DomainReader
from bot.project.mentions import Kind, Mention, Mentions
from bot.project.names import did_you_mean
from bot.project.project import NluData
from bot.project.report import Report

LOOP_ACTIONS = ("action_two_stage_fallback",)
ERRORS: frozenset[Kind] = frozenset({"action", "loop", "form slot"})
WORDS: dict[Kind, str] = {
    "mapping action": "action",
    "loop": "form",
    "form slot": "slot",
}
HOW: dict[Kind, str] = {
    "action": "List it under actions, or give it a response.",
    "mapping action": "List it under actions.",
    "intent": "List it under intents.",
    "entity": "List it under entities.",
    "slot": "Define it under slots.",
    "form slot": "Define it under slots.",
    "loop": "Define it under forms.",
}


def retrieval_intents(nlu: NluData) -> tuple[str, ...]:
    """The parts before the slash, of intents like ``faq/opening_hours``."""
    return tuple(sorted({e.intent.split("/", 1)[0] for e in nlu.examples if "/" in e.intent}))


def check_references(
    mentions: Mentions, reader: DomainReader, domain: Domain, nlu: NluData, report: Report
) -> None:
    """Report every name that is used and not defined, once for each file."""
    slots = {*domain.slots, *reader.named("slots")}
    forms = reader.named("forms")
    actions = {
        *DEFAULT_ACTIONS,
        *reader.named("actions"),
        *reader.named("responses"),
        *forms,
        *(f"utter_{intent}" for intent in retrieval_intents(nlu)),
        *(name.split("/", 1)[0] for name in reader.named("responses")),
    }
    known: dict[Kind, set[str]] = {
        "action": actions,
        "mapping action": actions,
        "intent": {*DEFAULT_INTENTS, *reader.named("intents")},
        "entity": reader.named("entities"),
        "slot": slots,
        "form slot": slots,
        "loop": {*forms, *LOOP_ACTIONS},
    }
    for mention in _once_per_file(mentions.all):
        if mention.name in known.get(mention.kind, {mention.name}) or _is_retrieval(
            mention, domain
        ):
            continue
        kind = mention.kind
        meant = did_you_mean(mention.name, known[kind]) or HOW[kind]
        error = mention.node.wrong(
            f"{mention.by} names the {WORDS.get(kind, kind)} '{mention.name}', "
            f"which the domain does not define.",
            meant,
        )
        report.add("error" if kind in ERRORS else "warning", error, "undefined")


def _once_per_file(mentions: Iterable[Mention]) -> Iterable[Mention]:
    seen: set[tuple[Kind, str, str]] = set()
    for mention in mentions:
        key = (mention.kind, mention.name, mention.node.file)
        if key not in seen:
            seen.add(key)
            yield mention


def _is_retrieval(mention: Mention, domain: Domain) -> bool:
    return mention.kind == "intent" and mention.name.split("/", 1)[0] in domain.intents
