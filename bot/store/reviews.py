"""Review items in SQL."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, delete, func, insert, or_, select, text, update

from bot.errors import Conflict, NotFound
from bot.review.item import LOG, ReviewItem, State, Step
from bot.review.store import ANY, Filter
from bot.store import schema
from bot.store.checks import check_id
from bot.store.database import Database, parse_url
from bot.store.sealing import seal_of
from bot.store.tables import conversation, review, review_miner

AT_ONCE = 500  # keys of one question
LOCK = 0x726576696577  # "review": PostgreSQL's advisory locks are numbers

SEALED = "review"  # the kind of row, as its seal knows it

_ITEMS = select(review.c.id, review.c.item)
_items = msgspec.json.Decoder(ReviewItem)


@asynccontextmanager
async def open_reviews(
    url: str, *, clock: Callable[[], float] = time.time
) -> AsyncIterator[SqlReviews]:
    """The review items at ``url``, closed after the block."""
    database = Database(url)
    try:
        yield SqlReviews(database, clock=clock)
    finally:
        await database.close()


def make_ready(url: str) -> None:
    """Make the SQLite file where there is none yet. Blocks. Raises SettingsError where the database
    has another schema: servers may be working on it, so that its owner says when it changes."""
    database = parse_url(url)
    is_file = database.get_backend_name() == "sqlite"
    if is_file and not Path(str(database.database)).is_file():
        schema.upgrade(url)
    else:
        asyncio.run(schema.check(url))


class SqlReviews:
    """The Reviews in one database.

    Who changes items waits for who does so already: revisions are given in the order in which they
    can be seen, so that a reader who remembers the last one misses none.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock

    async def propose(self, items: Sequence[ReviewItem]) -> int:
        for item in items:
            check_id("The conversation's id", item.conversation_id)
        now = self._clock()

        def add(db: Connection) -> int:
            revision, there = self._next_revision(db), _not_erased(db, items)
            return sum(_proposed(db, item, revision + at, now) for at, item in enumerate(there))

        return await self._database.write(add)

    async def missing(self, items: Sequence[ReviewItem]) -> Sequence[ReviewItem]:
        keys = [_key(item) for item in items]
        there: set[str] = set()
        for begin in range(0, len(keys), AT_ONCE):
            some = select(review.c.key).where(review.c.key.in_(keys[begin : begin + AT_ONCE]))
            there.update(await self._database.read(partial(_all, wanted=some)))
        return [item for item, key in zip(items, keys, strict=True) if key not in there]

    async def item(self, item_id: str) -> ReviewItem:
        found = await self._one(_ITEMS.where(review.c.id == item_id))
        if found is None:
            raise NotFound(f"There is no review item {item_id!r}.")
        return found

    async def of_turn(self, conversation_id: str, seq: int) -> ReviewItem | None:
        check_id("The conversation's id", conversation_id)
        return await self._one(_ITEMS.where(review.c.key == _turn_key(conversation_id, seq)))

    async def listed(
        self, wanted: Filter = ANY, *, after: str = "", limit: int = 100
    ) -> Sequence[ReviewItem]:
        fitting = _fitting(wanted).order_by(review.c.score.desc(), review.c.id).limit(limit)

        def look(db: Connection) -> Sequence[ReviewItem]:
            if not after:
                return _opened(db, fitting)
            last = db.scalar(select(review.c.score).where(review.c.id == after))
            if last is None:
                raise NotFound(f"There is no review item {after!r}.")
            behind = (review.c.score == last) & (review.c.id > after)
            return _opened(db, fitting.where(or_(review.c.score < last, behind)))

        return await self._database.read(look)

    async def keep(self, items: Sequence[ReviewItem]) -> Sequence[ReviewItem]:
        def store(db: Connection) -> Sequence[ReviewItem]:
            revision = self._next_revision(db)
            return [_kept(db, item, revision + at) for at, item in enumerate(items)]

        return await self._database.write(store)

    async def decided(self, *, after: int = 0, limit: int = 1000) -> Sequence[ReviewItem]:
        changed = _changed(_ITEMS, after, limit).where(review.c.is_decided == 1)
        return await self._database.read(partial(_opened, wanted=changed))

    async def withdrawn(self, *, after: int = 0, limit: int = 1000) -> Sequence[tuple[int, str]]:
        ids = select(review.c.revision, review.c.id).where(review.c.is_decided == 0)
        changed = _changed(ids, after, limit)
        rows = await self._database.read(lambda db: db.execute(changed).all())
        return [(row.revision, row.id) for row in rows]

    async def counts(self) -> Mapping[State, int]:
        each = select(review.c.state, func.count()).group_by(review.c.state)
        rows = await self._database.read(lambda db: db.execute(each).all())
        return {row[0]: row[1] for row in rows}

    async def erase(self, conversation_id: str) -> int:
        check_id("The conversation's id", conversation_id)
        now = self._clock()

        def forget(db: Connection) -> int:
            revision = self._next_revision(db)
            return _erased(db, conversation_id, revision, now)

        return await self._database.write(forget) if conversation_id else 0

    async def _one(self, wanted: Select[str, str]) -> ReviewItem | None:
        found = await self._database.read(partial(_opened, wanted=wanted))
        return found[0] if found else None

    def _next_revision(self, db: Connection) -> int:
        if not self._database.sqlite:  # which lets one writer in at a time
            db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        return (db.scalar(select(func.max(review.c.revision))) or 0) + 1


def _opened(db: Connection, wanted: Select[str, str]) -> Sequence[ReviewItem]:
    opened = seal_of(db).open
    return [_items.decode(opened(body, SEALED, id_)) for id_, body in db.execute(wanted)]


