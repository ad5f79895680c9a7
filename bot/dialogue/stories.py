"""Stories and rules as data: example paths through a conversation."""

from __future__ import annotations

from typing import Any

import msgspec


class StoryEntity(msgspec.Struct, frozen=True):
    """An entity of a user step; ``value`` None when the story names only the entity."""

    entity: str
    value: Any = None
    role: str | None = None
    group: str | None = None


class UserStep(msgspec.Struct, frozen=True, tag=True):
    """The user says something: an intent with entities, or literal ``text`` (end-to-end)."""

    intent: str | None = None
    entities: tuple[StoryEntity, ...] = ()
    text: str | None = None


class ActionStep(msgspec.Struct, frozen=True, tag=True):
    """The bot does ``name``, or says ``bot_text`` (end-to-end)."""

    name: str | None = None
    bot_text: str | None = None


class SlotStep(msgspec.Struct, frozen=True, tag=True):
    """A slot was set. ``has_value`` False: only the name is given, any value will do."""

    name: str
    value: Any = None
    has_value: bool = True


class LoopStep(msgspec.Struct, frozen=True, tag=True):
    """A loop became active; ``name`` None: it ended."""

    name: str | None = None


class CheckpointStep(msgspec.Struct, frozen=True, tag=True):
    """Joins stories: at the end of one, at the start of another (there with slot conditions)."""

    name: str
    slots: tuple[SlotStep, ...] = ()


class OrStep(msgspec.Struct, frozen=True, tag=True):
    """One of several steps of the same kind."""

    choices: tuple[UserStep | tuple[SlotStep, ...], ...]


Step = UserStep | ActionStep | SlotStep | LoopStep | CheckpointStep | OrStep


class Story(msgspec.Struct, frozen=True):
    """A story or a rule, where it was written, and its steps in order.

    The last three fields are a rule's; ``condition`` holds its slot and loop conditions.
    """

    name: str
    steps: tuple[Step, ...]
    file: str = ""
    line: int = 0
    is_rule: bool = False
    condition: tuple[SlotStep | LoopStep, ...] = ()
    conversation_start: bool = False
    wait_for_user_input: bool = True
