"""What the checks look at, and what they find."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

from bot.dialogue.domain import DEFAULT_ACTIONS, Domain
from bot.dialogue.stories import OrStep, Story, UserStep
from bot.errors import ProjectError
from bot.project.code import Code, read_code
from bot.project.content import Reading
from bot.project.lint.payload import Payload, read_payload
from bot.project.mentions import Kind, Mention
from bot.project.project import Component, Project
from bot.project.report import Severity

FoundCode = Literal[
    "action-unused",
    "action-without-code",
    "checkpoint-open",
    "condition-without-effect",
    "entity-not-found",
    "entity-unused",
    "fallback-unknown",
    "few-examples",
    "form-empty",
    "form-slot-not-asked",
    "form-slot-not-filled",
    "form-unused",
    "intent-unused",
    "intent-without-examples",
    "label-conflict",
    "near-duplicate",
    "no-action-server",
    "no-examples",
    "payload",
    "policy-missing",
    "response-missing",
    "response-unused",
    "rule-conflict",
    "rule-incomplete",
    "rule-repeated",
    "rule-turns",
    "rule-unreachable",
    "slot-not-of-form",
    "slot-unused",
    "slot-value",
    "slot-without-value",
    "slot-without-values",
    "story-conflict",
    "too-many-paths",
    "variable-unknown",
]


class Found(NamedTuple):
    """Something a check found; ``code`` names its kind for good (docs/check.md lists them)."""

    severity: Severity
    code: FoundCode
    error: ProjectError


@dataclass(frozen=True)
class Subject:
    """A project that was read, and what its own Python code speaks of."""

    project: Project
    reading: Reading
    code: Code
    max_history: int | None

    @property
    def domain(self) -> Domain:
        """The domain."""
        return self.project.domain

    @cached_property
    def rules(self) -> list[Story]:
        """The rules."""
        return [story for story in self.project.stories if story.is_rule]

    @cached_property
    def stories(self) -> list[Story]:
        """The stories."""
        return [story for story in self.project.stories if not story.is_rule]

    def mentions(self, *kinds: Kind) -> Iterable[Mention]:
        """Where names of these kinds are used."""
        return (mention for mention in self.reading.mentions.all if mention.kind in kinds)

    def mentioned(self, *kinds: Kind) -> set[str]:
        """The names of these kinds that are used."""
        return {mention.name for mention in self.mentions(*kinds)}

    def at(self, section: str, name: str, message: str, hint: str = "") -> ProjectError:
        """The error that says ``message`` where the domain defines ``name``.

        What is there without being written, as the slot requested_slot is, stands nowhere.
        """
        place = self.reading.domain.places.get((section, name))
        if place is None:
            return ProjectError(message, file="domain.yml", suggestion=hint)
        return place.wrong(message, hint)

    def policy(self, *names: str) -> Component | None:
        """The first policy with one of ``names``."""
        return next(
            (p for p in self.project.config.policies if p.name.rsplit(".", 1)[-1] in names), None
        )

    @cached_property
    def payloads(self) -> list[Payload]:
        """What the buttons of responses send."""
        read = (read_payload(mention) for mention in self.mentions("payload"))
        return [payload for payload in read if payload is not None]

    @cached_property
    def payload_intents(self) -> frozenset[str]:
        """The intents that buttons send."""
        return frozenset(payload.intent for payload in self.payloads)

    @cached_property
    def payload_entities(self) -> frozenset[str]:
        """The entities that buttons send."""
        return frozenset(name for payload in self.payloads for name in payload.entities or ())

    @cached_property
    def told_entities(self) -> dict[str, Story]:
        """The entities that stories and rules tell of, and the first that does."""
        told: dict[str, Story] = {}
        for story in self.project.stories:
            for step in story.steps:
                for choice in step.choices if isinstance(step, OrStep) else (step,):
                    for entity in choice.entities if isinstance(choice, UserStep) else ():
                        told.setdefault(entity.entity, story)
        return told

    @cached_property
    def own_components(self) -> list[str]:
        """Parts of the pipeline that are the project's own, by dotted path."""
        return [c.name for c in self.project.config.pipeline if "." in c.name]

    @cached_property
    def own_actions(self) -> list[str]:
        """The actions that an action server must know."""
        domain = self.domain
        return [
            name
            for name in domain.actions
            if name not in domain.responses
            and name not in domain.forms
            and not name.startswith("utter_")
            and name not in DEFAULT_ACTIONS
        ]

    @cached_property
    def code_is_elsewhere(self) -> bool:
        """Whether actions are named whose code is not here to be looked into."""
        return bool(self.own_actions) and not any(self.code.may_name(a) for a in self.own_actions)

    @property
    def unless_said(self) -> Severity:
        """How much it matters that nothing says something: an action elsewhere may."""
        return "note" if self.code_is_elsewhere else "warning"


def look_at(project: Project, reading: Reading, max_history: int | None) -> Subject:
    """``project`` with all that the checks need."""
    return Subject(project, reading, read_code(Path(project.path)), max_history)


def at_story(story: Story, message: str, hint: str = "") -> ProjectError:
    """The error that says ``message`` where ``story`` begins."""
    return ProjectError(message, file=story.file, line=story.line or None, suggestion=hint)


def place_of(story: Story) -> str:
    """``data/rules.yml:12``, to be named in a message."""
    return f"{story.file}:{story.line}"


def kind_of(story: Story) -> str:
    """``the story`` or ``the rule``."""
    return "the rule" if story.is_rule else "the story"
