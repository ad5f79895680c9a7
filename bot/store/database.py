"""One SQL database, SQLite or PostgreSQL, reached with bounded patience.

SQLite runs in WAL mode. With ``synchronous`` NORMAL, the default, everything committed
survives the process being killed; a loss of power may undo the last commits (those since the
last checkpoint), whole transactions at a time, and leaves the file sound. FULL keeps every
commit through a loss of power too, for one disk flush each. PostgreSQL keeps every commit, by its
own default (``synchronous_commit = on``).

What is done in a transaction is a plain function over a ``Connection``. On SQLite it runs whole in
a thread, since going there for each statement would take longer than the statements, and together
with what others write just then (``bot.store.writer``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from sqlite3 import SQLITE_FULL
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.errors import SettingsError, StorageFull, Unavailable
from bot.store.sealing import Seal, seal_of_environment
from bot.store.writer import Writer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

CONNECTIONS = 20  # to PostgreSQL at most, half of them kept
READERS = 4  # threads that read SQLite, beside the one that writes
CONNECT_S = 3
STATEMENT_S = 5
TRANSACTION_S = 10.0  # all of it, waiting for a connection included
AWAY = "The database cannot be used now."

Synchronous = Literal["NORMAL", "FULL"]
T = TypeVar("T")
Work = Callable[[Connection], T]


def parse_url(url: str) -> URL:
    """``sqlite:///file`` or ``postgresql://...``, with the driver that is used for it."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SettingsError(f"The database URL cannot be read: {error}") from error
    except ValueError as error:  # what it says may be part of a password
        raise SettingsError(
            "The database URL cannot be read: its port is no number. What is special in a password "
            "is written as %2F and the like."
        ) from error
    match parsed.get_backend_name():
        case "sqlite":
            if parsed.database in (None, "", ":memory:"):
                raise SettingsError("SQLite needs a file: sqlite:///path/to/parley.db")
            return parsed.set(drivername="sqlite+pysqlite")
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise SettingsError(
                f"The database URL names '{other}'. Possible: sqlite:///file, "
                "postgresql://user@host/database."
            )


def shown(url: URL) -> str:
    """``url`` for people: no password, wherever it stands, and no driver."""
    secrets = [name for name in url.query if "pass" in name.lower()]
    plain = url.difference_update_query(secrets).set(drivername=url.get_backend_name())
    return plain.render_as_string(hide_password=True)


