"""The audit log in SQL: one chain for all servers, since its head is one row that is locked."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Table, delete, select, update

from bot.audit import DONE, Deed, Fact, at_terminal, check_facts
from bot.store import schema
from bot.store.chain import START, Anchor, Broken, Verifier, link
from bot.store.checks import check_id
from bot.store.database import Database
from bot.store.inserts import insert
from bot.store.tables import audit, audit_head, audit_subject

PAGE = 1000  # rows read at a time
MOST_BROKEN = 100  # problems that are told


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: everything given must fit. ``after`` is a number, ``since`` a time."""

    conversation_id: str | None = None
    actor: str | None = None
    action: str | None = None
    since: float | None = None
    after: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many rows there are, the head of the chain, and what is wrong."""

    rows: int
    head: Anchor
    broken: Sequence[Broken]


class SqlAudit:
    """The audit log of one database. Recording is one short transaction of its own.

    A conversation is named by a pseudonym made at random when it is first needed; without the row
    that connects the two nobody can tell whose it was.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock

    async def record(self, deed: Deed) -> int:
        facts = msgspec.json.encode(check_facts(deed.facts)).decode()
        if deed.conversation_id is not None:
            check_id("The conversation's id", deed.conversation_id)
        return await self._database.write(lambda db: self._record(db, deed, facts))

    async def subject(self, conversation_id: str) -> str | None:
        """The conversation's pseudonym, None where nobody did anything with it, or it is erased."""
        return await self._database.read(lambda db: subject_of(db, conversation_id))

    async def rows(self, wanted: Wanted, *, limit: int) -> list[dict[str, Any]]:
        """Rows in their order."""

        def look(db: Connection) -> list[dict[str, Any]]:
            found = _selected(db, wanted).limit(limit)
            return [dict(row._mapping) for row in db.execute(found)]

        return await self._database.read(look)

    async def head(self) -> Anchor:
        """The last row's number and hash; number 0 before the first."""
        return await self._database.read(_head) or Anchor(0, START)

    async def verify(
        self, anchors: Sequence[Anchor] = (), *, told: Callable[[int], None] = lambda number: None
    ) -> Verdict:
        """Read the whole chain; ``told`` hears of each page. Rows added meanwhile do no harm."""
        head = await self._database.read(_head)
        verifier = Verifier([*anchors, head] if head else anchors)
        broken, count = list[Broken](), 0
        while page := await self.rows(Wanted(after=verifier.number), limit=PAGE):
            for row in page:
                broken += verifier.take(row)
            count += len(page)
            told(verifier.number)
        broken += verifier.end(await self._database.read(_head))
        return Verdict(count, Anchor(verifier.number, verifier.hash), broken[:MOST_BROKEN])

    def _record(self, db: Connection, deed: Deed, facts: str) -> int:
        # The head first: whoever has it is the only one that adds a row, on whichever server.
        number, previous = self._next(db)
        row = {
            "number": number,
            "at": self._clock(),
            **{"kind": deed.actor.kind, "actor": deed.actor.name, "role": deed.actor.role},
            "action": deed.action,
            "outcome": deed.outcome,
            "subject": self._subject(db, deed.conversation_id),
            "facts": facts,
        }
        row["hash"] = link(previous, row)
        db.execute(audit.insert(), row)
        db.execute(update(audit_head).values(hash=row["hash"]))
        return number

    def _next(self, db: Connection) -> tuple[int, str]:
        first = self._insert(audit_head).values(id=1, number=1, hash=START)
        next_ = first.on_conflict_do_update(
            index_elements=["id"], set_={"number": audit_head.c.number + 1}
        ).returning(audit_head.c.number, audit_head.c.hash)
        number, previous = db.execute(next_).one()
        return number, previous

    def _subject(self, db: Connection, conversation_id: str | None) -> str | None:
        if conversation_id is None:
            return None
        if known := subject_of(db, conversation_id):
            return known
        row = {"conversation_id": conversation_id, "subject": secrets.token_hex(16)}
        db.execute(audit_subject.insert(), row)
        return row["subject"]

    def _insert(self, table: Table) -> Any:
        return insert(table, is_sqlite=self._database.sqlite)


@asynccontextmanager
async def open_audit(
    url: str, *, clock: Callable[[], float] = time.time
) -> AsyncIterator[SqlAudit]:
    """The audit log at ``url``, closed after the block. Raises SettingsError, Unavailable."""
    await schema.check(url)
    database = Database(url)
    try:
        yield SqlAudit(database, clock=clock)
    finally:
        await database.close()


def subject_of(db: Connection, conversation_id: str) -> str | None:
    """The pseudonym of the conversation."""
    theirs = select(audit_subject.c.subject).where(
        audit_subject.c.conversation_id == conversation_id
    )
    found: str | None = db.scalar(theirs)
    return found


def forget_subject(db: Connection, conversation_id: str) -> int:
    """Nobody can tell any more which rows were about the conversation; how many names went."""
    gone = delete(audit_subject).where(audit_subject.c.conversation_id == conversation_id)
    return db.execute(gone).rowcount


def as_told(row: dict[str, Any]) -> dict[str, Any]:
    """A row for programs."""
    return {**row, "facts": msgspec.json.decode(row["facts"])}


def anchor_of(told: str) -> Anchor:
    """``NUMBER:HASH`` as ``parley audit anchor`` writes it. Raises ValueError."""
    number, _, hash_ = told.partition(":")
    if len(bytes.fromhex(hash_)) != 32:
        raise ValueError(told)
    return Anchor(int(number), hash_.lower())


def shown(anchor: Anchor) -> str:
    """``anchor`` as ``anchor_of`` reads it."""
    return ":".join(map(str, asdict(anchor).values()))


def _head(db: Connection) -> Anchor | None:
    row = db.execute(select(audit_head.c.number, audit_head.c.hash)).one_or_none()
    return None if row is None else Anchor(row.number, row.hash)


def _selected(db: Connection, wanted: Wanted) -> Select[Any]:
    found = select(audit).where(audit.c.number > wanted.after).order_by(audit.c.number)
    if wanted.conversation_id is not None:
        found = found.where(audit.c.subject == subject_of(db, wanted.conversation_id))
    if wanted.actor is not None:
        found = found.where(audit.c.actor == wanted.actor)
    if wanted.action is not None:
        found = found.where(audit.c.action.startswith(wanted.action, autoescape=True))
    if wanted.since is not None:
        found = found.where(audit.c.at >= wanted.since)
    return found


def record_at_terminal(
    url: str,
    action: str,
    *,
    outcome: str = DONE,
    conversation_id: str | None = None,
    facts: Mapping[str, Fact] | None = None,
) -> int:
    """Record what a command does for whoever runs it; the row's number. Not for an event loop.

    Raises SettingsError, Unavailable, BadRequest.
    """
    if url.startswith("sqlite"):
        schema.upgrade(url)

    async def recorded() -> int:
        async with open_audit(url) as audit:
            deed = Deed(at_terminal(), action, outcome, conversation_id, facts or {})
            return await audit.record(deed)

    return asyncio.run(recorded())
