"""What rules and stories say of slots and entities that policies do not see."""

from __future__ import annotations

from collections.abc import Iterator

from bot.dialogue.domain import REQUESTED_SLOT, Domain, Slot
from bot.dialogue.rules import RulePolicy
from bot.dialogue.states import SlotShape, State, UserState, visible
from bot.dialogue.stories import LoopStep, OrStep, SlotStep, Story, UserStep
from bot.project.lint.subject import Found, Subject, at_story, kind_of

NAMEABLE = ("text", "list", "any")  # whose name alone, without a value, says that they are set


def check(subject: Subject) -> Iterator[Found]:
    """Conditions that count for nothing, or for something else than they seem to."""
    if subject.policy(RulePolicy.name) is not None:
        for rule in subject.rules:
            yield from _conditions(rule, subject)
            yield from _entities(rule, subject)
    for story in subject.project.stories:
        yield from _without_value(story, subject)


def _conditions(rule: Story, subject: Subject) -> Iterator[Found]:
    overwritten: set[str] = set()
    told: dict[str, object] = {}
    for step in rule.condition:
        name = step.name if isinstance(step, SlotStep) else "active_loop"
        value = step.value if isinstance(step, SlotStep) else step.name
        if name in told and told[name] != value and name not in overwritten:
            overwritten.add(name)
            what = name if isinstance(step, LoopStep) else f"the slot '{name}'"
            message = f"the rule '{rule.name}' has two conditions on {what}; the last one counts."
            yield Found("warning", "condition-without-effect", at_story(rule, message))
        told[name] = value
        slot = subject.domain.slots.get(name) if isinstance(step, SlotStep) else None
        if slot is not None and not SlotShape.of(slot).influences:
            message = (
                f"the rule '{rule.name}' has a condition on the slot '{name}', which policies do "
                f"not see; it counts for nothing."
            )
            error = at_story(rule, message, _visibly(slot))
            yield Found("warning", "condition-without-effect", error)


def _visibly(slot: Slot) -> str:
    if slot.name == REQUESTED_SLOT:
        return "Define requested_slot under slots, categorical, with the slots of the form."
    if slot.type == "any":
        return "Give the slot a type other than any."
    return "Remove influence_conversation: false from the slot."


def _entities(rule: Story, subject: Subject) -> Iterator[Found]:
    for step in rule.steps:
        for said in step.choices if isinstance(step, OrStep) else (step,):
            if not isinstance(said, UserStep) or said.intent not in subject.domain.intents:
                continue
            for entity in said.entities:
                known = entity.entity in subject.domain.entities
                if known and not _is_seen(entity.entity, said.intent, subject.domain):
                    message = (
                        f"the rule '{rule.name}' tells of the entity '{entity.entity}', which "
                        f"policies do not see in '{said.intent}'; it counts for nothing."
                    )
                    hint = "See use_entities, ignore_entities and influence_conversation."
                    error = at_story(rule, message, hint)
                    yield Found("warning", "condition-without-effect", error)


def _is_seen(entity: str, intent: str, domain: Domain) -> bool:
    state = visible(State(user=UserState(intent, (entity,))), domain)
    return state.user is not None and bool(state.user.entities)


def _without_value(story: Story, subject: Subject) -> Iterator[Found]:
    steps = [step for step in (*story.condition, *story.steps) if isinstance(step, SlotStep)]
    for name in dict.fromkeys(step.name for step in steps if not step.has_value):
        slot = subject.domain.slots.get(name)
        if slot is None or slot.type in NAMEABLE or not slot.influence_conversation:
            continue
        message = (
            f"{kind_of(story)} '{story.name}' names the {slot.type} slot '{name}' without a value, "
            f"which means that it is not set."
        )
        hint = f"Write - {name}: its value, or - {name}: null."
        yield Found("warning", "slot-without-value", at_story(story, message, hint))
