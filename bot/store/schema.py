"""The database's schema: brought up to date, and compared with what this Parley expects."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.exc import DBAPIError

from bot.errors import SettingsError, Unavailable
from bot.store.database import CONNECT_S, Database, parse_url, shown
from bot.store.private import make_folder
from bot.store.tables import metadata

MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION = "alembic_version"  # the table where Alembic notes the revision
LOCK = 0x7061726C6579  # "parley": PostgreSQL's advisory locks are numbers


def upgrade(url: str) -> None:
    """Bring the schema at ``url`` up to date, in one transaction; servers starting together queue.

    Blocks, so not for the event loop. Raises SettingsError when the schema is newer than this
    Parley, Unavailable when the database cannot be reached.
    """
    engine = _engine(url)
    name = shown(engine.url)
    try:
        with engine.begin() as db:
            if engine.dialect.name == "postgresql":
                db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            if (found := current(db)) == head():
                return
            if found and not _known(found):
                raise SettingsError(_newer(name, found))
            if found is None and engine.dialect.name == "sqlite":
                _create(db)
            else:
                migrate(db)
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise Unavailable(f"The database {name} cannot be upgraded now: {reason}") from error
    finally:
        engine.dispose()


async def check(url: str) -> None:
    """Raises SettingsError unless the schema at ``url`` is the one this Parley works with."""
    database = Database(url)
    try:
        found = await database.read(current)
    finally:
        await database.close()
    if wrong := problem(found, str(database)):
        raise SettingsError(wrong)


def current(db: Connection) -> str | None:
    """The revision the database is at, None when it has no schema."""
    if not inspect(db).has_table(_VERSION):
        return None
    found: str | None = db.execute(text(f"SELECT version_num FROM {_VERSION}")).scalar()
    return found


def problem(found: str | None, name: str) -> str | None:
    """What is wrong with revision ``found`` of the database ``name``, and what would help."""
    if found == head():
        return None
    if found is None:
        return f"The database {name} has no tables yet. Run: parley db upgrade"
    if _known(found):
        return (
            f"The database {name} has schema {found}; this Parley needs {head()}. "
            "Run: parley db upgrade"
        )
    return _newer(name, found)


def head() -> str:
    """The revision this Parley works with."""
    return _revisions()[-1]


def _newer(name: str, found: str) -> str:
    return (
        f"The database {name} has schema {found}, which this Parley does not know (it works with "
        f"{head()}): a newer one wrote it. Start that one, or restore a backup; parley db upgrade "
        "cannot go back."
    )


def _known(revision: str) -> bool:
    return revision in _revisions()


@cache
def _revisions() -> tuple[str, ...]:
    """Oldest first: each is what its file's name begins with."""
    files = (MIGRATIONS / "versions").glob("[0-9]*_*.py")
    return tuple(sorted(file.name.partition("_")[0] for file in files))


def _create(db: Connection) -> None:
    """What all migrations together make of an empty database, without the time and the memory that
    Alembic takes: most servers that start with one begin to serve at once."""
    metadata.create_all(db, checkfirst=False)
    name = Column("version_num", String(32), nullable=False)
    noted = Table(_VERSION, MetaData(), name, PrimaryKeyConstraint(name, name=f"{_VERSION}_pkc"))
    noted.create(db)
    db.execute(noted.insert().values(version_num=head()))


def migrate(db: Connection) -> None:
    """Run the migrations that the database has not seen."""
    # Here, since a server whose schema is up to date has no use for it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = db
    command.upgrade(config, "head")


def _engine(url: str) -> Engine:
    parsed = parse_url(url)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed, connect_args={"connect_timeout": CONNECT_S})
    make_folder(Path(str(parsed.database)).parent)
    engine = create_engine(parsed, connect_args={"isolation_level": None, "timeout": 30})
    # Writing ahead is a property of the file: set here, it needs no lock when a server connects.
    event.listen(engine, "connect", lambda db, _: db.execute("PRAGMA journal_mode = WAL"))
    event.listen(engine, "begin", lambda db: db.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine
