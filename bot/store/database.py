"""One SQL database, SQLite or PostgreSQL, reached with bounded patience.

SQLite runs in WAL mode. With ``synchronous`` NORMAL, the default, everything committed
survives the process being killed; a loss of power may undo the last commits (those since the
last checkpoint), whole transactions at a time, and leaves the file sound. FULL keeps every
commit through a loss of power too, for one disk flush each. PostgreSQL keeps every commit, by its
own default (``synchronous_commit = on``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Literal

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.errors import SettingsError, Unavailable

POOL = 10  # connections kept; as many again in a rush
CONNECT_S = 3
STATEMENT_S = 5
TRANSACTION_S = 10.0  # all of it, waiting for a connection included

Synchronous = Literal["NORMAL", "FULL"]


def parse_url(url: str) -> URL:
    """``sqlite:///file`` or ``postgresql://...``, with a driver that speaks asyncio and not."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SettingsError(f"The database URL cannot be read: {error}") from error
    match parsed.get_backend_name():
        case "sqlite":
            if parsed.database in (None, "", ":memory:"):
                raise SettingsError("SQLite needs a file: sqlite:///path/to/parley.db")
            return parsed.set(drivername="sqlite+aiosqlite")
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise SettingsError(
                f"The database URL names '{other}'. Possible: sqlite:///file, "
                "postgresql://user@host/database."
            )


def shown(url: URL) -> str:
    """``url`` for people: no password, no driver."""
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)


class Database:
    """An engine, and the two ways to use it. Both raise Unavailable when it cannot be reached."""

    def __init__(self, url: str, *, synchronous: Synchronous = "NORMAL") -> None:
        self.url = parse_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        # SQLite lets one writer in; waiting here is fair and costs nothing, waiting there polls.
        self._writer = asyncio.Lock() if self.sqlite else None
        self._engine = _sqlite(self.url, synchronous) if self.sqlite else _postgresql(self.url)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection on which each statement sees what is committed."""
        async with self._patience(), self._engine.connect() as db:
            if not self.sqlite:
                await db.execution_options(isolation_level="AUTOCOMMIT")
            yield db

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction, committed when the block ends, undone when it raises."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._patience())
            if self._writer:
                await stack.enter_async_context(self._writer)
            db = await stack.enter_async_context(self._engine.connect())
            await db.execution_options(writes=True)
            yield db
            await db.commit()

    async def close(self) -> None:
        await self._engine.dispose()

    def __str__(self) -> str:
        return shown(self.url)

    @asynccontextmanager
    async def _patience(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(TRANSACTION_S):
                yield
        except DBAPIError as error:
            if not _unreachable(error):
                raise
            reason = str(error.orig).strip().partition("\n")[0]
            raise Unavailable(f"The database {self} cannot be used now: {reason}") from error
        except (PoolTimeout, TimeoutError, OSError) as error:
            raise Unavailable(f"The database {self} did not answer in time.") from error


def _unreachable(error: DBAPIError) -> bool:
    """Whether the database is the trouble and not the statement."""
    return (
        error.connection_invalidated
        or isinstance(error, OperationalError | InterfaceError | InternalError)
        or type(error) is DatabaseError  # SQLite: the file is damaged
    )


def _sqlite(url: URL, synchronous: Synchronous) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=POOL,
        max_overflow=0,
        pool_timeout=TRANSACTION_S,
        connect_args={"isolation_level": None, "timeout": STATEMENT_S},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(f"PRAGMA synchronous = {synchronous}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writes"):
            # A transaction that begins by reading could not be upgraded behind another writer.
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL) -> AsyncEngine:
    limits = {
        "statement_timeout": STATEMENT_S,
        "lock_timeout": STATEMENT_S,
        "idle_in_transaction_session_timeout": TRANSACTION_S,
    }
    options = " ".join(f"-c {name}={int(seconds * 1000)}" for name, seconds in limits.items())
    defaults = {
        "connect_timeout": CONNECT_S,
        "tcp_user_timeout": int(TRANSACTION_S * 1000),
        "application_name": "parley",
        "options": options,
    }
    return create_async_engine(
        url,
        pool_size=POOL,
        max_overflow=POOL,
        pool_timeout=TRANSACTION_S,
        pool_pre_ping=True,
        connect_args={name: value for name, value in defaults.items() if name not in url.query},
    )