def _all(db: Connection, wanted: Select[str]) -> Sequence[str]:
    return db.scalars(wanted).all()


def _not_erased(db: Connection, items: Sequence[ReviewItem]) -> list[ReviewItem]:
    """``items`` without those whose user was erased since they were read from the log, which then
    has fewer events; but those of a former life of the conversation, which retention ended. Who
    erases later waits for this transaction, and finds what it stores."""
    named = sorted({item.conversation_id for item in items if item.origin == LOG})
    erased: dict[str, int] = {}  # how many events there are now
    for begin in range(0, len(named), AT_ONCE):
        some = select(conversation.c.id, conversation.c.seq).where(
            conversation.c.id.in_(named[begin : begin + AT_ONCE]), conversation.c.erased_epoch > 0
        )
        erased.update((row.id, row.seq) for row in db.execute(some))
    return [
        item
        for item in items
        if item.origin != LOG
        or item.conversation_id not in erased
        or 0 < item.seq <= erased[item.conversation_id]
    ]


def _proposed(db: Connection, item: ReviewItem, revision: int, now: float) -> bool:
    """Add ``item``, or its reasons to the one that is there; whether it is new."""
    key = _key(item)
    if found := _opened(db, _ITEMS.where(review.c.key == key)):
        [there] = found
        known = {reason.miner for reason in there.reasons}
        more = tuple(reason for reason in item.reasons if reason.miner not in known)
        if more:
            richer = msgspec.structs.replace(there, reasons=there.reasons + more)
            _store(db, richer, revision)
        return False
    steps = tuple(Step(now, reason.miner, "proposed") for reason in item.reasons)
    new = msgspec.structs.replace(
        item, created_at=item.created_at or now, history=item.history + steps, revision=revision
    )
    db.execute(insert(review), {"id": new.id, "key": key, **_columns(db, new)})
    _note_miners(db, new)
    return True


def _kept(db: Connection, item: ReviewItem, revision: int) -> ReviewItem:
    """``item`` as it stands now that it is stored."""
    stands = db.execute(
        select(review.c.revision, review.c.state).where(review.c.id == item.id)
    ).one_or_none()
    if stands is None:
        raise NotFound(f"There is no review item {item.id!r}.")
    if stands.state == "erased":
        raise Conflict(f"Review item {item.id!r} was erased; nothing of it can be kept.")
    if stands.revision != item.revision:
        raise Conflict(
            f"Review item {item.id!r} was changed meanwhile: it is at revision {stands.revision}, "
            f"not {item.revision}. Look at it again."
        )
    return _store(db, item, revision)


def _store(db: Connection, item: ReviewItem, revision: int) -> ReviewItem:
    new = msgspec.structs.replace(item, revision=revision)
    db.execute(update(review).where(review.c.id == new.id).values(_columns(db, new)))
    db.execute(delete(review_miner).where(review_miner.c.review_id == new.id))
    _note_miners(db, new)
    return new


def _note_miners(db: Connection, item: ReviewItem) -> None:
    miners = dict.fromkeys(reason.miner for reason in item.reasons)
    if miners:
        db.execute(
            insert(review_miner), [{"review_id": item.id, "miner": miner} for miner in miners]
        )


def _erased(db: Connection, conversation_id: str, revision: int, now: float) -> int:
    theirs = select(review.c.id).where(review.c.conversation_id == conversation_id)
    ids = db.scalars(theirs.order_by(review.c.id)).all()
    for at, item_id in enumerate(ids):
        step = Step(now, "", "erased")
        gone = ReviewItem(item_id, "", state="erased", history=(step,), revision=revision + at)
        values = {"key": f"erased:{item_id}", **_columns(db, gone)}
        db.execute(update(review).where(review.c.id == item_id).values(values))
        db.execute(delete(review_miner).where(review_miner.c.review_id == item_id))
    return len(ids)


def _columns(db: Connection, item: ReviewItem) -> dict[str, Any]:
    body = msgspec.json.encode(item).decode()
    return {
        "conversation_id": item.conversation_id,
        "state": item.state,
        "score": item.urgency,
        "duplicates": item.group,
        "intent": item.decision.intent if item.decision else item.said.intent,
        "is_disputed": int(item.is_disputed),
        "is_decided": int(item.decision is not None),
        "revision": item.revision,
        "item": seal_of(db).close(body, SEALED, item.id),
    }


def _key(item: ReviewItem) -> str:
    """What makes two items the same: the user turn, or a sentence of the data and its label."""
    if item.conversation_id and item.origin == LOG:
        return _turn_key(item.conversation_id, item.seq)
    if item.conversation_id:
        return f"{item.origin}:{item.seq}:{item.conversation_id}"
    said = msgspec.json.encode((item.origin, item.text, item.labelled))
    return f"data:{hashlib.sha256(said).hexdigest()}"


def _turn_key(conversation_id: str, seq: int) -> str:
    return f"{seq}:{conversation_id}"


def _fitting(wanted: Filter) -> Select[str, str]:
    fitting = _ITEMS
    same = {
        review.c.state: wanted.state,
        review.c.duplicates: wanted.group,
        review.c.intent: wanted.intent,
        review.c.conversation_id: wanted.conversation_id,
        review.c.is_disputed: None if wanted.disputed is None else int(wanted.disputed),
    }
    for column, value in same.items():
        if value is not None:
            fitting = fitting.where(column == value)
    if wanted.miner is not None:
        theirs = select(review_miner.c.review_id).where(review_miner.c.miner == wanted.miner)
        fitting = fitting.where(review.c.id.in_(theirs))
    return fitting


def _changed(what: Select[Any], after: int, limit: int) -> Select[Any]:
    return what.where(review.c.revision > after).order_by(review.c.revision).limit(limit)
