"""Sentences with two labels."""

from __future__ import annotations

from collections.abc import Iterator

from bot.errors import ProjectError
from bot.project.lint.subject import Found, Subject
from bot.project.project import Example
from bot.project.report import shortened


def check(subject: Subject) -> Iterator[Found]:
    """The same sentence with another intent, or with other entities."""
    first: dict[str, Example] = {}
    for example in subject.project.nlu.examples:
        other = first.setdefault(folded(example.text), example)
        if other.intent != example.intent:
            message = (
                f"'{shortened(example.text)}' is an example of '{example.intent}' here and of "
                f"'{other.intent}' in {place(other)}."
            )
        elif _annotations(other) != _annotations(example):
            message = f"'{shortened(example.text)}' has other entities here than in {place(other)}."
        else:
            continue
        hint = "A sentence needs one label."
        yield Found("warning", "label-conflict", at_example(example, message, hint))


def folded(text: str) -> str:
    """``text`` in small letters, with one space between words."""
    return " ".join(text.casefold().split())


def place(example: Example) -> str:
    """``data/nlu.yml:12``, to be named in a message."""
    return f"{example.file}:{example.line}"


def at_example(example: Example, message: str, hint: str) -> ProjectError:
    """The error that says ``message`` where ``example`` is written."""
    return ProjectError(message, file=example.file, line=example.line, suggestion=hint)


def _annotations(example: Example) -> set[tuple[str, str, str | None, str | None]]:
    return {
        (e.entity, example.text[e.start : e.end].casefold(), e.role, e.group)
        for e in example.entities
    }
