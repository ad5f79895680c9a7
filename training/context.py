"""What may go before each example, read off a project's stories, rules, forms and metadata."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from bot.dialogue import domain as domains
from bot.dialogue.domain import Domain, Form, Slot
from bot.dialogue.forms import question
from bot.dialogue.stories import (
    ActionStep,
    CheckpointStep,
    LoopStep,
    OrStep,
    SlotStep,
    Story,
    UserStep,
)
from bot.errors import ProjectError
from bot.project.hashes import CONTEXT
from bot.project.project import Example, Project
from nlu.parse import NO_CONTEXT, Context

VARIABLE = re.compile(r"\{([^{}]+)\}")  # in a response, filled when it is said
MOST = 24  # contexts of an example; more would say nothing new
ANYWHERE = 4  # of an example that no story and no form knows
ONE_IN = 4  # of the contexts is any other of the project: people answer what was not asked, too


def with_contexts(project: Project, seed: int) -> list[Example]:
    """The examples of ``project``, each with what may go before it.

    What an example's metadata says of it counts alone. Else it may follow what the bot says before
    its intent in a story or rule, and any question of a form that it may answer; and, so that a
    question does not decide what an answer means, some others drawn by ``seed``. The user's turn
    before is an example of the intent that stands there in the story.

    Raises:
        ProjectError: An example's metadata describe no context.
    """
    rng = random.Random(seed)
    meant = {example.text: _base(example) for example in project.nlu.examples}
    told = _of_stories(project.stories, project.domain, meant)
    asked = list(_questions(project.domain))
    every = sorted({c for cs in told.values() for c in cs} | {c for _, _, c in asked}, key=repr)
    texts: dict[str, list[str]] = {}
    for example in project.nlu.examples:
        texts.setdefault(_base(example), []).append(example.text)
    known: dict[tuple[Any, ...], list[Context]] = {}  # of examples that are alike
    found = []
    for example in project.nlu.examples:
        if CONTEXT in example.metadata:
            contexts = _stated(example)
        else:
            kind = _base(example), tuple((e.entity, e.role, e.group) for e in example.entities)
            if kind not in known:
                answers = [c for slot, form, c in asked if _answers(example, slot, form)]
                known[kind] = list(dict.fromkeys([*told.get(kind[0], ()), *answers]))
            contexts = [_worded(each, texts, rng) for each in _mixed(known[kind], every, rng)]
        found.append(msgspec.structs.replace(example, contexts=tuple(contexts)))
    return found


class ContextDraw:
    """Puts examples into one of their contexts each, or into none.

    Args:
        dropout: Share of the examples that get none, so that a text can be understood without.
    """

    def __init__(self, dropout: float, rng: random.Random) -> None:
        self._dropout, self._rng = dropout, rng

    def __call__(self, example: Example) -> Example:
        """``example`` in a context drawn anew; one that has none stays as it is."""
        if not example.contexts:
            return example
        dropped = self._rng.random() < self._dropout
        contexts = () if dropped else (self._rng.choice(example.contexts),)
        return msgspec.structs.replace(example, contexts=contexts)


def first_context(example: Example) -> Context:
    """What went before ``example``, of what may have."""
    return example.contexts[0] if example.contexts else NO_CONTEXT


def alone(examples: Iterable[Example]) -> list[Example]:
    """The examples without what may go before them."""
    return [msgspec.structs.replace(example, contexts=()) for example in examples]


class _Metadata(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A context as metadata write it."""

    bot: str | None = None
    requested_slot: str | None = None
    earlier: tuple[str, ...] = ()


def _stated(example: Example) -> list[Context]:
    stated = example.metadata[CONTEXT]
    try:
        given = msgspec.convert(stated if isinstance(stated, list) else [stated], list[_Metadata])
    except msgspec.ValidationError as error:
        raise ProjectError(
            f"the context in the metadata of '{example.text}' is none: {error}.",
            file=example.file,
            line=example.line,
            suggestion="Keys: bot, requested_slot, earlier (a list of texts).",
        ) from None
    return [Context(each.bot, each.requested_slot, each.earlier) for each in given]


