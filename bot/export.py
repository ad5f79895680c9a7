"""What was said, out of the log: stories and trackers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TextIO

import msgspec

from bot.dialogue.domain import Domain
from bot.dialogue.events import Event, SlotSet
from bot.dialogue.sessions import sessions
from bot.dialogue.tracker import Tracker
from bot.dialogue.written import event_state, tracker_state
from bot.errors import SettingsError
from bot.project.cache import cache_folder
from bot.project.load import load_endpoints, load_project
from bot.project.paths import ProjectPaths
from bot.project.project import Project
from bot.project.story_yaml import Pieces, WrittenStory, story_steps
from bot.settings import load_settings
from bot.store.archive import Archive, open_archive

UNTOLD_SLOTS = ("session_started_metadata",)
Purpose = Literal["tests", "training"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which conversations are exported."""

    ids: Sequence[str] = ()
    since: float | None = None
    all_sessions: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where conversations come from: the project, and the address of its log."""

    project: Project
    url: str


async def write_stories_of(
    source: Source, wanted: Wanted, file: TextIO, *, purpose: Purpose
) -> None:
    """A story for each session, one conversation in memory at a time."""
    pieces = Pieces()
    async with open_archive(source.url) as archive:
        async for name, events in _conversations(archive, wanted):
            for story in _stories(name, events, source.project.domain, purpose):
                file.write(pieces.next(story))
    file.write(pieces.end())


async def write_trackers(source: Source, wanted: Wanted, file: TextIO) -> None:
    """One conversation as JSON to read, more as a line each."""
    async with open_archive(source.url) as archive:
        async for name, events in _conversations(archive, wanted):
            encoded = msgspec.json.encode(_state(name, events, source.project.domain))
            if len(wanted.ids) == 1:
                encoded = msgspec.json.format(encoded, indent=2)
            file.write(encoded.decode() + "\n")


async def _conversations(
    archive: Archive, wanted: Wanted
) -> AsyncIterator[tuple[str, tuple[Event, ...]]]:
    if wanted.ids:
        for name in wanted.ids:
            yield name, await archive.events(name, all_sessions=wanted.all_sessions)
        return
    async for name in archive.ids(since=wanted.since):
        yield name, await archive.events(name, all_sessions=wanted.all_sessions)


def _stories(
    name: str, events: Sequence[Event], domain: Domain, purpose: Purpose
) -> Iterator[WrittenStory]:
    for number, session in enumerate(sessions(events), 1):
        title = name if number == 1 else f"{name}, session {number}"
        if purpose == "training":
            tracker = Tracker.replay(name, domain, session, seq=len(session))
            session = [tracker.events[index] for index in tracker.applied]
        told = [e for e in session if not (isinstance(e, SlotSet) and e.name in UNTOLD_SLOTS)]
        steps = story_steps(told, with_text=purpose == "tests")
        if steps:
            yield WrittenStory(title, steps)


def _state(name: str, events: Sequence[Event], domain: Domain) -> dict[str, Any]:
    state = tracker_state(Tracker.replay(name, domain, events, seq=len(events)))
    return {**state, "events": [event_state(event) for event in events]}


def open_source(folder: Path, paths: ProjectPaths) -> Source:
    """The project in ``folder``, and its log as the settings name it. Raises ParleyError."""
    settings = load_settings(project=folder)
    project = load_project(folder, paths=paths, cache=cache_folder())
    return Source(project, settings.completed(project.endpoints).sql_url)


def url_of(folder: Path, endpoints: Path | None = None) -> str:
    """Where the log of the project in ``folder`` is, be the project right or wrong: who may sign
    in, or what was sent, must not wait for that. Raises ParleyError."""
    settings = load_settings(project=folder)
    paths = ProjectPaths(endpoints=endpoints)
    return settings.completed(load_endpoints(folder, paths=paths)).sql_url


def time_of(since: str | None) -> float | None:
    if since is None:
        return None
    try:
        return datetime.fromisoformat(since).timestamp()
    except ValueError as error:
        raise SettingsError(
            f"--since {since}: give a day or a time such as 2026-01-31T12:00."
        ) from error
