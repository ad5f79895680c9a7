"""Whether a message was understood as a test says it should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.project.project import ExampleEntity
from bot.project.story_yaml import annotated
from bot.testing.told import Said
from nlu.parse import Entity, Parse
from nlu.sentiment import spoken

NOTHING = "None"  # as Rasa writes that no intent or entity was found


def compared(said: Said, found: Parse) -> str:
    """What ``found`` says where it is not what ``said`` tells; empty where it is.

    Written as Rasa comments on a step: ``predicted: greet: I am [Ada](name)``.
    """
    entities = spoken(found.entities)
    same = said.is_payload or described(said.entities) == described(entities)
    if same and understood_intent(said.intent, found):
        return ""
    return f"predicted: {full_intent(found)}: {annotated(said.text, entities)}"


def understood_intent(wanted: str | None, found: Parse) -> bool:
    """Whether the intent is the one told, or no intent was told."""
    return wanted is None or wanted in (found.intent.name, full_intent(found))


def full_intent(found: Parse) -> str | None:
    """The intent with the answer that was picked: ``faq/opening_hours``."""
    selector = found.response_selector
    picked = selector.get(found.intent.name or "") or selector.get("default") or {}
    key = (picked.get("response") or {}).get("intent_response_key")
    if key and str(key).partition("/")[0] == found.intent.name:
        return str(key)
    return found.intent.name


def meanings(said: Said, found: Parse) -> Iterator[tuple[str, str]]:
    """The intent and each entity as told, beside what was found; ``None`` stands for nothing."""
    name = full_intent(found)
    if said.intent is not None:
        yield said.intent, said.intent if understood_intent(said.intent, found) else str(name)
    if said.is_payload:
        return
    wanted = {_description(each): annotated_alone(said.text, each) for each in said.entities}
    got = {_description(each): annotated_alone(said.text, each) for each in spoken(found.entities)}
    for description in sorted(wanted | got):
        shown = wanted.get(description) or got[description]
        yield (
            shown if description in wanted else NOTHING,
            shown if description in got else NOTHING,
        )


def annotated_alone(text: str, entity: Entity | ExampleEntity) -> str:
    """``entity`` as it is marked up, without the text around it."""
    surface = text[entity.start : entity.end]
    moved = Entity(entity.entity, entity.value, 0, len(surface), entity.role, entity.group)
    return annotated(surface, [moved])


def described(entities: Iterable[Entity | ExampleEntity]) -> list[tuple[str, str, str, str]]:
    """What entities say, wherever they stand: name, role, group and value, sorted."""
    return sorted(_description(entity) for entity in entities)


def _description(entity: Entity | ExampleEntity) -> tuple[str, str, str, str]:
    return entity.entity, entity.role or "", entity.group or "", str(entity.value)
