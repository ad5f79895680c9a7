"""Entities that nothing finds, and entities that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from bot.project.lint.subject import Found, Subject, kind_of

# They find entities of names of their own, whatever the examples mark.
FINDERS = (
    "DucklingEntityExtractor",
    "GrammarEntityExtractor",
    "SpacyEntityExtractor",
    "MitieEntityExtractor",
)


def check(subject: Subject) -> Iterator[Found]:
    """Entities defined for nothing, and entities that a slot waits for in vain."""
    found = _found(subject)
    wanted = _wanted(subject)
    finders = subject.project.config.component(*FINDERS) is not None or subject.own_components
    for name in subject.reading.domain.entities:
        if name in found or finders or subject.code.may_name(name):
            continue
        if name in wanted:
            message = f"nothing finds the entity '{name}', which {wanted[name]} waits for."
            hint = "Mark it in an example, or give it a lookup or a regex."
            yield Found("warning", "entity-not-found", subject.at("entities", name, message, hint))
        else:
            message = f"the entity '{name}' is used by no example, slot, story or rule."
            error = subject.at("entities", name, message, "Use it or remove it.")
            yield Found("warning", "entity-unused", error)


def _found(subject: Subject) -> set[str]:
    nlu = subject.project.nlu
    marked = {entity.entity for example in nlu.examples for entity in example.entities}
    named = {regex.name for regex in nlu.regexes} | {lookup.name for lookup in nlu.lookups}
    return marked | named | subject.payload_entities


def _wanted(subject: Subject) -> dict[str, str]:
    """Who waits for each entity."""
    wanted = {
        mapping.entity: f"the slot '{slot.name}'"
        for slot in subject.domain.slots.values()
        for mapping in slot.mappings
        if mapping.entity
    }
    told = subject.told_entities.items()
    return {name: f"{kind_of(story)} '{story.name}'" for name, story in told} | wanted
