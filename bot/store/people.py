"""People in SQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, select, update
from sqlalchemy.exc import IntegrityError

from bot.errors import Conflict, NotFound
from bot.people.person import Person
from bot.people.roles import Role
from bot.store import schema
from bot.store.database import Database
from bot.store.tables import person as table


class SqlPeople:
    """The People of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def exist(self) -> bool:
        anybody = select(table.c.name).limit(1)
        return await self._database.read(lambda db: db.scalar(anybody)) is not None

    async def get(self, name: str) -> Person | None:
        return await self._one(table.c.name == name)

    async def of_subject(self, subject: str) -> Person | None:
        return await self._one(table.c.subject == subject)

    async def everybody(self) -> Sequence[Person]:
        every = select(table).order_by(table.c.name)
        return await self._database.read(lambda db: [_person(row) for row in db.execute(every)])

    async def add(self, person: Person) -> None:
        row = asdict(person)
        try:
            await self._database.write(lambda db: db.execute(table.insert(), row))
        except IntegrityError as error:
            raise Conflict(f"There is a person {person.name!r} already.") from error

    async def change(
        self,
        name: str,
        *,
        role: Role | None = None,
        password: str | None = None,
        disabled: bool | None = None,
        stamp: str | None = None,
    ) -> None:
        given = {"role": role, "password": password, "disabled": disabled, "stamp": stamp}
        changes = {key: value for key, value in given.items() if value is not None}
        await self._changed(name, update(table).values(changes))

    async def remove(self, name: str) -> None:
        await self._changed(name, delete(table))

    async def _changed(self, name: str, change: Any) -> None:
        theirs = change.where(table.c.name == name)
        if not await self._database.write(lambda db: db.execute(theirs).rowcount):
            raise NotFound(f"There is no person {name!r}.")

    async def _one(self, where: ColumnElement[bool]) -> Person | None:
        def look(db: Connection) -> Person | None:
            row = db.execute(select(table).where(where)).one_or_none()
            return None if row is None else _person(row)

        return await self._database.read(look)


@asynccontextmanager
async def open_people(url: str) -> AsyncIterator[SqlPeople]:
    """The people at ``url``, closed after the block. Raises SettingsError, Unavailable."""
    await schema.check(url)
    database = Database(url)
    try:
        yield SqlPeople(database)
    finally:
        await database.close()


def _person(row: Any) -> Person:
    return Person(**row._mapping)
