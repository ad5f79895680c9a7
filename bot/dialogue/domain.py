"""Everything a bot knows by name: intents, entities, slots, responses, forms, actions."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

SlotType = Literal["text", "bool", "categorical", "float", "list", "any"]
MappingType = Literal["from_entity", "from_intent", "from_trigger_intent", "from_text", "custom"]

DEFAULT_INTENTS = ("restart", "back", "out_of_scope", "session_start", "nlu_fallback")
DEFAULT_ACTIONS = (
    "action_listen",
    "action_restart",
    "action_session_start",
    "action_default_fallback",
    "action_deactivate_loop",
    "action_revert_fallback_events",
    "action_default_ask_affirmation",
    "action_default_ask_rephrase",
    "action_two_stage_fallback",
    "action_unlikely_intent",
    "action_back",
    "...",
    "action_extract_slots",
)
REQUESTED_SLOT = "requested_slot"


class IntentSpec(msgspec.Struct, frozen=True):
    """An intent; which entities count as features of it (None: all of them)."""

    name: str
    use_entities: tuple[str, ...] | None = None
    ignore_entities: tuple[str, ...] = ()


class EntitySpec(msgspec.Struct, frozen=True):
    """An entity; without influence it is invisible to policies."""

    name: str
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    influence_conversation: bool = True


class Condition(msgspec.Struct, frozen=True):
    """When a mapping counts. ``active_loop`` None means outside every loop."""

    active_loop: str | None = None
    requested_slot: str | None = None


class Mapping(msgspec.Struct, frozen=True):
    """One way a slot gets its value; Rasa's slot mapping, field for field."""

    type: MappingType
    entity: str | None = None
    role: str | None = None
    group: str | None = None
    intent: tuple[str, ...] = ()
    not_intent: tuple[str, ...] = ()
    value: Any = None
    action: str | None = None
    conditions: tuple[Condition, ...] = ()


class Slot(msgspec.Struct, frozen=True):
    """A remembered value: its type, how it is filled, whether policies see it."""

    name: str
    type: SlotType = "any"
    mappings: tuple[Mapping, ...] = ()
    initial_value: Any = None
    influence_conversation: bool = True
    values: tuple[Any, ...] = ()
    min_value: float = 0.0
    max_value: float = 1.0


class SlotCondition(msgspec.Struct, frozen=True):
    """A response variation's condition: slot ``name`` equals ``value``."""

    name: str
    value: Any


class Variation(msgspec.Struct, frozen=True):
    """One wording of a response. ``extra`` keeps keys that channels may want (``button_type``…)."""

    text: str | None = None
    id: str | None = None
    channel: str | None = None
    condition: tuple[SlotCondition, ...] = ()
    buttons: tuple[dict[str, Any], ...] = ()
    quick_replies: tuple[dict[str, Any], ...] = ()
    elements: tuple[dict[str, Any], ...] = ()
    image: str | None = None
    attachment: Any = None
    custom: dict[str, Any] | None = None
    metadata: dict[str, Any] = {}
    extra: dict[str, Any] = {}


class Form(msgspec.Struct, frozen=True):
    """A loop that asks for ``required_slots`` in order."""

    name: str
    required_slots: tuple[str, ...] = ()
    ignored_intents: tuple[str, ...] = ()


class SessionConfig(msgspec.Struct, frozen=True):
    """``expiration_minutes`` 0 switches sessions off."""

    expiration_minutes: float = 60.0
    carry_over_slots: bool = True


class Domain(msgspec.Struct, frozen=True):
    """The domain as read and merged; ``raw`` is the plain dict an action server is sent.

    ``slots`` keep the order of the files and include the automatic ones (``requested_slot``
    when there are forms, ``session_started_metadata``). ``actions`` are the names listed
    under ``actions``, in order; ``send_domain`` those of them that want the domain.
    ``stores_entities``: what entities fill when a story is told (``store_entities_as_slots``).
    """

    intents: dict[str, IntentSpec] = {}
    entities: dict[str, EntitySpec] = {}
    slots: dict[str, Slot] = {}
    responses: dict[str, tuple[Variation, ...]] = {}
    forms: dict[str, Form] = {}
    actions: tuple[str, ...] = ()
    send_domain: frozenset[str] = frozenset()
    e2e_actions: tuple[str, ...] = ()
    session: SessionConfig = SessionConfig()
    stores_entities: bool = True
    raw: dict[str, Any] = {}
