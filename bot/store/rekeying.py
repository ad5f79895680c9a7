"""What people wrote, encrypted with the newest key, in small steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, func, select, tuple_, update

from bot.errors import SettingsError
from bot.store.columns import COLUMNS, Column
from bot.store.database import Database
from bot.store.sealing import MARK, Locked, Seal, seal_of

PAGE = 500  # rows that are looked at in one transaction


async def check_keys(database: Database) -> None:
    """Raises SettingsError when the newest texts cannot be opened with the keys that are there."""

    def look(db: Connection) -> None:
        for column in COLUMNS:
            if "id" in column.table.c:
                newest = select(column.table).order_by(column.table.c.id.desc()).limit(1)
                for row in db.execute(newest).mappings():
                    if row[column.name] is not None:
                        column.opened(seal_of(db), row)

    try:
        await database.read(look)
    except Locked as error:
        raise SettingsError(str(error)) from error


async def count(database: Database) -> int:
    """How many rows ``rekey`` looks at; one with several texts counts once for each."""

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
    if not _is_wanted(column, seal, fields, wanted):
        return False
    text = column.opened(seal, fields)
    body = column.closed(seal, text, fields) if wanted else text
    this = [each == fields[each.name] for each in column.table.primary_key.columns]
    db.execute(update(column.table).where(*this).values({column.name: body}))
    return True


def _is_wanted(column: Column, seal: Seal, fields: Mapping[Any, Any], wanted: str) -> bool:
    """Whether the text should be stored otherwise than it is."""
    stored: str | None = fields[column.name]
    if stored is None:
        return False
    if not wanted:
        return stored.startswith(MARK)
    is_closed = stored.startswith(wanted)
    return not is_closed or (bool(column.before) and not column.is_bound(seal, fields))
