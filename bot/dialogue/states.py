"""What policies see of a conversation: one State before every action, and the one now.

A policy never looks at slot values, only at their features: a text slot is set or not, a
categorical one has one of its values. This keeps a story true for every name a user may give.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from bot.dialogue.domain import Domain, Slot, SlotType
from bot.dialogue.events import UserUttered
from nlu.parse import Entity

LISTEN = "action_listen"
UNLIKELY = "action_unlikely_intent"
UNSET = "should_not_be_set"  # what a rule's null means; Rasa's word for it
OTHER = "__other__"  # stands for a categorical slot's unlisted values
ROLE_MARK = "#"

Feature = tuple[float, ...] | str


class SlotShape(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a tracker must know of a slot: how it begins and what policies see of it."""

    name: str
    type: SlotType = "any"
    initial: Any = None
    influences: bool = True
    values: tuple[Any, ...] = ()
    min_value: float = 0.0
    max_value: float = 1.0

    @classmethod
    def of(cls, slot: Slot) -> SlotShape:
        """The shape of ``slot``."""
        return cls(
            slot.name,
            slot.type,
            slot.initial_value,
            slot.influence_conversation and slot.type != "any",
            slot.values,
            slot.min_value,
            slot.max_value,
        )


class UserState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the user said last; ``entities`` are sorted: ``name``, ``name#role``, ``name#group``."""

    intent: str | None = None
    entities: tuple[str, ...] = ()
    text: str | None = None


class State(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One moment of a conversation: the last words, the last action, the loop, the slots.

    ``hidden`` says that the action taken in this state came from a rule no story tells;
    ``followup`` that an action was already decided on.
    """

    user: UserState | None = None
    action: str | None = None
    loop: str | None = None
    slots: dict[str, Feature] = {}
    hidden: bool = False
    followup: bool = False


def feature(shape: SlotShape, value: Any) -> Feature | None:
    """What policies see of ``value``; None when that is nothing."""
    if not shape.influences:
        return None
    if value == UNSET:
        return UNSET
    numbers = _numbers(shape, value)
    return numbers if any(numbers) else None


def _numbers(shape: SlotShape, value: Any) -> tuple[float, ...]:
    if value is None:
        return (0.0,)
    match shape.type:
        case "text":
            return (1.0,)
        case "list":
            return (1.0 if isinstance(value, list | tuple | str) and len(value) > 0 else 0.0,)
        case "bool":
            truth = _truth(value)
            return (0.0, 0.0) if truth is None else (1.0, float(truth))
        case "categorical":
            return _one_hot(shape, value)
        case "float":
            return _scaled(shape, value)
        case _:
            return (0.0,)


def _truth(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value == 1
    if isinstance(value, str):
        if value.isdecimal():
            return float(value) == 1
        return {"true": True, "false": False}.get(value.strip().lower())
    return None


def _one_hot(shape: SlotShape, value: Any) -> tuple[float, ...]:
    names = [str(known).lower() for known in shape.values]
    if OTHER not in names:
        names.append(OTHER)
    wanted = str(value).lower()
    if wanted not in names:
        wanted = OTHER
    return tuple(float(name == wanted) for name in names)


def _scaled(shape: SlotShape, value: Any) -> tuple[float, ...]:
    try:
        number = max(shape.min_value, min(shape.max_value, float(value)))
    except (TypeError, ValueError):
        return (0.0, 0.0)
    span = abs(shape.max_value - shape.min_value) or 1.0
    return (1.0, (number - shape.min_value) / span)


def user_state(event: UserUttered) -> UserState | None:
    """What ``event`` looks like; None when it is empty."""
    if not event.text and not event.intent and not event.entities:
        return None
    return UserState(event.intent, entity_names(event.entities), event.text or None)


def entity_names(entities: Sequence[Entity]) -> tuple[str, ...]:
    """Sorted labels of ``entities``: the names, and names with their role or group."""
    names = {entity.entity for entity in entities}
    names |= {f"{e.entity}{ROLE_MARK}{e.role}" for e in entities if e.role}
    names |= {f"{e.entity}{ROLE_MARK}{e.group}" for e in entities if e.group}
    return tuple(sorted(names))


def visible(state: State, domain: Domain) -> State:
    """``state`` without the entities that the domain keeps from policies."""
    user = state.user
    if user is None or not user.entities:
        return state
    kept = tuple(name for name in user.entities if _influences(name, user.intent, domain))
    if kept == user.entities:
        return state
    return msgspec.structs.replace(state, user=msgspec.structs.replace(user, entities=kept))


def _influences(label: str, intent: str | None, domain: Domain) -> bool:
    known = domain.intents.get(intent) if intent else None
    if known is None:
        return True
    name, _, part = label.partition(ROLE_MARK)
    entity = domain.entities.get(name)
    if entity is None or not entity.influence_conversation or name in known.ignore_entities:
        return False
    if part and part not in (*entity.roles, *entity.groups):
        return False
    return known.use_entities is None or name in known.use_entities


def by_intent(state: State) -> State:
    """``state`` as it looks when the intent of what was just said counts, not the words."""
    if state.user is None or state.user.text is None or state.action != LISTEN:
        return state
    user = UserState(state.user.intent, state.user.entities)
    return msgspec.structs.replace(state, user=user)


def by_text(state: State) -> State:
    """``state`` as it looks when the words of what was just said count, not the intent."""
    if state.user is None or state.action != LISTEN:
        return state
    return msgspec.structs.replace(state, user=UserState(text=state.user.text))


def as_dict(state: State) -> dict[str, Any]:
    """``state`` with empty parts left out, named as Rasa names them."""
    found: dict[str, Any] = {}
    if state.user is not None:
        user = {
            "intent": state.user.intent,
            "entities": list(state.user.entities),
            "text": state.user.text,
        }
        found["user"] = {name: value for name, value in user.items() if value}
    if state.action is not None:
        found["prev_action"] = {"action_name": state.action}
    if state.loop is not None:
        found["active_loop"] = {"name": state.loop}
    if state.slots:
        found["slots"] = {name: state.slots[name] for name in sorted(state.slots)}
    return found
