"""Reads the slots of a domain and how they are filled."""

from __future__ import annotations

import re
from typing import Any, cast, get_args

from bot.dialogue.domain import Condition, Mapping, MappingType, Slot, SlotType
from bot.project.mentions import Mentions
from bot.project.names import did_you_mean
from bot.project.node import Node
from bot.project.report import Report

TYPES: tuple[str, ...] = get_args(SlotType)
MAPPING_TYPES: tuple[str, ...] = get_args(MappingType)
RASA_CLASS = re.compile(r"rasa\.(?:\w+\.)*(Text|Boolean|Categorical|Float|List|Any)Slot")
SLOT_KEYS = (
    "type",
    "mappings",
    "initial_value",
    "influence_conversation",
    "values",
    "min_value",
    "max_value",
)
MAPPING_KEYS = {
    "from_entity": ("entity", "role", "group", "intent", "not_intent"),
    "from_intent": ("value", "intent", "not_intent"),
    "from_trigger_intent": ("value", "intent", "not_intent"),
    "from_text": ("intent", "not_intent"),
    "custom": ("action",),
}


def read_slot(name: str, node: Node, report: Report, mentions: Mentions) -> Slot:
    """The slot ``name`` of a domain file."""
    what = f"slot '{name}'"
    keys = node.mapping(what)
    type_, is_own = _slot_type(what, node, report)
    for key in keys:
        if key not in SLOT_KEYS and not is_own:  # a type of its own may take arguments of its own
            raise node.wrong_key(
                key, f"{what} has the key '{key}'.", did_you_mean(key, SLOT_KEYS, "Keys")
            )
    influences = _influences(what, keys.get("influence_conversation"), type_, is_own=is_own)
    if "mappings" not in keys:
        raise node.wrong(
            f"{what} has no mappings.",
            "Say how it is filled, such as mappings: [{type: from_entity, entity: city}], "
            "or mappings: [{type: custom}] for a slot that actions set. In a domain of Rasa 2: "
            'write version: "2.0", or run parley migrate.',
        )
    mappings: list[Mapping] = []
    if keys["mappings"].value is not None:
        for item in keys["mappings"].sequence(f"{what}: mappings"):
            with report.going_on():
                mappings.append(_mapping(what, item, report, mentions))
    low, high = (_number(what, key, keys, default) for key, default in _RANGE)
    if low >= high:
        raise node.wrong(f"{what}: min_value {low} is not below max_value {high}.")
    return Slot(
        name=name,
        type=type_,
        mappings=tuple(mappings),
        initial_value=keys["initial_value"].plain() if "initial_value" in keys else None,
        influence_conversation=influences,
        values=_values(what, keys, type_),
        min_value=low,
        max_value=high,
    )


_RANGE = (("min_value", 0.0), ("max_value", 1.0))


def _slot_type(what: str, node: Node, report: Report) -> tuple[SlotType, bool]:
    """The type of a slot, and whether it is a Python class of somebody's own."""
    keys = node.mapping(what)
    if "type" not in keys:
        raise node.wrong(f"{what} has no type.", f"Types: {', '.join(sorted(TYPES))}.")
    type_ = keys["type"].name(f"the type of {what}")
    if found := RASA_CLASS.fullmatch(type_):
        type_ = found[1].lower().replace("boolean", "bool")
    if type_ in TYPES:
        return cast(SlotType, type_), False
    if "." in type_:
        report.warn(
            keys["type"].wrong(
                f"{what} is of the Python class '{type_}', which is not run here: it is read as "
                "any, remembered and filled, and does not influence the conversation.",
                "Types that do: bool, categorical, float, list, text.",
            )
        )
        return "any", True
    meant = did_you_mean(type_, TYPES)
    raise keys["type"].wrong(
        f"{what} has type '{type_}'.",
        f"{meant} Types: {', '.join(sorted(TYPES))}.".strip(),
    )


