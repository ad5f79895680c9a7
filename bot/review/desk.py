"""Reviewing: what the terminal and the API do with items, one step of the store each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from bot.dialogue.domain import Domain
from bot.dialogue.events import BotUttered, UserUttered
from bot.errors import Conflict, NotFound
from bot.review import decide
from bot.review.agreement import Agreement, Pair, agreement
from bot.review.decide import Names
from bot.review.item import Opinion, Reason, ReviewItem, Said, State, new_id
from bot.review.scrubbing import Rules
from bot.review.store import Filter, Reviews
from bot.review.turn import Turn
from bot.store.base import Log

PAGE = 500

Change = Callable[[ReviewItem], ReviewItem]


class Summary(NamedTuple):
    """How many items are in each state, and how far people agree."""

    states: Mapping[State, int]
    disputed: int
    agreement: Agreement
    pairs: tuple[Pair, ...]


def names_of(domain: Domain) -> Names:
    """What a label may name."""
    intents = frozenset(domain.intents)
    named = (one.removeprefix("utter_") for one in domain.responses if one.startswith("utter_"))
    answers = (one for one in named if "/" in one and one.partition("/")[0] in intents)
    return Names(intents, frozenset(domain.entities), frozenset(answers))


async def decided(
    reviews: Reviews,
    item: ReviewItem,
    opinion: Opinion,
    names: Names,
    *,
    whole_group: bool = False,
    found: bool = False,
) -> Sequence[ReviewItem]:
    """Keep what somebody says of ``item``, or of its whole group: its open items. The first of the
    answer is the item itself.

    The others of a group get the intent alone: entities stand elsewhere in them, and are those that
    the model found; with ``found`` so are those of ``item``. Raises BadRequest, and Conflict where
    one of them was changed meanwhile; then nothing is kept.
    """
    said = opinion.note
    if found:
        opinion = decide.with_found(opinion, item, names)
    changed = [decide.opine(item, decide.checked(opinion, item, names))]
    if whole_group and item.group:
        others = await reviews.listed(Filter(state="open", group=item.group), limit=PAGE)
        changed += [
            decide.opine(one, decide.with_found(replace(opinion, note=said), one, names))
            for one in others
            if one.id != item.id
        ]
    return await reviews.keep(changed)


async def changed(
    reviews: Reviews, item_id: str, revision: int | None, change: Change
) -> ReviewItem:
    """The item once ``change`` was made of it as it stood at ``revision``; None: as it stands.

    Raises NotFound, Conflict.
    """
    item = at_revision(await reviews.item(item_id), revision)
    [kept] = await reviews.keep([change(item)])
    return kept


def at_revision(item: ReviewItem, revision: int | None) -> ReviewItem:
    """``item``, if it stands there. Raises Conflict."""
    if revision is not None and revision != item.revision:
        raise Conflict(
            f"Review item {item.id!r} was changed meanwhile: it is at revision {item.revision}, "
            f"not {revision}. Look at it again."
        )
    return item


async def item_of_turn(
    reviews: Reviews, log: Log, conversation_id: str, seq: int, rules: Rules
) -> ReviewItem:
    """The item of a user's turn, made where no miner proposed it. Raises NotFound, where there is
    no such turn or nothing was written in it."""
    if there := await reviews.of_turn(conversation_id, seq):
        return there
    history = await log.history(conversation_id, all_sessions=True)
    at = seq - 1 - (history.seq - len(history.events))  # old sessions may be gone
    event = history.events[at] if 0 <= at < len(history.events) else None
    if not isinstance(event, UserUttered) or not (event.text or "").strip():
        raise NotFound(
            f"Event {seq} of conversation {conversation_id!r} is none in which a user wrote."
        )
    before = [one.text for one in history.events[:at] if isinstance(one, BotUttered)]
    parse = event.parse_data
    turn = rules.clean(
        Turn(
            conversation_id,
            seq,
            event.text or "",
            at=event.timestamp or 0.0,
            before=(before[-1] or "") if before else "",
            said=Said(parse.intent.name, parse.intent.confidence, parse.entities)
            if parse
            else Said(),
        )
    )
    reason = Reason("person", 1.0, "chosen by a person")
    await reviews.propose([proposed(turn, said=turn.said, reasons=(reason,))])
    found = await reviews.of_turn(conversation_id, seq)
    if found is None:
        raise NotFound(f"Conversation {conversation_id!r} was erased just now.")
    return found


def proposed(turn: Turn, **more: Any) -> ReviewItem:
    """An item of ``turn``, which is scrubbed."""
    return ReviewItem(
        new_id(),
        turn.text,
        conversation_id=turn.conversation_id,
        seq=turn.seq,
        origin=turn.origin,
        scrub=turn.scrub,
        before=turn.before,
        at=turn.at,
        **more,
    )


async def summary(reviews: Reviews) -> Summary:
    """Counts of states, and how far people agree."""
    seen: list[ReviewItem] = []
    disputed = await _all(reviews, Filter(disputed=True))
    states: tuple[State, ...] = ("decided", "open")
    for state in states:
        seen += [one for one in await _all(reviews, Filter(state=state)) if len(one.opinions) > 1]
    everybody, pairs = agreement(seen)
    return Summary(await reviews.counts(), len(disputed), everybody, pairs)


async def _all(reviews: Reviews, wanted: Filter) -> list[ReviewItem]:
    found: list[ReviewItem] = []
    while page := await reviews.listed(wanted, after=found[-1].id if found else "", limit=PAGE):
        found += page
    return found
