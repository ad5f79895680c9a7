"""A model on trial: read in the shadow, counted beside the one that serves, ended when worse."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import structlog

from bot.audit import SERVER, Audit, Deed, Fact
from bot.dialogue.events import ActionExecuted, Event, UserUttered
from bot.model.following import Following
from bot.model.peeking import Share, is_worse
from bot.model.serving import Opening, Serving
from bot.store.tallies import SqlTally
from bot.turn import Done
from bot.upkeep import beside
from nlu.errors import NluError
from nlu.fallback import NLU_FALLBACK
from nlu.registry import Registry
from nlu.rollout import Rollout

MOST_WAITING = 64  # texts for the shadow to read; those above are dropped, and counted
MOST_KNOWN = 10_000  # conversations, to count each once
KEEP_S = 5.0  # between two times that counts are stored, and looked at
FALLBACKS = ("action_default_fallback", "action_two_stage_fallback", "action_human_handoff")

log = structlog.get_logger(__name__)


@asynccontextmanager
async def rolling_out(
    serving: Serving,
    registry: Registry,
    open_model: Callable[[str], Opening],
    tally: SqlTally,
    audit: Audit,
) -> AsyncIterator[Rollouts]:
    """Within the block, what serves and what is tried is what ``registry`` says."""
    following = Following(serving, registry, open_model)
    rollouts = Rollouts(serving, registry, following, tally, audit)
    async with (
        beside(following.follow()),
        beside(rollouts.read()),
        beside(rollouts.keep()),
    ):
        yield rollouts


class Rollouts:
    """Counts what happens while a version is tried.

    In the shadow (``same``, ``other``, ``dropped``, ``failed``): whether it reads the intent that
    the current one read. Answering, for it and for the current one: conversations, and those of
    them that met a fallback or a turn that broke. A version that is worse than chance allows is
    tried no longer.
    """

    def __init__(
        self,
        serving: Serving,
        registry: Registry,
        following: Following,
        tally: SqlTally,
        audit: Audit,
    ) -> None:
        self._serving, self._registry, self._following = serving, registry, following
        self._tally, self._audit = tally, audit
        self._counts: Counter[str] = Counter()
        self._stored: Counter[str] = Counter()
        self.ended = 0  # by this server, as worse
        self._counted: Rollout | None = None
        self._known: OrderedDict[str, bool] = OrderedDict()  # whether it went wrong
        self._texts: asyncio.Queue[tuple[str, str | None]] = asyncio.Queue(MOST_WAITING)

    def saw(self, conversation_id: str, done: Done, outcome: str) -> None:
        """A turn ended as ``outcome``. Takes no time that a user waits for."""
        rollout = self._following.rollout
        if rollout is None:
            return
        if rollout != self._counted:
            self._begin(rollout)
        if rollout.share:
            arm = "candidate" if rollout.answers(conversation_id) else "current"
            self._count(conversation_id, arm, is_bad=outcome != "done" or _fell_back(done.events))
        if not rollout.answers(conversation_id):
            for event in done.events:
                if isinstance(event, UserUttered) and _is_read(event):
                    self._read(event.text or "", event.intent)

    def _begin(self, rollout: Rollout) -> None:
        """Count anew; what was to be read for another trial counts for none."""
        self._counted = rollout
        for counts in (self._counts, self._stored, self._known):
            counts.clear()
        while not self._texts.empty():
            self._texts.get_nowait()

    def counted(self) -> dict[str, int]:
        """What this server counted of the trial, by name; nothing while there is none."""
        return dict(self._stored + self._counts) if self._following.rollout else {}

    def _count(self, conversation_id: str, arm: str, *, is_bad: bool) -> None:
        was_bad = self._known.pop(conversation_id, None)
        if was_bad is None:
            self._counts[f"{arm} conversations"] += 1
        if is_bad and not was_bad:
            self._counts[f"{arm} bad"] += 1
        self._known[conversation_id] = is_bad or bool(was_bad)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    def _read(self, text: str, intent: str | None) -> None:
        try:
            self._texts.put_nowait((text, intent))
        except asyncio.QueueFull:
            self._counts["shadow dropped"] += 1

    async def read(self) -> None:
        """Have the texts read in the shadow, one after the other, without end."""
        while True:
            text, intent = await self._texts.get()
            with self._serving.tried() as tried:
                if tried is None:
                    continue
                try:
                    said = (await tried.nlu.parse(text)).intent.name
                except NluError:
                    self._counts["shadow failed"] += 1
                else:
                    self._counts["shadow same" if said == intent else "shadow other"] += 1

    async def keep(self) -> None:
        """Store what was counted and look at it, again and again, without end."""
        while True:
            await asyncio.sleep(KEEP_S)
            try:
                await self.judge()
            except Exception as error:
                log.warning("rollout.not_counted", error=str(error), exc_info=True)

    async def judge(self) -> None:
        """Add what was counted here to that of all servers; end the trial if it goes wrong.

        Raises Unavailable; then nothing was stored, and nothing forgotten.
        """
        rollout = self._counted
        if rollout is None or rollout != self._following.rollout:
            return
        counts = +self._counts
        await self._tally.add(rollout.name, counts)
        if rollout != self._counted:  # another began meanwhile
            return
        self._counts -= counts
        self._stored += counts
        told = await self._tally.of(rollout.name)
        new, old = share(told, "candidate"), share(told, "current")
        if is_worse(new, old) and await asyncio.to_thread(self._end, rollout):
            facts: dict[str, Fact] = {
                "version": rollout.version,
                "bad": new.rate,
                "current bad": old.rate,
            }
            self.ended += 1
            log.error("rollout.worse", **facts)
            await self._tally.add(rollout.name, {"ended as worse": 1})
            await self._audit.record(Deed(SERVER, "models.rollout.end", facts=facts))

    def _end(self, rollout: Rollout) -> bool:
        """Whether it was this server that ended it."""
        if self._registry.rollout() != rollout:
            return False
        self._registry.end_rollout()
        return True


def share(counts: dict[str, int], arm: str) -> Share:
    """The conversations of an arm that went wrong, of ``SqlTally.of``."""
    return Share(counts.get(f"{arm} bad", 0), counts.get(f"{arm} conversations", 0))


def _fell_back(events: Sequence[Event]) -> bool:
    return any(_is_fallback(event) for event in events)


def _is_fallback(event: Event) -> bool:
    if isinstance(event, UserUttered):
        return event.intent == NLU_FALLBACK
    return isinstance(event, ActionExecuted) and event.name in FALLBACKS


def _is_read(event: UserUttered) -> bool:
    """Whether a model understood it: not a payload, whose meaning is written in it."""
    return bool(event.text) and not str(event.text).startswith("/")
