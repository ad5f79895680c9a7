"""A whole log done again: each turn with the models that its events name."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import msgspec

from bot.dialogue.events import Event, UserUttered
from bot.dialogue.tracker import Tracker
from bot.errors import ParleyError
from bot.model.loading import ID_LETTERS, Live, Shared, open_model
from bot.model.nlu import wants_model
from bot.model.policy import policy_registry
from bot.model.serving import Loaded
from bot.project.project import Project
from bot.settings import Settings
from bot.store.archive import Archive, open_archive
from bot.store.memory import MemoryLeases, MemoryLog, MemoryNews, MemoryTrackers
from bot.testing.recorded import Recorded
from bot.testing.reparse import BOUND, reparsed
from bot.testing.replay import Difference, Part, Step, compared, redo, steps
from nlu.errors import NluError
from nlu.registry import Registry

MOST_OPEN = 3  # models at a time: a log tells of a few, one after another
MOST_TOLD = 1000  # differences


class Replayed(msgspec.Struct):
    """What came of it.

    ``steps`` were decided and done again, ``parses`` understood again; ``skipped`` tells why others
    were not, ``apart`` how far confidences lie apart at most. ``others`` are events of no turn:
    what agents, the API or reminders' cancellations logged. ``stale`` turns are of another project
    than today's, or of a policy model that is gone.
    """

    conversations: int = 0
    turns: int = 0
    steps: int = 0
    parses: int = 0
    others: int = 0
    stale: int = 0
    apart: float = 0.0
    skipped: dict[str, int] = msgspec.field(default_factory=dict)
    differing: int = 0
    differences: list[Difference] = msgspec.field(default_factory=list)

    @property
    def broken(self) -> int:
        """Of the differences told, those that a change of the project cannot explain."""
        return sum(not each.is_stale for each in self.differences)

    def differs(self, difference: Difference) -> None:
        self.differing += 1
        if len(self.differences) < MOST_TOLD:
            self.differences.append(difference)

    def skip(self, why: str) -> None:
        self.skipped[why] = self.skipped.get(why, 0) + 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which conversations: ``ids``, else all that went on after ``since`` (seconds since 1970).
    ``bound`` of confidences."""

    ids: Sequence[str] = ()
    since: float | None = None
    bound: float = BOUND


async def replay_log(
    settings: Settings,
    project: Project,
    url: str,
    wanted: Wanted,
    *,
    watch: Callable[[int], None] = lambda conversations: None,
) -> Replayed:
    """Do the log at ``url`` again, a conversation in memory at a time. Raises ParleyError."""
    found = Replayed()
    async with open_archive(url) as archive, Models(settings, project) as models:
        async for name in _names(archive, wanted):
            events = await archive.events(name, all_sessions=True)
            await Replay(name, models, found, bound=wanted.bound).run(events)
            found.conversations += 1
            watch(found.conversations)
    return found


async def _names(archive: Archive, wanted: Wanted) -> AsyncIterator[str]:
    for name in wanted.ids:
        yield name
    if not wanted.ids:
        async for name in archive.ids(since=wanted.since):
            yield name


class Models:
    """The models that the log names, opened when they are wanted; an async context manager."""

    def __init__(self, settings: Settings, project: Project) -> None:
        self._settings, self.project = settings, project
        self.recorded = Recorded(worded=project.endpoints.nlg is not None)
        registry = Registry(settings.models_folder)
        self._current = registry.current()
        self._versions = frozenset(registry.versions())
        self._policies = frozenset(policy_registry(settings.models_folder).versions())
        self._open: OrderedDict[tuple[str, str], tuple[Loaded, AsyncExitStack]] = OrderedDict()

    async def __aenter__(self) -> Models:
        return self

    async def __aexit__(self, *_: object) -> None:
        while self._open:
            await self._close_one()

    def is_stale(self, stamp: Mapping[str, Any]) -> bool:
        """Whether what decided then is not what decides now."""
        policy = stamp.get("policy_id")
        ours = self.project.hash[:ID_LETTERS]
        return stamp.get("project_id") != ours or (bool(policy) and policy not in self._policies)

    def understands(self, stamp: Mapping[str, Any], loaded: Loaded) -> bool:
        """Whether ``loaded`` has the very model that understood then."""
        served_elsewhere = self.project.endpoints.nlu is not None
        return not served_elsewhere and loaded.parley.bot.model_id == stamp.get("model_id")

    async def of(self, stamp: Mapping[str, Any]) -> Loaded:
        """What decided then; the current models in the place of those that are gone."""
        version, policy = str(stamp.get("model_id")), str(stamp.get("policy_id"))
        key = (
            version if version in self._versions else "",
            policy if policy in self._policies else "",
        )
        if key not in self._open:
            if len(self._open) == MOST_OPEN:
                await self._close_one()
            stack = AsyncExitStack()
            opening = open_model(key[0], self._shared(), policy=key[1] or None)
            self._open[key] = (await stack.enter_async_context(opening), stack)
        self._open.move_to_end(key)
        return self._open[key][0]

    def _shared(self) -> Shared:
        has_model = self._current or self._versions or not wants_model(self.project)
        settings = (
            self._settings if has_model else self._settings.model_copy(update={"nlu": "none"})
        )
        return Shared(
            self.project.endpoints,
            self.recorded,
            MemoryLog(),
            Live(lambda _: MemoryTrackers(), MemoryLeases(), MemoryNews()),
            settings,
            wording=self.recorded,
        )

    async def _close_one(self) -> None:
        _, (_, stack) = self._open.popitem(last=False)
        await stack.aclose()


