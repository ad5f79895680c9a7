"""Checkpoints with only one side."""

from __future__ import annotations

from collections.abc import Iterator

from bot.dialogue.stories import CheckpointStep, Story
from bot.project.lint.subject import Found, Subject, at_story
from bot.project.names import did_you_mean


def check(subject: Subject) -> Iterator[Found]:
    """Stories that end where none begins, or begin where none ends."""
    starts: dict[str, Story] = {}
    ends: dict[str, Story] = {}
    for story in subject.project.stories:
        for number, step in enumerate(story.steps):
            if isinstance(step, CheckpointStep):
                if number > 0:
                    ends.setdefault(step.name, story)
                if number < len(story.steps) - 1:
                    starts.setdefault(step.name, story)
    for name in sorted(starts.keys() ^ ends.keys()):
        here, there, what = (starts, ends, "ends") if name in starts else (ends, starts, "begins")
        message = f"no story {what} with the checkpoint '{name}' of '{here[name].name}'."
        hint = did_you_mean(name, there) or "Both sides must have the same name."
        yield Found("warning", "checkpoint-open", at_story(here[name], message, hint))
