"""Reads the forms of a domain."""

from __future__ import annotations

from bot.dialogue.domain import Form
from bot.project.mentions import Mentions
from bot.project.node import Node


def read_form(name: str, node: Node, mentions: Mentions) -> Form:
    """The form ``name`` of a domain file."""
    by = f"the form '{name}'"
    if node.value is None:
        return Form(name)
    keys = node.mapping(by)
    for key in keys:
        if key not in ("required_slots", "ignored_intents"):
            raise node.wrong_key(
                key,
                f"{by} has the key '{key}'.",
                "Keys: required_slots, ignored_intents; how a slot is filled stands under slots.",
            )
    required, ignored = keys.get("required_slots"), keys.get("ignored_intents")
    slots: list[str] = []
    if required is not None and required.value is not None:
        if isinstance(required.value, dict):
            raise required.wrong(
                f"required_slots of {by} must be a list of slot names.",
                "How a slot is filled stands under slots.",
            )
        slots = [
            mentions.add("form slot", n, by) for n in required.sequence(f"required_slots of {by}")
        ]
    intents: tuple[str, ...] = ()
    if ignored is not None and ignored.value is not None:
        nodes = ignored.names(f"an ignored intent of {by}")
        intents = tuple(mentions.add("intent", n, by) for n in nodes)
    return Form(name, tuple(slots), intents)
