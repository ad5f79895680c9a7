"""What is asked of the store of review items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.review.item import ReviewItem, State


@dataclass(frozen=True, slots=True)
class Filter:
    """Which items are listed: those that fit everything given."""

    state: State | None = None
    miner: str | None = None
    group: str | None = None
    intent: str | None = None  # decided, or else what the model said
    conversation_id: str | None = None
    disputed: bool | None = None


ANY = Filter()


class Reviews(Protocol):
    """Items that wait for labels, and those that have them.

    Every method raises Unavailable when the database cannot be reached; then nothing was written.
    """

    async def propose(self, items: Sequence[ReviewItem]) -> int:
        """Add items; how many are new. All or nothing.

        What is there already for a user turn, or for a sentence of the training data and its
        label, stays and gets the reasons that it did not have.
        """
        ...

    async def missing(self, items: Sequence[ReviewItem]) -> Sequence[ReviewItem]:
        """Those of ``items`` whose turn, or sentence of the data, nobody has proposed."""
        ...

    async def item(self, item_id: str) -> ReviewItem:
        """Raises NotFound."""
        ...

    async def of_turn(self, conversation_id: str, seq: int) -> ReviewItem | None:
        """The item of a user event, None when nobody proposed it."""
        ...

    async def listed(
        self, wanted: Filter = ANY, *, after: str = "", limit: int = 100
    ) -> Sequence[ReviewItem]:
        """Those that fit, the most urgent first; with ``after``, what comes behind that id."""
        ...

    async def keep(self, items: Sequence[ReviewItem]) -> Sequence[ReviewItem]:
        """Store items in the place of what they were made from; as they stand then.

        All or nothing. Raises Conflict when one has another revision by now, or is erased.
        """
        ...

    async def decided(self, *, after: int = 0, limit: int = 1000) -> Sequence[ReviewItem]:
        """Items with a decision, a person's or a weak one, that changed after that revision.

        In the order of their revisions: none turns up later before the last one given.
        """
        ...

    async def withdrawn(self, *, after: int = 0, limit: int = 1000) -> Sequence[tuple[int, str]]:
        """Revision and id of items that have no decision, or none any more, as ``decided``."""
        ...

    async def counts(self) -> Mapping[State, int]:
        """How many items are in each state."""
        ...

    async def erase(self, conversation_id: str) -> int:
        """Forget what the conversation's items hold; how many there were.

        Their ids stay, in the state ``erased``, so that data sets made from them can follow.
        """
        ...
