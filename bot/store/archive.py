"""The whole log, one conversation after another: for exports, never for a turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import select

from bot.dialogue.events import Event
from bot.errors import NotFound
from bot.store import schema
from bot.store.database import Database, shown
from bot.store.sql import SqlLog
from bot.store.tables import conversation

PAGE = 500  # ids read at a time


class Archive:
    """Conversations as they were logged."""

    def __init__(self, database: Database) -> None:
        self._database, self._log = database, SqlLog(database)

    async def ids(self, *, since: float | None = None) -> AsyncIterator[str]:
        """Every conversation in the order of their ids; with ``since``, those that went on after
        it, in seconds since 1970."""
        after = ""
        while page := await self._page(after, since):
            for conversation_id in page:
                yield conversation_id
            after = page[-1]

    async def events(self, conversation_id: str, *, all_sessions: bool) -> tuple[Event, ...]:
        """A conversation's events. Raises NotFound when there is no such conversation."""
        history = await self._log.history(conversation_id, all_sessions=all_sessions)
        if not history.seq:
            raise NotFound(f"There is no conversation {conversation_id!r}.")
        return history.events

    async def _page(self, after: str, since: float | None) -> Sequence[str]:
        wanted = select(conversation.c.id).where(conversation.c.id > after, conversation.c.seq > 0)
        if since is not None:
            wanted = wanted.where(conversation.c.updated_at >= since)
        ordered = wanted.order_by(conversation.c.id).limit(PAGE)
        return await self._database.read(lambda db: db.scalars(ordered).all())


@asynccontextmanager
async def open_archive(url: str) -> AsyncIterator[Archive]:
    """The log at ``url``, closed after the block. Raises NotFound, SettingsError, Unavailable."""
    database = Database(url)
    try:
        if not await asyncio.to_thread(_is_there, database):
            raise NotFound(f"There is no database {shown(database.url)}: nobody has spoken yet.")
        await schema.check(url)
        yield Archive(database)
    finally:
        await database.close()


def _is_there(database: Database) -> bool:
    """Whether reading would not make an empty file."""
    return not database.sqlite or Path(str(database.url.database)).is_file()