class Database:
    """The two ways to use a database. Both raise Unavailable when it cannot be reached.

    ``seal``: what texts are encrypted with; that of the environment unless another is given, so
    that nothing that opens a database can forget it.
    """

    def __init__(
        self,
        url: str,
        *,
        synchronous: Synchronous = "NORMAL",
        seal: Seal | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        self.url = parse_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self.seal = seal or seal_of_environment()
        self._how = (
            _Sqlite(self.url, synchronous, self.seal)
            if self.sqlite
            else _Postgresql(self.url, self.seal, connections)
        )

    async def read(self, work: Work[T]) -> T:
        """What ``work`` returns; each of its statements sees what is committed."""
        return await self._patiently(self._how.read(work))

    async def write(self, work: Work[T]) -> T:
        """What ``work`` returns; all or nothing of it is committed, nothing when it raises.

        A caller that is cancelled, or waited too long, leaves nothing behind, unless the
        transaction was being committed just then.
        """
        return await self._patiently(self._how.write(work))

    async def wipe(self) -> None:
        """Have what was deleted or changed leave the files of SQLite, which writes ahead of its
        own; a reader that does not end may put that off until the next checkpoint."""
        await self._patiently(self._how.wipe())

    async def close(self) -> None:
        await self._how.close()

    def __str__(self) -> str:
        return shown(self.url)

    async def _patiently(self, transaction: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(TRANSACTION_S):
                return await transaction
        except DBAPIError as error:
            if not _unreachable(error):
                raise
            if _full(error):
                full = "The disk of the database is full."
                raise StorageFull(f"{full[:-1]}: {self}.", outside=full) from error
            reason = str(error.orig).strip().partition("\n")[0]
            raise Unavailable(
                f"The database {self} cannot be used now: {reason}", outside=AWAY
            ) from error
        except (PoolTimeout, TimeoutError, OSError) as error:
            raise Unavailable(
                f"The database {self} did not answer in time.", outside=AWAY
            ) from error


def _unreachable(error: DBAPIError) -> bool:
    """Whether the database is the trouble and not the statement."""
    return (
        error.connection_invalidated
        or isinstance(error, OperationalError | InterfaceError | InternalError)
        or type(error) is DatabaseError  # SQLite: the file is damaged
    )


def _full(error: DBAPIError) -> bool:
    """Whether nothing more can be stored, until there is room again."""
    if getattr(error.orig, "sqlite_errorcode", None) == SQLITE_FULL:
        return True
    return getattr(error.orig, "sqlstate", None) == "53100"


def _demoted(error: DBAPIError) -> bool:
    """Whether the server only reads now: another is the primary."""
    return getattr(error.orig, "sqlstate", None) == "25006"


class _Sqlite:
    """Transactions in threads: one that writes, since SQLite lets one writer in, some that read."""

    def __init__(self, url: URL, synchronous: Synchronous, seal: Seal) -> None:
        self._engine = _sqlite(url, synchronous).execution_options(seal=seal)
        self._writer = Writer(self._engine.execution_options(writes=True))
        self._readers = ThreadPoolExecutor(READERS, "sqlite-reader")

    async def read(self, work: Work[T]) -> T:
        def whole() -> T:
            with self._engine.connect() as db:
                return work(db)

        return await asyncio.get_running_loop().run_in_executor(self._readers, whole)

    async def write(self, work: Work[T]) -> T:
        return await self._writer.write(work)

    async def wipe(self) -> None:
        def checkpoint() -> None:
            with self._engine.connect() as db:
                db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

        await asyncio.get_running_loop().run_in_executor(self._readers, checkpoint)

    async def close(self) -> None:
        def finish() -> None:
            self._readers.shutdown()
            self._engine.dispose()

        await self._writer.close()
        await asyncio.to_thread(finish)


class _Postgresql:
    """Transactions on the event loop."""

    def __init__(self, url: URL, seal: Seal, connections: int) -> None:
        self._engine = _postgresql(url, connections).execution_options(seal=seal)

    async def read(self, work: Work[T]) -> T:
        async with self._engine.connect() as db:
            await db.execution_options(isolation_level="AUTOCOMMIT")
            return await db.run_sync(work)

    async def write(self, work: Work[T]) -> T:
        try:
            async with self._engine.begin() as db:
                return await db.run_sync(work)
        except DBAPIError as error:
            if _demoted(error):
                await self._engine.dispose()  # who asks next finds the new primary
            raise

    async def wipe(self) -> None:
        """Vacuuming is the server's own."""

    async def close(self) -> None:
        await self._engine.dispose()


def _sqlite(url: URL, synchronous: Synchronous) -> Engine:
    engine = create_engine(
        url,
        pool_size=READERS + 1,
        max_overflow=0,
        pool_timeout=TRANSACTION_S,
        connect_args={
            "isolation_level": None,
            "timeout": STATEMENT_S,
            "check_same_thread": False,  # a connection goes from thread to thread
        },
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(f"PRAGMA synchronous = {synchronous}")
        cursor.execute("PRAGMA secure_delete = ON")  # as most builds of SQLite have it
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writes"):
            # A transaction that begins by reading could not be upgraded behind another writer.
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL, connections: int) -> AsyncEngine:
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
    from sqlalchemy.ext.asyncio import create_async_engine  # megabytes that SQLite does without

    return create_async_engine(
        url,
        pool_size=(connections + 1) // 2,
        max_overflow=connections // 2,
        pool_timeout=TRANSACTION_S,
        pool_pre_ping=True,
        connect_args={name: value for name, value in defaults.items() if name not in url.query},
    )
