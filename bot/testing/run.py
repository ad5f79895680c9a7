"""Conversation tests from files to outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from bot.children import actions
from bot.errors import ProjectError
from bot.project.cache import cache_folder
from bot.project.load import load_project
from bot.project.project import Project
from bot.services import Services
from bot.settings import Settings
from bot.testing.events import told_parse
from bot.testing.live import hold
from bot.testing.opening import open_tested
from bot.testing.outcome import Outcome
from bot.testing.services import ScriptedNlu
from bot.testing.stories import run_story
from bot.testing.told import Transcript, load_transcripts, story_files

Watch = Callable[[Sequence[Transcript]], Iterator[Transcript]]


@dataclass(frozen=True, slots=True)
class StoryTest:
    """Which conversations are tried, and how.

    ``with_actions``: hold them with the action server; else nothing runs and the story's own
    steps are taken. ``stop_early``: the first that fails is the last. ``most``: no more than that.
    """

    stories: Path
    with_actions: bool = False
    stop_early: bool = False
    most: int | None = None


def read_stories(test: StoryTest) -> list[Transcript]:
    """The conversations of ``test``. Raises ProjectError when there are none."""
    files = story_files(test.stories)
    found = [each for file in files for each in load_transcripts(file, shown=str)]
    if not found:
        raise ProjectError(
            "there are no conversations under 'stories'.",
            file=str(test.stories),
            suggestion="Files named test_*.yml are read.",
        )
    return list(islice(found, test.most))


def try_stories(settings: Settings, test: StoryTest, watch: Watch = iter) -> list[Outcome]:
    """Try the conversations of ``test``, each of which ``watch`` hands on. Raises ParleyError."""
    transcripts = read_stories(test)
    project = load_project(settings.project, paths=settings.paths, cache=cache_folder())
    with ExitStack() as stack:
        if test.with_actions:
            settings = actions.beside(settings, project, stack)
        return asyncio.run(_tried(settings, project, transcripts, test, watch))


async def _tried(
    settings: Settings,
    project: Project,
    transcripts: Sequence[Transcript],
    test: StoryTest,
    watch: Watch,
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    understands = settings.nlu != "none"
    async with open_tested(settings, project, with_actions=test.with_actions) as loaded:
        for transcript in watch(transcripts):
            if test.with_actions:
                services = loaded.parley if understands else _told(transcript, loaded.parley)
                outcome = await hold(transcript, services)
            else:
                outcome = await run_story(transcript, loaded.parley, end_to_end=understands)
            outcomes.append(outcome)
            if test.stop_early and not outcome.passed:
                break
    return outcomes


def _told(transcript: Transcript, services: Services) -> Services:
    """``services`` that understand what ``transcript`` says, as it says."""
    domain = services.bot.domain
    meanings = {said.text: told_parse(said, domain) for said in transcript.turns}
    return replace(services, nlu=ScriptedNlu(meanings))
