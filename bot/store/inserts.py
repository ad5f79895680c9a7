"""INSERTs that can say ON CONFLICT: SQLAlchemy has one for each kind of database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table


def insert(table: Table, *, is_sqlite: bool) -> Any:
    """An INSERT into ``table`` with ``on_conflict_do_update`` and ``on_conflict_do_nothing``."""
    if is_sqlite:
        from sqlalchemy.dialects.sqlite import insert as on_sqlite

        return on_sqlite(table)
    # Megabytes that SQLite does without.
    from sqlalchemy.dialects.postgresql import insert as on_postgresql

    return on_postgresql(table)