def _influences(what: str, node: Node | None, type_: SlotType, *, is_own: bool) -> bool:
    given = node.truth(f"{what}: influence_conversation") if node else type_ != "any"
    if type_ != "any":
        return given
    if node is not None and given and not is_own:
        raise node.wrong(
            f"{what} is of type any and cannot influence the conversation.",
            "Set influence_conversation to false, or give it another type.",
        )
    return False


def _number(what: str, key: str, keys: dict[str, Node], default: float) -> float:
    return float(keys[key].number(f"{what}: {key}")) if key in keys else default


def _values(what: str, keys: dict[str, Node], type_: SlotType) -> tuple[Any, ...]:
    if type_ != "categorical" or "values" not in keys or keys["values"].value is None:
        return ()
    return tuple(node.plain() for node in keys["values"].sequence(f"{what}: values"))


def _mapping(what: str, item: Node, report: Report, mentions: Mentions) -> Mapping:
    keys = item.mapping(f"a mapping of {what}")
    if "type" not in keys:
        raise item.wrong(
            f"a mapping of {what} has no type.", f"Types: {', '.join(sorted(MAPPING_TYPES))}."
        )
    type_ = keys["type"].name(f"the type of a mapping of {what}")
    if type_ not in MAPPING_TYPES:
        raise keys["type"].wrong(
            f"a mapping of {what} has type '{type_}'.",
            did_you_mean(type_, MAPPING_TYPES, "Types"),
        )
    allowed = ("type", *MAPPING_KEYS[type_], "conditions")
    for key in keys:
        if key not in allowed:
            report.warn(
                item.wrong_key(
                    key,
                    f"a {type_} mapping of {what} has the key '{key}', which is not read.",
                    did_you_mean(key, allowed, "Keys"),
                )
            )
    if type_ == "from_entity" and "entity" not in keys:
        raise item.wrong(f"a from_entity mapping of {what} names no entity.", "Add entity: name.")
    if "value" in MAPPING_KEYS[type_] and "value" not in keys:
        raise item.wrong(f"a {type_} mapping of {what} has no value.", "Add value: what to set.")
    by = f"a mapping of {what}"
    return Mapping(
        type=cast(MappingType, type_),
        entity=mentions.add("entity", keys["entity"], by) if "entity" in keys else None,
        role=_optional(keys.get("role"), by),
        group=_optional(keys.get("group"), by),
        intent=_intents(keys.get("intent"), by, mentions),
        not_intent=_intents(keys.get("not_intent"), by, mentions),
        value=keys["value"].plain() if "value" in keys else None,
        action=mentions.add("mapping action", keys["action"], by)
        if _given(keys.get("action"))
        else None,
        conditions=_conditions(keys.get("conditions"), by, mentions),
    )


def _given(node: Node | None) -> bool:
    return node is not None and node.value is not None


def _optional(node: Node | None, by: str) -> str | None:
    return node.name(by) if node is not None and node.value is not None else None


def _intents(node: Node | None, by: str, mentions: Mentions) -> tuple[str, ...]:
    if node is None or node.value is None:
        return ()
    return tuple(mentions.add("intent", n, by) for n in node.names(f"an intent of {by}"))


def _conditions(node: Node | None, by: str, mentions: Mentions) -> tuple[Condition, ...]:
    if node is None or node.value is None:
        return ()
    conditions = []
    for item in node.sequence(f"the conditions of {by}"):
        keys = item.mapping(f"a condition of {by}")
        for key in keys:
            if key not in ("active_loop", "requested_slot"):
                raise item.wrong_key(
                    key,
                    f"a condition of {by} has the key '{key}'.",
                    "Keys: active_loop, requested_slot.",
                )
        loop, slot = keys.get("active_loop"), keys.get("requested_slot")
        conditions.append(
            Condition(
                active_loop=mentions.add("loop", loop, by) if loop and _given(loop) else None,
                requested_slot=mentions.add("slot", slot, by) if slot and _given(slot) else None,
            )
        )
    return tuple(conditions)
