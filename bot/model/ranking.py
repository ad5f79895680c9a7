"""Which ranker serves a project, and a dialogue as it reads one."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from bot.dialogue.domain import Domain
from bot.dialogue.events import AgentUttered, BotUttered, Event, UserUttered
from bot.dialogue.ranked import RankedPolicy
from bot.dialogue.tracker import Tracker
from bot.errors import ProjectError
from bot.project.hashes import ranker_hash
from bot.project.project import Component, Project
from bot.project.yaml import read_text
from nlu.batcher import MicroBatcher
from nlu.errors import BundleError
from nlu.ranking.candidates import Candidate
from nlu.ranking.dialogue import Line
from nlu.ranking.ranker import Ranked, Ranker
from nlu.ranking.ranker_bundle import FOLDER, open_ranker, read_ranker_manifest
from nlu.registry import Registry

MOST_LINES = 20  # of a dialogue that are looked at for the last few with words in them
MOST_KNOWN = 1024  # dialogues whose answers are remembered until they are asked for

log = structlog.get_logger()


def ranking_policy(project: Project) -> Component | None:
    """What config.yml says of the policy that ranks."""
    names = (each for each in project.config.policies if each.name.endswith(RankedPolicy.name))
    return next(names, None)


def ranked_policies(project: Project, served: ServedRanker | None) -> tuple[RankedPolicy, ...]:
    """The policy that asks ``served``, where config.yml names it; at most one."""
    entry = ranking_policy(project)
    if entry is None or served is None:
        return ()
    threshold = entry.options.get("threshold", served.ranker.threshold)
    policy = RankedPolicy(served.of, threshold=float(threshold))
    if isinstance(entry.options.get("priority"), int):
        policy.priority = entry.options["priority"]
    return (policy,)


def line_of(event: Event) -> Line | None:
    """What somebody said, if ``event`` is that; an intent as a payload is nobody's words."""
    match event:
        case UserUttered(text=str(text)) if text.strip() and not text.startswith("/"):
            return Line("user", text)
        case BotUttered(text=str(text)) | AgentUttered(text=str(text)) if text.strip():
            return Line("agent", text)
        case _:
            return None


def lines_of(tracker: Tracker) -> tuple[Line, ...]:
    """The last lines of the conversation."""
    events = (tracker.events[index] for index in tracker.applied[-20 * MOST_LINES :])
    return tuple(line for event in events if (line := line_of(event)))[-MOST_LINES:]


def responses_of(domain: Domain) -> list[Candidate]:
    """The responses with words in them; those of a retrieval intent each on its own."""
    found = []
    for name, variations in domain.responses.items():
        if text := next((each.text for each in variations if each.text), ""):
            found.append(Candidate(text, "response", name))
    return found


def canned_of(project: Project) -> list[Candidate]:
    """The answers in the file that the policy names: CSV with a column `text`, and `name`."""
    policy = ranking_policy(project)
    if policy is None or not (file := policy.options.get("canned")):
        return []
    text = read_text(Path(project.path) / str(file), str(file))
    reader = csv.DictReader(io.StringIO(text))
    columns = [name.strip().lower() for name in reader.fieldnames or ()]
    if "text" not in columns:
        raise ProjectError(
            "has no column text.", file=str(file), line=1, suggestion="Its first line: name,text."
        )
    reader.fieldnames = columns
    rows = ((row.get("name") or "", row.get("text") or "") for row in reader)
    return [
        Candidate(text.strip(), "canned", name.strip() or None)
        for name, text in rows
        if text.strip()
    ]


def ranker_registry(models: Path) -> Registry:
    """The rankers beside the bundles in ``models``."""
    return Registry(models / FOLDER, read=read_ranker_manifest)


def current_ranker(project: Project, models: Path) -> Ranker | None:
    """The ranker to serve ``project`` with; None where none was trained, with a warning if the
    project has the policy that asks it. Reads and runs a model, so not on the event loop."""
    registry = ranker_registry(models)
    train = f"run `parley train ranker --project {project.path}`"
    try:
        version = registry.current()
        if version is None:
            if ranking_policy(project):
                log.warning("ranker.missing", hint=f"no ranker is trained yet: {train}")
            return None
        folder = registry.folder(version)
        ranker = open_ranker(folder, responses_of(project.domain))
    except BundleError as error:
        log.warning("ranker.unusable", hint=f"{error} Serving without it; {train}")
        return None
    if read_ranker_manifest(folder).data_hash != ranker_hash(project):
        log.warning("ranker.stale", version=version, hint=f"what it learned from changed: {train}")
    return ranker


@dataclass(frozen=True, slots=True)
class Question:
    """A dialogue to be answered: by how many, of which candidates."""

    lines: tuple[Line, ...]
    limit: int
    wanted: Callable[[Candidate], bool]


class ServedRanker:
    """A ranker, the thread it runs in, and what it said of the dialogues asked last."""

    def __init__(self, ranker: Ranker, batcher: MicroBatcher[Question, list[Ranked]]) -> None:
        self.ranker, self._batcher = ranker, batcher
        self._known: dict[tuple[Line, ...], tuple[Ranked, ...]] = {}

    async def rank(
        self, lines: Sequence[Line], *, limit: int, wanted: Callable[[Candidate], bool]
    ) -> list[Ranked]:
        """The best of the ``wanted``. Raises NluUnavailable when too many wait."""
        return await self._batcher.submit(Question(tuple(lines), limit, wanted))

    async def know(self, tracker: Tracker) -> None:
        """Rank the responses for ``tracker``, so that ``of`` has them at hand."""
        lines = _asked(tracker)
        if not lines or lines in self._known:
            return
        found = await self.rank(lines, limit=5, wanted=lambda each: each.source == "response")
        self._known[lines] = tuple(found)
        while len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def of(self, tracker: Tracker) -> Sequence[tuple[str, float]]:
        """Responses by name and how sure each is, the best first; none where ``know`` was not
        asked before."""
        found = self._known.get(_asked(tracker), ())
        return [(each.candidate.name or "", each.confidence) for each in found]


def _asked(tracker: Tracker) -> tuple[Line, ...]:
    """The conversation, if it ends with what the user said in words; else nothing."""
    lines = lines_of(tracker)
    last = line_of(tracker.latest_message) if tracker.latest_message else None
    return lines if lines and lines[-1] == last else ()


@asynccontextmanager
async def serve_ranker(ranker: Ranker) -> AsyncIterator[ServedRanker]:
    """Run ``ranker`` in a thread of its own until left."""

    def rank(questions: Sequence[Question]) -> list[list[Ranked]]:
        return [ranker.rank(each.lines, limit=each.limit, wanted=each.wanted) for each in questions]

    async with MicroBatcher(rank, length=lambda question: 1, max_tokens=0) as batcher:
        yield ServedRanker(ranker, batcher)


@asynccontextmanager
async def open_ranking(project: Project, models: Path) -> AsyncIterator[ServedRanker | None]:
    """The ranker of ``project`` at work; None where it has none."""
    ranker = await asyncio.to_thread(current_ranker, project, models)
    if ranker is None:
        yield None
        return
    async with serve_ranker(ranker) as served:
        yield served
