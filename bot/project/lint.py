"""A closer look at a project that can be read: what will hardly be what its author meant.

A project that has errors too is looked at as far as it was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bot.dialogue.domain import DEFAULT_INTENTS
from bot.dialogue.stories import ActionStep, CheckpointStep, OrStep, Story, UserStep
from bot.errors import ProjectError
from bot.project.code import Code, read_code
from bot.project.content import Reading
from bot.project.mentions import Kind
from bot.project.names import did_you_mean
from bot.project.project import Example, Project
from bot.project.references import retrieval_intents
from bot.project.report import shortened

FEWEST_EXAMPLES = 2
DEFAULT_RESPONSES = frozenset(
    ("utter_restart", "utter_default", "utter_back", "utter_ask_rephrase")
)


def lint(project: Project, reading: Reading) -> Iterator[ProjectError]:
    """Everything worth a warning beyond what reading the files said."""
    code = read_code(Path(project.path))
    yield from _intents(project, reading)
    yield from _examples(project)
    yield from _forms(project, reading)
    yield from _responses(project, reading, code)
    yield from _variables(project, reading, code)
    yield from _slots(project, reading)
    yield from _checkpoints(project)
    yield from _contradictions(project)


def _place(reading: Reading, section: str, name: str, message: str, hint: str) -> ProjectError:
    """An error where ``name`` is defined."""
    return reading.domain.places[section, name].wrong(message, hint)


def _mentioned(reading: Reading, *kinds: Kind) -> set[str]:
    return {mention.name for mention in reading.mentions.all if mention.kind in kinds}


def _intents(project: Project, reading: Reading) -> Iterator[ProjectError]:
    examples = Counter(example.intent.split("/", 1)[0] for example in project.nlu.examples)
    if not examples:
        yield ProjectError(
            "there are no NLU examples, so free text will not be understood.",
            file="data",
            suggestion="Add a file with nlu: to the folder data.",
        )
        return
    for name in reading.domain.intents:
        if name in DEFAULT_INTENTS or name.startswith("EXTERNAL"):
            continue  # the latter are sent by other programs, nobody writes them
        if not examples[name]:
            message, hint = f"the intent '{name}' has no examples.", "Add some under nlu."
            yield _place(reading, "intents", name, message, hint)
        elif examples[name] < FEWEST_EXAMPLES:
            message = f"the intent '{name}' has only one example."
            yield _place(reading, "intents", name, message, "Ten or more teach a model something.")


def _examples(project: Project) -> Iterator[ProjectError]:
    first: dict[str, Example] = {}
    for example in project.nlu.examples:
        other = first.setdefault(" ".join(example.text.casefold().split()), example)
        where = f"{other.file}:{other.line}"
        if other.intent != example.intent:
            message = (
                f"'{shortened(example.text)}' is an example of '{example.intent}' here and of "
                f"'{other.intent}' in {where}."
            )
        elif _annotations(other) != _annotations(example):
            message = f"'{shortened(example.text)}' has other entities here than in {where}."
        else:
            continue
        yield ProjectError(
            message, file=example.file, line=example.line, suggestion="A sentence needs one label."
        )


def _annotations(example: Example) -> set[tuple[str, str, str | None, str | None]]:
    return {
        (e.entity, example.text[e.start : e.end].casefold(), e.role, e.group)
        for e in example.entities
    }


def _forms(project: Project, reading: Reading) -> Iterator[ProjectError]:
    domain = project.domain
    known = {*domain.actions, *domain.responses}
    for form in domain.forms.values():
        if known & {form.name, f"validate_{form.name}"}:
            continue  # an action of its own may ask
        for slot in form.required_slots:
            if not known & set(asking(form.name, slot)):
                yield _place(
                    reading,
                    "forms",
                    form.name,
                    f"the form '{form.name}' has no way to ask for '{slot}'.",
                    f"Add the response utter_ask_{slot}.",
                )


def asking(form: str, slot: str) -> tuple[str, ...]:
    """The names that ask for a slot, the first known one is taken."""
    return (
        f"action_ask_{form}_{slot}",
        f"utter_ask_{form}_{slot}",
        f"action_ask_{slot}",
        f"utter_ask_{slot}",
    )


def _responses(project: Project, reading: Reading, code: Code) -> Iterator[ProjectError]:
    domain = project.domain
    used = _mentioned(reading, "action") | DEFAULT_RESPONSES
    for form in domain.forms.values():
        for slot in form.required_slots:
            used |= set(asking(form.name, slot))
    answered = retrieval_intents(project.nlu)
    for name in reading.domain.responses:
        base = name.removeprefix("utter_").split("/", 1)[0]
        if name in used or code.may_say(name) or ("/" in name and base in answered):
            continue
        message = f"the response '{name}' is used by no story, rule, form or action."
        yield _place(reading, "responses", name, message, "Use it or remove it.")
    for name in domain.actions:
        if (
            name.startswith("utter_")
            and name not in domain.responses
            and (name.removeprefix("utter_") not in answered)
        ):
            message = f"the action '{name}' has no response of this name."
            yield _place(reading, "actions", name, message, "Add it under responses.")


def _variables(project: Project, reading: Reading, code: Code) -> Iterator[ProjectError]:
    known = {*project.domain.slots, *reading.domain.named("slots")}
    for mention in reading.mentions.all:
        if mention.kind == "variable" and mention.name not in known | code.words:
            yield mention.node.wrong(
                f"{mention.by} has a place for '{mention.name}', which is no slot.",
                did_you_mean(mention.name, known)
                or "Define it under slots, unless an action gives it.",
            )


def _slots(project: Project, reading: Reading) -> Iterator[ProjectError]:
    for slot in project.domain.slots.values():
        if slot.type == "categorical" and not slot.values and slot.name in reading.domain.slots:
            message = f"the categorical slot '{slot.name}' has no values."
            yield _place(reading, "slots", slot.name, message, "List them under values.")


def _checkpoints(project: Project) -> Iterator[ProjectError]:
    starts: dict[str, Story] = {}
    ends: dict[str, Story] = {}
    for story in project.stories:
        for number, step in enumerate(story.steps):
            if isinstance(step, CheckpointStep):
                if number > 0:
                    ends.setdefault(step.name, story)
                if number < len(story.steps) - 1:
                    starts.setdefault(step.name, story)
    for name in starts.keys() ^ ends.keys():
        story, what = (starts[name], "ends") if name in starts else (ends[name], "begins")
        yield ProjectError(
            f"no story {what} with the checkpoint '{name}' of '{story.name}'.",
            file=story.file,
            line=story.line,
            suggestion="Both sides must have the same name.",
        )


def _contradictions(project: Project) -> Iterator[ProjectError]:
    """Stories, or rules, that agree up to a point where the bot does different things."""
    followed: dict[str, tuple[ActionStep, Story]] = {}
    for story in project.stories:
        if any(isinstance(step, OrStep | CheckpointStep) for step in story.steps):
            continue
        for number, step in enumerate(story.steps):
            heard = any(isinstance(before, UserStep) for before in story.steps[:number])
            if not isinstance(step, ActionStep) or not heard:
                continue
            before = repr(
                (story.is_rule, story.condition, story.conversation_start, story.steps[:number])
            )
            other, first = followed.setdefault(before, (step, story))
            if other != step:
                yield ProjectError(
                    f"'{story.name}' goes on with '{step.name or step.bot_text}' where "
                    f"'{first.name}' ({first.file}:{first.line}) goes on with "
                    f"'{other.name or other.bot_text}'.",
                    file=story.file,
                    line=story.line,
                    suggestion="Tell them apart by a slot, an entity or an earlier step.",
                )
                break
