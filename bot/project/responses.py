"""Reads responses, of a domain or of a data file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bot.dialogue.domain import SlotCondition, Variation
from bot.project.mentions import Mentions
from bot.project.names import did_you_mean
from bot.project.node import Node
from bot.project.report import Report

KEYS = (
    "text",
    "id",
    "channel",
    "condition",
    "buttons",
    "button_type",
    "quick_replies",
    "elements",
    "image",
    "attachment",
    "custom",
    "metadata",
)
FILLED = ("text", "image", "buttons", "quick_replies", "attachment", "elements", "custom")
OUR_KEYS = frozenset(KEYS) - {"button_type"}
VARIABLE = re.compile(r"(?<!\{)\{([A-Za-z_][\w-]*)\}(?!\})")


def read_responses(
    section: Node, report: Report, mentions: Mentions
) -> Iterator[tuple[str, Node, tuple[Variation, ...]]]:
    """Name, node and variations of every readable response of a ``responses:`` section."""
    if section.value is None:
        return
    for name, node in section.mapping("responses").items():
        with report.going_on():
            by = f"the response '{name}'"
            items = node.sequence(by)
            if not items:
                raise section.wrong_key(name, f"{by} has no variation.", "Add - text: what to say.")
            variations = []
            for item in items:
                with report.going_on():
                    variations.append(_variation(by, item, mentions))
            yield name, node, tuple(variations)


def _variation(by: str, item: Node, mentions: Mentions) -> Variation:
    keys = item.mapping(f"a variation of {by}")
    for key in keys:
        if key not in KEYS:
            raise item.wrong_key(
                key, f"a variation of {by} has the key '{key}'.", did_you_mean(key, KEYS, "Keys")
            )
    if "text" not in keys and "custom" not in keys:
        raise item.wrong(f"a variation of {by} has neither text nor custom.", "Add text.")
    custom = keys.get("custom")
    text = _text(keys, "text", by)
    for key in FILLED:
        if key in keys:
            _mention_variables(keys[key], by, mentions)
    for key in ("buttons", "quick_replies"):
        _mention_payloads(keys.get(key), by, mentions)
    return Variation(
        text=text,
        id=_text(keys, "id", by),
        channel=_text(keys, "channel", by),
        condition=_condition(keys.get("condition"), by, mentions),
        buttons=_mappings(keys, "buttons", by),
        quick_replies=_mappings(keys, "quick_replies", by),
        elements=_mappings(keys, "elements", by),
        image=_text(keys, "image", by),
        attachment=keys["attachment"].plain() if "attachment" in keys else None,
        custom=_mapping(custom, f"custom of {by}") if custom is not None else None,
        metadata=_mapping(keys.get("metadata"), f"metadata of {by}") or {},
        extra={key: node.plain() for key, node in keys.items() if key not in OUR_KEYS},
    )


def _mention_variables(node: Node, by: str, mentions: Mentions) -> None:
    """Note the places for slots in every text below ``node``."""
    if isinstance(node.value, str):
        for variable in VARIABLE.findall(node.value):
            mentions.add("variable", node, by, variable)
    elif isinstance(node.value, dict | list):
        below = node.value.values() if isinstance(node.value, dict) else node.value
        for each in below:
            _mention_variables(each, by, mentions)


def _mention_payloads(node: Node | None, by: str, mentions: Mentions) -> None:
    """Note what the buttons below ``node`` send."""
    for button in node.value if node is not None and isinstance(node.value, list) else ():
        payload = button.value.get("payload") if isinstance(button.value, dict) else None
        if payload is not None and isinstance(payload.value, str):
            mentions.add("payload", payload, f"a button of {by}", payload.value)


def _text(keys: dict[str, Node], key: str, by: str) -> str | None:
    node = keys.get(key)
    return None if node is None or node.value is None else node.text(f"{key} of {by}")


def _mapping(node: Node | None, what: str) -> dict[str, Any] | None:
    if node is None or node.value is None:
        return None
    return {key: value.plain() for key, value in node.mapping(what).items()}


def _mappings(keys: dict[str, Node], key: str, by: str) -> tuple[dict[str, Any], ...]:
    node = keys.get(key)
    if node is None or node.value is None:
        return ()
    return tuple(
        _mapping(item, f"one of the {key} of {by}") or {}
        for item in node.sequence(f"{key} of {by}")
    )


def _condition(node: Node | None, by: str, mentions: Mentions) -> tuple[SlotCondition, ...]:
    if node is None or node.value is None:
        return ()
    conditions = []
    for item in node.sequence(f"the condition of {by}"):
        keys = item.mapping(f"a condition of {by}")
        for key in ("type", "name", "value"):
            if key not in keys:
                raise item.wrong(
                    f"a condition of {by} has no {key}.",
                    "Write {type: slot, name: the slot, value: what it equals}.",
                )
        if (kind := keys["type"].name(f"the type of a condition of {by}")) != "slot":
            raise keys["type"].wrong(f"a condition of {by} has type '{kind}'.", "Types: slot.")
        conditions.append(
            SlotCondition(mentions.add("slot", keys["name"], by), keys["value"].plain())
        )
    return tuple(conditions)
