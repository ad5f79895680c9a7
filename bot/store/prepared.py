"""Statements that every turn runs, prepared: compiled once, and on SQLite handed to the driver.

What SQLAlchemy does for each statement takes several times as long as SQLite takes to run one of
these.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import Connection, Executable, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ClauseElement

Values = Mapping[str, Any]
MOST_TOGETHER = 100  # rows of one INSERT


class Prepared(Protocol):
    """A statement, run with the values it binds."""

    def rows(self, db: Connection, values: Values) -> Sequence[Sequence[Any]]:
        """What it gives."""
        ...

    def changed(self, db: Connection, values: Values) -> int:
        """How many rows it changed."""
        ...


class Adding(Protocol):
    """An INSERT of any number of rows, which name all their columns."""

    def add(self, db: Connection, rows: Sequence[Values]) -> None: ...


class ByCore:
    """Run by SQLAlchemy, on any database."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement

    def rows(self, db: Connection, values: Values) -> Sequence[Sequence[Any]]:
        return db.execute(self._statement, values).all()

    def changed(self, db: Connection, values: Values) -> int:
        return db.execute(self._statement, values).rowcount

    def add(self, db: Connection, rows: Sequence[Values]) -> None:
        db.execute(self._statement, rows)


class OnSqlite:
    """Run by the driver; what that raises is raised as SQLAlchemy would."""

    def __init__(self, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=sqlite.dialect(paramstyle="named"))
        self._sql = str(compiled)
        self._constants = {name: one for name, one in compiled.params.items() if one is not None}

    def rows(self, db: Connection, values: Values) -> Sequence[Sequence[Any]]:
        return execute(db, self._sql, {**self._constants, **values}).fetchall()

    def changed(self, db: Connection, values: Values) -> int:
        return execute(db, self._sql, {**self._constants, **values}).rowcount


class AddingOnSqlite:
    """Rows go in by one statement, since each run of one has to ask for Python's lock again."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self._into = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES "
        self._places = f"({', '.join('?' for _ in columns)})"
        self._columns = columns

    def add(self, db: Connection, rows: Sequence[Values]) -> None:
        for first in range(0, len(rows), MOST_TOGETHER):
            some = rows[first : first + MOST_TOGETHER]
            values = [row[name] for row in some for name in self._columns]
            execute(db, _repeated(self._into, self._places, len(some)), values)


def execute(
    db: Connection, sql: str, values: Mapping[str, Any] | Sequence[Any] = ()
) -> sqlite3.Cursor:
    """``sql`` run by SQLite's driver, within the transaction of ``db``."""
    driver: Any = db.connection.dbapi_connection
    try:
        cursor: sqlite3.Cursor = driver.execute(sql, values)
    except sqlite3.Error as error:
        raise DBAPIError.instance(sql, None, error, sqlite3.Error) from error
    return cursor


@lru_cache(maxsize=2 * MOST_TOGETHER)
def _repeated(into: str, places: str, count: int) -> str:
    return into + ", ".join([places] * count)
