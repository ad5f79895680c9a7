"""A closer look at a project that can be read: what will hardly be what its author meant.

A project that has errors too is looked at as far as it was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bot.project.content import Reading
from bot.project.lint import (
    actions,
    checkpoints,
    configuration,
    contradictions,
    entities,
    examples,
    forms,
    incomplete,
    intents,
    payloads,
    reach,
    responses,
    similar,
    slots,
    stories,
    unseen,
)
from bot.project.lint.subject import Found, Subject, look_at
from bot.project.project import Project

CHECKS: tuple[Callable[[Subject], Iterator[Found]], ...] = (
    intents.check,
    entities.check,
    examples.check,
    similar.check,
    slots.check,
    responses.check,
    payloads.check,
    actions.check,
    forms.check,
    configuration.check,
    checkpoints.check,
    stories.check,
    incomplete.check,
    contradictions.check,
    reach.check,
    unseen.check,
)


def lint(project: Project, reading: Reading, *, max_history: int | None = None) -> Iterator[Found]:
    """Everything worth saying beyond what reading the files said.

    Args:
        max_history: How many states back stories are compared; None for what the policies see.
    """
    subject = look_at(project, reading, max_history)
    for check in CHECKS:
        yield from check(subject)
