"""What people set right acts at once: the model that serves heeds it until a rebuild has learnt it.

Labels are found by looking for what changed since the last look, so every server heeds them,
whichever one a person spoke to.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from bot.model.nlu import ServedUnderstanding
from bot.review.item import ReviewItem
from bot.review.store import Reviews
from bot.upkeep import beside
from nlu.corrections import MOST, Corrections
from nlu.pipeline import Heeded, Nlu

LOOK_S = 0.5  # between two looks: one is soon enough to be under a second
PAGE = 1000

log = structlog.get_logger(__name__)


@asynccontextmanager
async def heeding(nlu: ServedUnderstanding, reviews: Reviews) -> AsyncIterator[Corrections | None]:
    """Within the block, ``nlu`` heeds what people decide, and decided since its data was made; what
    it heeds, None where it cannot."""
    heeded = nlu.heed() if isinstance(nlu, Nlu) else None
    if heeded is None:
        yield None
        return
    async with beside(Corrector(heeded, reviews).follow()):
        yield heeded.corrections


class Corrector:
    """Keeps a model's corrections as the reviews have them."""

    def __init__(self, heeded: Heeded, reviews: Reviews) -> None:
        self._heeded, self._reviews = heeded, reviews
        self._decided = self._withdrawn = heeded.reviewed

    async def follow(self) -> None:
        """Look again and again, without end."""
        failing = False
        while True:
            try:
                await self.look()
                failing = False
            except Exception as error:
                if not failing:
                    log.warning("corrections.failing", error=str(error), exc_info=True)
                failing = True
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Heed what changed since the last look.

        Raises Unavailable and NluError; what was not heeded then is looked at again.
        """
        # First what is no label any more: it may be one again by the time of the second look.
        while gone := await self._reviews.withdrawn(after=self._withdrawn, limit=PAGE):
            for _, item_id in gone:
                self._heeded.corrections.drop(item_id)
            self._withdrawn = gone[-1][0]
        latest: deque[ReviewItem] = deque(maxlen=MOST)
        decided = self._decided
        while page := await self._reviews.decided(after=decided, limit=PAGE):
            latest.extend(page)
            decided = page[-1].revision
        for item in latest:
            await self._heed(item)
        self._decided = decided

    async def _heed(self, item: ReviewItem) -> None:
        corrections, decision = self._heeded.corrections, item.decision
        # A guess waits for the rebuild, which weighs it; so does an intent that nothing answers.
        if not decision or decision.kind != "person" or not corrections.takes(decision.intent):
            corrections.drop(item.id)
            return
        corrections.put(item.id, await self._heeded.read(item.text), decision.intent)
