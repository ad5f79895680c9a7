"""Intents without examples, and intents that nothing answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bot.dialogue.domain import DEFAULT_INTENTS
from bot.dialogue.stories import OrStep, Story, UserStep
from bot.errors import ProjectError
from bot.project.lint.subject import Found, Subject

FEWEST_EXAMPLES = 2


def check(subject: Subject) -> Iterator[Found]:
    """Intents that cannot be learnt, and intents that are learnt for nothing."""
    yield from _examples(subject)
    yield from _unused(subject)


def _examples(subject: Subject) -> Iterator[Found]:
    counts = Counter(base_of(example.intent) for example in subject.project.nlu.examples)
    if not counts:
        error = ProjectError(
            "there are no NLU examples, so free text will not be understood.",
            file="data",
            suggestion="Add a file with nlu: to the folder data.",
        )
        yield Found("warning", "no-examples", error)
        return
    from_faq = {base_of(entry.name) for entry in subject.project.faq}
    for name in subject.reading.domain.intents:
        if is_sent(name, subject) or name in from_faq:
            continue
        if not counts[name]:
            message, hint = f"the intent '{name}' has no examples.", "Add some under nlu."
            error = subject.at("intents", name, message, hint)
            yield Found("warning", "intent-without-examples", error)
        elif counts[name] < FEWEST_EXAMPLES:
            message = f"the intent '{name}' has only one example."
            hint = "Ten or more teach a model something."
            yield Found("warning", "few-examples", subject.at("intents", name, message, hint))


def _unused(subject: Subject) -> Iterator[Found]:
    answered = told_intents(subject) | mapped_intents(subject) | _filling(subject)
    for name in subject.reading.domain.intents:
        if name in DEFAULT_INTENTS or name in answered or subject.code.may_name(name):
            continue
        message = f"the intent '{name}' is used by no story, rule, form or slot."
        hint = "Answer it with a rule, or remove it."
        yield Found("warning", "intent-unused", subject.at("intents", name, message, hint))


def _filling(subject: Subject) -> set[str]:
    """The intents whose examples mark entities that fill slots: what users answer a form."""
    slots = subject.domain.slots.values()
    mapped = {mapping.entity for slot in slots for mapping in slot.mappings}
    examples = subject.project.nlu.examples
    return {base_of(e.intent) for e in examples if any(x.entity in mapped for x in e.entities)}


def base_of(intent: str) -> str:
    """``faq`` for ``faq/opening_hours``."""
    return intent.split("/", 1)[0]


def is_sent(name: str, subject: Subject) -> bool:
    """Whether an intent needs no examples: it comes from Parley, another program or a button."""
    return (
        name in DEFAULT_INTENTS
        or name.startswith("EXTERNAL")
        or name in subject.payload_intents
        or f"/{name}" in subject.code.text
    )


def told_intents(subject: Subject) -> set[str]:
    """The intents that stories and rules tell of, and what stands before a slash in them."""
    told = {intent for story in subject.project.stories for intent in said_intents(story)}
    return told | {base_of(intent) for intent in told}


def said_intents(story: Story) -> set[str]:
    """The intents of the user's turns in a story or rule."""
    said: set[str] = set()
    for step in story.steps:
        for choice in step.choices if isinstance(step, OrStep) else (step,):
            if isinstance(choice, UserStep) and choice.intent:
                said.add(choice.intent)
    return said


def mapped_intents(subject: Subject) -> set[str]:
    """The intents that fill slots, or that a form leaves alone."""
    forms = subject.domain.forms.values()
    slots = subject.domain.slots.values()
    mappings = [mapping for slot in slots for mapping in slot.mappings]
    ignored = {intent for form in forms for intent in form.ignored_intents}
    return ignored | {i for m in mappings for i in (*m.intent, *m.not_intent)}