class Replay:
    """One conversation done again; ``found`` counts what came of it."""

    def __init__(self, name: str, models: Models, found: Replayed, *, bound: float) -> None:
        self._name, self._models, self._found, self._bound = name, models, found, bound

    async def run(self, events: Sequence[Event]) -> None:
        """Do all of it. Raises ParleyError where a model cannot be opened."""
        cut = list(steps(events))
        stamp: Mapping[str, Any] = {}
        tracker = Tracker.start(self._name, self._models.project.domain)
        for number, step in enumerate(cut):
            if step.kind in ("session", "user"):
                stamp = _stamp(cut[number:]) or stamp
            if step.kind == "other":
                self._found.others += len(step.events)
            else:
                await self._step(step, tracker, stamp)
            tracker = tracker.apply_all(step.events)

    async def _step(self, step: Step, tracker: Tracker, stamp: Mapping[str, Any]) -> None:
        loaded = await self._models.of(stamp)
        is_stale = self._models.is_stale(stamp)
        said = step.events[0]
        if isinstance(said, UserUttered):
            self._found.turns += 1
            self._found.stale += is_stale
            await self._understand(said, step, tracker, loaded, stamp)
        self._found.steps += 1
        try:
            now = await redo(step, tracker, loaded.parley, self._models.recorded)
            differs = compared(step, now)
        except ParleyError as error:
            differs = ("", f"{type(error).__name__}: {error}")
        if differs:
            part: Part = "slots" if step.kind == "user" else "action"
            self._found.differs(
                Difference(self._name, step.start + 1, part, *differs, is_stale=is_stale)
            )

    async def _understand(
        self,
        said: UserUttered,
        step: Step,
        tracker: Tracker,
        loaded: Loaded,
        stamp: Mapping[str, Any],
    ) -> None:
        if why := self._not_understood(said, loaded, stamp):
            self._found.skip(why)
            return
        try:
            again = await reparsed(said, tracker, loaded.parley.nlu)
        except (NluError, ParleyError) as error:
            recorded, now = "understood", f"{type(error).__name__}: {error}"
        else:
            self._found.parses += 1
            self._found.apart = max(self._found.apart, again.apart)
            recorded, now = again.recorded, again.now
            if not recorded and again.apart > self._bound:
                recorded, now = "confidences", f"up to {again.apart:.2g} apart"
        if recorded or now:
            self._found.differs(Difference(self._name, step.start + 1, "parse", recorded, now))

    def _not_understood(
        self, said: UserUttered, loaded: Loaded, stamp: Mapping[str, Any]
    ) -> str | None:
        """Why what was said cannot be understood again."""
        text = said.text or ""
        if text.startswith("/") or said.input_channel is None or said.metadata.get("is_external"):
            return "said by a button or a program"
        if said.parse_data and said.parse_data.corrected is True:
            return "with people's labels mixed in"
        if not self._models.understands(stamp, loaded):
            return "by a model that is not in the registry"
        return None


def _stamp(ahead: Sequence[Step]) -> Mapping[str, Any] | None:
    """What the next thing said tells of who answered it."""
    said = (step.events[0] for step in ahead)
    return next((event.metadata for event in said if isinstance(event, UserUttered)), None)