def _mixed(own: Sequence[Context], every: Sequence[Context], rng: random.Random) -> list[Context]:
    """At most MOST of an example's ``own`` contexts, and some of ``every``."""
    kept = rng.sample(own, min(len(own), MOST))
    more = -(-len(kept) // (ONE_IN - 1)) if kept else ANYWHERE
    return kept + rng.sample(every, min(more, len(every)))


def _worded(context: Context, texts: Mapping[str, Sequence[str]], rng: random.Random) -> Context:
    """``context`` with an example in place of an intent that the user had before."""
    known = [texts[intent] for intent in context.earlier if intent in texts]
    earlier = tuple(rng.choice(examples) for examples in known)
    return msgspec.structs.replace(context, earlier=earlier)


def _of_stories(
    stories: Sequence[Story], domain: Domain, meant: Mapping[str, str]
) -> dict[str, list[Context]]:
    """What stands before each intent, earlier turns by their intents. Checkpoints carry it from a
    story to those they lead to. ``meant`` is the intent of words that stand without one."""
    found: dict[str, dict[Context, None]] = {}
    ends: dict[str, frozenset[Context]] = {}
    while True:
        before = dict(ends)
        for story in stories:
            for intent, contexts in _walk(story, domain, ends, meant):
                found.setdefault(intent, {}).update(dict.fromkeys(contexts))
        if ends == before:
            return {intent: list(contexts) for intent, contexts in found.items()}


def _walk(
    story: Story,
    domain: Domain,
    ends: dict[str, frozenset[Context]],
    meant: Mapping[str, str],
) -> Iterator[tuple[str, Sequence[Context]]]:
    """Each intent of ``story`` with what may go before it; ``ends`` learns of its checkpoints."""
    loop = next((s.name for s in story.condition if isinstance(s, LoopStep)), None)
    now = _asking(domain, loop)
    earlier: tuple[str, ...] = ()
    for place, step in enumerate(story.steps):
        match step:
            case UserStep() | OrStep():
                for intent in (intents := _intents(step, meant)):
                    yield intent, now
                now, earlier = [], tuple(intents[:1])
            case ActionStep(name=name, bot_text=text):
                if said := _said(domain, name, text):
                    now = [msgspec.structs.replace(each, earlier=earlier) for each in said]
            case LoopStep(name=name):
                now = _asking(domain, name) or now
            case CheckpointStep(name=name):
                if place:
                    ends[name] = ends.get(name, frozenset()) | frozenset(now)
                else:
                    now = sorted(ends.get(name, ()), key=repr)
            case SlotStep():
                pass


def _intents(step: UserStep | OrStep, meant: Mapping[str, str]) -> list[str]:
    choices = step.choices if isinstance(step, OrStep) else (step,)
    said = [each for each in choices if isinstance(each, UserStep)]
    intents = [each.intent or meant.get(each.text or "") for each in said]
    return [intent for intent in intents if intent]


def _base(example: Example) -> str:
    """The intent, of a retrieval intent without the answer."""
    return example.intent.partition("/")[0]


def _said(domain: Domain, name: str | None, text: str | None) -> list[Context]:
    """What the action leaves in the user's ears; nothing where only its code knows."""
    if text:
        return [Context(text)]
    if name in domain.forms:
        return _asking(domain, name)
    return [Context(said) for said in _texts(domain, name)]


def _asking(domain: Domain, form: str | None) -> list[Context]:
    """Every question of ``form``."""
    return [context for _, of, context in _questions(domain) if of.name == form]


def _questions(domain: Domain) -> Iterator[tuple[Slot, Form, Context]]:
    """Each question of each form; without a text where an action asks it."""
    for form in domain.forms.values():
        for name in form.required_slots:
            if slot := domain.slots.get(name):
                texts: list[str | None] = [*_texts(domain, question(form, name, domain))]
                for text in texts or [None]:
                    yield slot, form, Context(text, name)


def _texts(domain: Domain, response: str | None) -> list[str]:
    """The wordings of ``response``, its variables as the words they are called."""
    wordings = domain.responses.get(response or "", ())
    return [
        VARIABLE.sub(lambda match: match[1].replace("_", " "), wording.text)
        for wording in wordings
        if wording.text
    ]


def _answers(example: Example, slot: Slot, form: Form) -> bool:
    """Whether ``example`` may fill ``slot`` while ``form`` asks for it."""
    return any(
        _in_place(mapping, slot, form) and _fills(example, mapping) for mapping in slot.mappings
    )


def _in_place(mapping: domains.Mapping, slot: Slot, form: Form) -> bool:
    return not mapping.conditions or any(
        condition.active_loop == form.name and condition.requested_slot in (None, slot.name)
        for condition in mapping.conditions
    )


def _fills(example: Example, mapping: domains.Mapping) -> bool:
    intent = _base(example)
    if (mapping.intent and intent not in mapping.intent) or intent in mapping.not_intent:
        return False
    match mapping.type:
        case "from_entity":
            wanted = (mapping.entity, mapping.role, mapping.group)
            return any(_matches((e.entity, e.role, e.group), wanted) for e in example.entities)
        case "from_intent" | "from_text":
            return bool(mapping.intent)  # else every text would do
        case _:
            return False


def _matches(found: Sequence[Any], wanted: Sequence[Any]) -> bool:
    return all(b is None or a == b for a, b in zip(found, wanted, strict=True))
