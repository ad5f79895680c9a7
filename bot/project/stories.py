"""Reads the ``stories:`` and ``rules:`` sections of data files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bot.dialogue.stories import (
    ActionStep,
    CheckpointStep,
    LoopStep,
    OrStep,
    SlotStep,
    Step,
    Story,
    StoryEntity,
    UserStep,
)
from bot.project.markup import MarkupError, read_markup
from bot.project.mentions import Mentions
from bot.project.names import did_you_mean
from bot.project.node import Node
from bot.project.project import ExampleEntity
from bot.project.report import Report

STEP_KINDS = ("intent", "user", "action", "bot", "or", "active_loop", "checkpoint", "slot_was_set")
STEP_KEYS = {
    "intent": ("intent", "user", "entities"),
    "user": ("user", "entities"),
    "action": ("action",),
    "bot": ("bot",),
    "or": ("or",),
    "active_loop": ("active_loop",),
    "checkpoint": ("checkpoint", "slot_was_set"),
    "slot_was_set": ("slot_was_set",),
}
EVENTS = ("restart", "rewind", "undo", "reset_slots", "pause", "resume")
"""Events that Rasa reads where an action of the same name is told."""
STORY_KEYS = ("story", "steps", "metadata")
RULE_KEYS = (
    "rule",
    "steps",
    "condition",
    "conversation_start",
    "wait_for_user_input",
    "metadata",
)


@dataclass(frozen=True, slots=True)
class ToldExample:
    """What a story says a user wrote, and which intent that is: an example like any other."""

    intent: str
    text: str
    entities: tuple[ExampleEntity, ...]
    node: Node


@dataclass(slots=True)
class StoryReader:
    """Gathers stories and rules from one section after another."""

    report: Report
    mentions: Mentions
    stories: list[Story] = field(default_factory=list)
    examples: list[ToldExample] = field(default_factory=list)

    def read(self, section: Node, *, is_rule: bool) -> None:
        """Gather from a file's ``stories:`` or ``rules:``."""
        if section.value is None:
            return
        for item in section.sequence("rules" if is_rule else "stories"):
            with self.report.going_on():
                self._story(item, is_rule)

    def _story(self, item: Node, is_rule: bool) -> None:
        kind = "rule" if is_rule else "story"
        keys = item.mapping(f"a {kind}")
        allowed = RULE_KEYS if is_rule else STORY_KEYS
        for key in keys:
            if key not in allowed:
                raise item.wrong_key(
                    key, f"a {kind} has the key '{key}'.", did_you_mean(key, allowed, "Keys")
                )
        if kind not in keys:
            raise item.wrong(f"a {kind} has no name.", f"Begin it with - {kind}: its name.")
        name = keys[kind].name(f"the name of a {kind}")
        by = f"the {kind} '{name}'"
        if "steps" not in keys or not keys["steps"].value:
            self.report.warn(item.wrong(f"{by} has no steps."))
            return
        steps: list[Step] = []
        for node in keys["steps"].sequence(f"the steps of {by}"):
            with self.report.going_on():
                steps += self._step(node, by)
        self.stories.append(
            Story(
                name=name,
                steps=tuple(steps),
                file=item.file,
                line=item.line,
                is_rule=is_rule,
                condition=self._condition(keys.get("condition"), by),
                conversation_start=_truth(keys, "conversation_start", False, by),
                wait_for_user_input=_truth(keys, "wait_for_user_input", True, by),
            )
        )

    def _condition(self, node: Node | None, by: str) -> tuple[SlotStep | LoopStep, ...]:
        if node is None or node.value is None:
            return ()
        conditions: list[SlotStep | LoopStep] = []
        for item in node.sequence(f"the condition of {by}"):
            keys = item.mapping(f"a condition of {by}")
            for key, value in keys.items():
                if key == "active_loop":
                    conditions.append(self._loop(value, by))
                elif key == "slot_was_set":
                    conditions += self._slots(value, by)
                else:
                    raise item.wrong_key(
                        key,
                        f"a condition of {by} has the key '{key}'.",
                        "Keys: active_loop, slot_was_set.",
                    )
        return tuple(conditions)

    def _step(self, node: Node, by: str) -> list[Step]:
        keys = node.mapping(f"a step of {by}")
        kind = next((kind for kind in STEP_KINDS if kind in keys), None)
        if kind is None:
            if set(keys) == {"metadata"}:
                return []
            written = next(iter(keys), "")
            raise node.wrong_key(
                written,
                f"a step of {by} is of no known kind ('{written}').",
                did_you_mean(written, STEP_KINDS, "Kinds"),
            )
        for key in keys:
            if key not in (*STEP_KEYS[kind], "metadata"):
                raise node.wrong_key(
                    key,
                    f"a step of {by} has the key '{key}' beside '{kind}'.",
                    "Make it a step of its own, with its own dash.",
                )
        readers: dict[str, Callable[[], list[Step]]] = {
            "intent": lambda: [self._user(keys, by)],
            "user": lambda: [self._user(keys, by)],
            "action": lambda: [*self._action(keys["action"], by)],
            "bot": lambda: [ActionStep(bot_text=keys["bot"].name(f"what the bot says in {by}"))],
            "or": lambda: [self._or(keys["or"], by)],
            "active_loop": lambda: [self._loop(keys["active_loop"], by)],
            "checkpoint": lambda: [self._checkpoint(keys, by)],
            "slot_was_set": lambda: [*self._slots(keys["slot_was_set"], by)],
        }
        return readers[kind]()

    def _action(self, node: Node, by: str) -> Iterator[ActionStep]:
        name = node.name(f"an action of {by}")
        if name in EVENTS:
            self.report.warn(
                node.wrong(
                    f"{by} tells the event '{name}' as an action; the step is passed over.",
                    "Leave it out: the action that causes the event is enough.",
                )
            )
        else:
            yield ActionStep(self.mentions.add("action", node, by))

    def _user(self, keys: dict[str, Node], by: str) -> UserStep:
        entities = self._entities(keys.get("entities"), by)
        if "intent" not in keys:
            text, annotated = self._text(keys["user"], by)
            return UserStep(entities=entities or annotated, text=text)
        node = keys["intent"]
        if node.value is None:
            self.report.warn(node.wrong(f"{by} has an intent step without an intent."))
            return UserStep(entities=entities)
        name = node.name(f"an intent of {by}")
        if name.startswith("/"):
            self.report.warn(
                node.wrong(f"{by} writes the intent '{name}' with a slash.", f"Write {name[1:]}.")
            )
            name = name.lstrip("/")
        if "user" in keys and keys["user"].value is not None:
            said, marked = self._marked(keys["user"], by)
            self.examples.append(ToldExample(name, said, marked, keys["user"]))
        return UserStep(self.mentions.add("intent", node, by, name), entities)

    def _text(self, node: Node, by: str) -> tuple[str, tuple[StoryEntity, ...]]:
        text, entities = self._marked(node, by)
        return text, tuple(StoryEntity(e.entity, e.value, e.role, e.group) for e in entities)

    def _marked(self, node: Node, by: str) -> tuple[str, tuple[ExampleEntity, ...]]:
        try:
            return read_markup(node.name(f"what the user says in {by}"))
        except MarkupError as error:
            raise node.wrong(error.message, error.suggestion) from None

    def _entities(self, node: Node | None, by: str) -> tuple[StoryEntity, ...]:
        if node is None or node.value is None:
            return ()
        return tuple(
            self._entity(item, by) for item in node.sequence(f"the entities of a step of {by}")
        )

    def _entity(self, item: Node, by: str) -> StoryEntity:
        if not isinstance(item.value, dict):
            return StoryEntity(self.mentions.add("entity", item, by))
        named = [key for key in item.value if key not in ("role", "group")]
        if len(named) != 1:
            raise item.wrong(
                f"an entity of {by} must be one name with its value, "
                f"beside role and group, not {', '.join(item.value) or 'nothing'}.",
                "Write - city: Berlin.",
            )
        value = item.value[named[0]]
        self.mentions.add("entity", item, by, named[0])
        role, group = item.value.get("role"), item.value.get("group")
        return StoryEntity(
            named[0],
            value.plain(),
            role.name("a role") if role is not None and role.value is not None else None,
            group.name("a group") if group is not None and group.value is not None else None,
        )

    def _slots(self, node: Node, by: str) -> list[SlotStep]:
        items = node.value if isinstance(node.value, list) else [node]
        slots = []
        for item in items:
            if isinstance(item.value, dict):
                for name, value in item.value.items():
                    self.mentions.add("slot", item, by, name)
                    slots.append(SlotStep(name, value.plain()))
            else:
                slots.append(SlotStep(self.mentions.add("slot", item, by), has_value=False))
        return slots

    def _loop(self, node: Node, by: str) -> LoopStep:
        return LoopStep(None if node.value is None else self.mentions.add("loop", node, by))

    def _checkpoint(self, keys: dict[str, Node], by: str) -> CheckpointStep:
        name = keys["checkpoint"].name(f"a checkpoint of {by}")
        slots = keys.get("slot_was_set")
        return CheckpointStep(name, tuple(self._slots(slots, by)) if slots else ())

    def _or(self, node: Node, by: str) -> OrStep:
        choices: list[UserStep | tuple[SlotStep, ...]] = []
        for item in node.sequence(f"an or of {by}"):
            keys = item.mapping(f"a choice of an or of {by}")
            if "intent" in keys or "user" in keys:
                choices.append(self._user(keys, by))
            elif "slot_was_set" in keys:
                choices.append(tuple(self._slots(keys["slot_was_set"], by)))
            else:
                raise item.wrong(
                    f"a choice of an or of {by} is neither an intent nor slot_was_set."
                )
        if not choices:
            raise node.wrong(f"an or of {by} has no choice.")
        return OrStep(tuple(choices))


def _truth(keys: dict[str, Node], key: str, default: bool, by: str) -> bool:
    node = keys.get(key)
    return default if node is None or node.value is None else node.truth(f"{key} of {by}")
