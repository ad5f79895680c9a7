"""Which columns hold what users wrote, and their encryption with the newest key, in small steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select, tuple_, update

from bot.errors import SettingsError
from bot.store.database import Database
from bot.store.sealing import MARK, Locked, Seal, seal_of
from bot.store.tables import event, inbox, outbox, reminder, review, unpublished

PAGE = 500  # rows that are looked at in one transaction


@dataclass(frozen=True, slots=True)
class Column:
    """A column of texts; ``kind`` and the columns ``where`` name its row to the seal."""

    table: Table
    name: str
    kind: str
    where: tuple[str, ...]

    def opened(self, seal: Seal, row: Mapping[Any, Any]) -> str:
        """The text in ``row``. Raises Locked."""
        return seal.open(row[self.name], self.kind, *(row[name] for name in self.where))

    def closed(self, seal: Seal, text: str, row: Mapping[Any, Any]) -> str:
        """``text`` as it is stored in ``row``."""
        return seal.close(text, self.kind, *(row[name] for name in self.where))


COLUMNS = (
    Column(event, "event", "event", ("conversation_id", "seq")),
    Column(inbox, "message", "inbox", ("conversation_id", "position")),
    Column(inbox, "digest", "digest", ("conversation_id", "position")),
    Column(outbox, "reply", "outbox", ("conversation_id", "inbox_id")),
    Column(reminder, "message", "reminder", ("conversation_id", "name")),
    Column(unpublished, "events", "unpublished", ("conversation_id",)),
    Column(review, "item", "review", ("id",)),
)


async def check_keys(database: Database) -> None:
    """Raises SettingsError when the newest texts cannot be opened with the keys that are there."""

    def look(db: Connection) -> None:
        for column in COLUMNS:
            if "id" in column.table.c:
                newest = select(column.table).order_by(column.table.c.id.desc()).limit(1)
                for row in db.execute(newest):
                    column.opened(seal_of(db), row._mapping)

    try:
        await database.read(look)
    except Locked as error:
        raise SettingsError(str(error)) from error


async def count(database: Database) -> int:
    """How many texts there are."""

    def counted(db: Connection) -> int:
        each = (select(func.count()).select_from(column.table) for column in COLUMNS)
        return sum(db.scalar(one) or 0 for one in each)

    return await database.read(counted)


async def rekey(
    database: Database, *, decrypt: bool = False, told: Callable[[int], None] = lambda rows: None
) -> int:
    """Have every text closed with the newest key, or with none; how many were changed.

    Servers may run meanwhile, and it may break off and be done again. ``told`` hears how many rows
    were looked at. Raises Locked for a text whose key is missing; what came before is done.
    """
    changed = 0
    for column in COLUMNS:
        after: tuple[Any, ...] | None = None
        while True:
            step = partial(_step, column=column, after=after, decrypt=decrypt)
            seen, last, some = await database.write(step)
            changed += some
            told(seen)
            if last is None:
                break
            after = last
    return changed


def _step(
    db: Connection, column: Column, after: tuple[Any, ...] | None, decrypt: bool
) -> tuple[int, tuple[Any, ...] | None, int]:
    """One page: rows seen, the key of the last one if there may be more, texts changed."""
    key = list(column.table.primary_key.columns)
    page = select(column.table).order_by(*key).limit(PAGE)
    if after is not None:
        page = page.where(tuple_(*key) > tuple_(*after))
    rows = db.execute(page.with_for_update()).all()
    seal = seal_of(db)
    wanted = "" if decrypt else f"{MARK}{seal.key_id}:"
    changed = sum(_changed(db, column, row, seal, wanted) for row in rows)
    last = tuple(getattr(rows[-1], each.name) for each in key) if len(rows) == PAGE else None
    return len(rows), last, changed


def _changed(db: Connection, column: Column, row: Row[Any], seal: Seal, wanted: str) -> bool:
    fields = row._mapping
    stored = str(fields[column.name])
    if stored.startswith(wanted) if wanted else not stored.startswith(MARK):
        return False
    text = column.opened(seal, fields)
    body = column.closed(seal, text, fields) if wanted else text
    this = [each == fields[each.name] for each in column.table.primary_key.columns]
    db.execute(update(column.table).where(*this).values({column.name: body}))
    return True
