"""Events in a table, as Rasa's SQL event broker writes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Column, Integer, MetaData, String, Table, Text, create_engine
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.broker.base import Broker, Options
from bot.errors import SettingsError, Unavailable
from bot.settings import sql_store_url
from bot.store.database import CONNECT_S, parse_url, shown

DEFAULT = "events.db"

table = Table(
    "events",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("sender_id", String(255)),
    Column("data", Text),  # the event's JSON
)


@asynccontextmanager
async def open_sql(options: Options, folder: Path) -> AsyncIterator[Broker]:
    """Adds rows to the table ``events`` of the database that ``dialect``, ``url``, ``db`` name."""
    address = sql_store_url({"db": DEFAULT, **options, "type": "SQL"})
    if address is None:
        raise SettingsError(
            f"endpoints.yml: event_broker: no dialect {options.get('dialect')} here. "
            "Possible: sqlite, postgresql."
        )
    url = parse_url(address)
    if url.get_backend_name() == "sqlite":
        url = url.set(database=str(folder / str(url.database)))
        engine = create_engine(url)
    else:
        engine = create_engine(url, connect_args={"connect_timeout": CONNECT_S})
    try:
        yield SqlBroker(engine)
    finally:
        await asyncio.to_thread(engine.dispose)


class SqlBroker:
    """A transaction for each batch; the table is made when it is not there."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        rows = [
            {
                "sender_id": str(event["sender_id"])[:255],
                "data": msgspec.json.encode(event).decode(),
            }
            for event in events
        ]
        try:
            await asyncio.to_thread(self._insert, rows)
        except (DBAPIError, PoolTimeout) as error:
            reason = str(error.orig if isinstance(error, DBAPIError) else error).strip()
            raise Unavailable(
                f"The database {shown(self._engine.url)} takes no events now: "
                f"{reason.partition(chr(10))[0]}"
            ) from error

    def _insert(self, rows: list[dict[str, str]]) -> None:
        with self._engine.begin() as db:
            table.create(db, checkfirst=True)
            db.execute(table.insert(), rows)
