"""What was counted while a model was tried, of all servers together."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from bot.store.database import Database
from bot.store.inserts import insert
from bot.store.tables import tally


class SqlTally:
    """Counts in one database. Its methods raise Unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, rollout: str, counts: Mapping[str, int]) -> None:
        """Add to what was counted of the rollout of that name."""
        # In one order, so that servers that add at once do not wait for each other in a circle.
        rows = [
            {"rollout": rollout, "name": name, "count": count}
            for name, count in sorted(counts.items())
        ]

        def write(db: Connection) -> None:
            into = insert(tally, is_sqlite=self._database.sqlite)
            more = {"count": tally.c.count + into.excluded.count}
            db.execute(
                into.on_conflict_do_update(index_elements=["rollout", "name"], set_=more), rows
            )

        if rows:
            await self._database.write(write)

    async def of(self, rollout: str) -> dict[str, int]:
        """Everything that was counted of the rollout, by name."""
        wanted = select(tally.c.name, tally.c.count).where(tally.c.rollout == rollout)

        rows = await self._database.read(lambda db: db.execute(wanted).all())
        return {row[0]: row[1] for row in rows}
