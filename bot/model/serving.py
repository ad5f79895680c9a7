"""What serves now, and how another model takes its place while turns go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import structlog

from bot.errors import Unavailable
from bot.model.faq import ServedFaq
from bot.model.nlu import ServedUnderstanding
from bot.model.ranking import ServedRanker
from bot.project.project import Project
from bot.services import Services
from nlu.corrections import Corrections

log = structlog.get_logger(__name__)


class NotLoaded(Unavailable):
    """No model serves; PUT /model loads one."""

    status = 409
    reason = "Conflict"

    def __init__(self) -> None:
        super().__init__("No model is loaded. PUT /model loads one.")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model at work: a project with its NLU and policies.

    ``file`` is what /status calls it: a package's file name or a version of the registry, empty
    when the project needs neither. ``faq`` and ``ranker`` are there where the project has them;
    ``corrections`` where people's labels are heeded.
    """

    project: Project
    parley: Services
    nlu: ServedUnderstanding
    file: str = ""
    faq: ServedFaq | None = None
    ranker: ServedRanker | None = None
    corrections: Corrections | None = None


Opening = AbstractAsyncContextManager[Loaded]


@dataclass(slots=True)
class _Place:
    """A model, who uses it, and whether it may be closed."""

    loaded: asyncio.Future[Loaded]
    users: int = 0
    replaced: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @contextmanager
    def used(self) -> Iterator[Loaded]:
        self.users += 1
        try:
            yield self.loaded.result()
        finally:
            self.users -= 1
            self._settle()

    def replace(self) -> None:
        self.replaced = True
        self._settle()

    def _settle(self) -> None:
        if self.replaced and not self.users:
            self.over.set()


class Serving:
    """The model that serves, and one that is tried beside it. An async context manager; closes
    what it loaded.

    What was begun with a model ends with it: one that was replaced is closed when nobody uses it
    any more.
    """

    def __init__(self) -> None:
        self._place: _Place | None = None
        self._tried: _Place | None = None
        self._answers: Callable[[str], bool] = _none
        self._last: Services | None = None
        self._keepers: dict[asyncio.Task[None], _Place] = {}
        self._loading = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for place in self._keepers.values():
            place.over.set()
        await asyncio.gather(*self._keepers)

    @property
    def loaded(self) -> Loaded | None:
        """The model that serves now; to work with it for longer, ``use`` it."""
        return self._place.loaded.result() if self._place else None

    @property
    def parley(self) -> Services:
        """The services of the model that serves, or served last: for log, clock and news."""
        if self._last is None:
            raise NotLoaded
        return self._last

    @contextmanager
    def use(self, conversation_id: str | None = None) -> Iterator[Loaded]:
        """The model that serves, or that is tried on this conversation; it stays open within the
        block. Raises NotLoaded."""
        place = self._place
        if place is None:
            raise NotLoaded
        if self._tried and conversation_id is not None and self._answers(conversation_id):
            place = self._tried
        with place.used() as loaded:
            yield loaded

    @contextmanager
    def tried(self) -> Iterator[Loaded | None]:
        """The model that is tried, if one is; it stays open within the block."""
        if self._tried is None:
            yield None
            return
        with self._tried.used() as loaded:
            yield loaded

    async def load(self, opening: Opening) -> Loaded:
        """Open a model beside the one that serves, then let it serve.

        Raises what ``opening`` raises; then nothing has changed.
        """
        async with self._loading:
            place = await self._opened(opening)
            self._put(place)
            self._last = place.loaded.result().parley
            return place.loaded.result()

    async def try_out(self, opening: Opening, *, answers: Callable[[str], bool]) -> Loaded:
        """Open a model that takes the turns of the conversations that ``answers`` tells.

        In the place of one that was tried before. Raises what ``opening`` raises, as ``load``.
        """
        async with self._loading:
            place = await self._opened(opening)
            self._try(place, answers)
            return place.loaded.result()

    async def end_trial(self) -> None:
        """Try nothing beside what serves."""
        async with self._loading:
            self._try(None, _none)

    async def unload(self) -> None:
        """Let nothing serve."""
        async with self._loading:
            self._put(None)

    async def _opened(self, opening: Opening) -> _Place:
        place = _Place(asyncio.get_running_loop().create_future())
        # A task of its own: what is opened must be closed by the task that opened it.
        keeper = asyncio.create_task(self._keep(place, opening))
        self._keepers[keeper] = place
        keeper.add_done_callback(self._keepers.pop)
        await place.loaded
        return place

    def _put(self, place: _Place | None) -> None:
        before, self._place = self._place, place
        if before:
            before.replace()

    def _try(self, place: _Place | None, answers: Callable[[str], bool]) -> None:
        before, self._tried, self._answers = self._tried, place, answers
        if before:
            before.replace()

    async def _keep(self, place: _Place, opening: Opening) -> None:
        try:
            async with opening as loaded:
                place.loaded.set_result(loaded)
                await place.over.wait()
        except Exception as error:
            if not place.loaded.done():
                place.loaded.set_exception(error)
            else:
                log.exception("model.closing_failed")


def _none(conversation_id: str) -> bool:
    return False
