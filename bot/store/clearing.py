"""What need not be kept for ever: messages done and replies settled, some time after."""

from __future__ import annotations

from sqlalchemy import Column, Connection, Table, delete, select

from bot.store.tables import inbox, outbox

MOST_AT_ONCE = 1000  # rows looked at in each table, so that a turn never waits long


def clear(db: Connection, *, before: float) -> int:
    """Delete what was done before then, among the oldest rows; how many went."""
    return _oldest(db, inbox, inbox.c.done_at, before) + _oldest(
        db, outbox, outbox.c.settled_at, before
    )


def _oldest(db: Connection, table: Table, ended: Column[float], before: float) -> int:
    # By the order of ids, which is nearly that of time: no index over times, which every turn
    # would have to write, is needed.
    rows = db.execute(select(table.c.id, ended).order_by(table.c.id).limit(MOST_AT_ONCE))
    gone = [id_ for id_, at in rows if at is not None and at < before]
    if gone:
        db.execute(delete(table).where(table.c.id.in_(gone)))
    return len(gone)
