"""POST /privacy/export and /privacy/erase, on a log in SQLite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.dialogue.events import UserUttered
from bot.settings import Settings
from bot.store import schema
from bot.store.audits import SqlAudit, Wanted
from bot.store.database import Database
from bot.store.sql import SqlLog
from tests.serving import echo_app, served
from tests.signing import signed

SECRET = "a secret of more than sixty-four bytes, which is long enough for HS512"


def bearer(role: str) -> dict[str, str]:
    token = signed({"user": {"username": "mia", "role": role}}, SECRET)
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/parley.db"
    schema.upgrade(url)
    database = Database(url)
    await SqlLog(database).commit("anna", [UserUttered(text="my secret")], seq=0, epoch=0)
    yield database
    await database.close()


async def posted(database: Database | None, path: str, body: Any, role: str = "admin") -> Any:
    audit = SqlAudit(database) if database else None
    changes = {"database": database, "audit": audit} if database else {}
    async with served(echo_app(Settings(jwt_secret=SECRET), **changes)) as client:
        return await client.post(path, headers=bearer(role), json=body)


async def test_what_is_held_is_told_and_by_whom_it_was_asked_for(database: Database) -> None:
    answer = await posted(database, "/privacy/export", {"user": "anna"})
    events = answer.json()["conversations"]["anna"]["log"]["events"]
    assert [event["event"]["text"] for event in events] == ["my secret"]
    rows = await SqlAudit(database).rows(Wanted(action="privacy.export", actor="mia"), limit=9)
    assert [row["outcome"] for row in rows] == ["begun", "done", "done"]
    assert sum(row["subject"] is not None for row in rows) == 1


async def test_what_is_erased_is_gone_and_the_receipt_says_how_much(database: Database) -> None:
    body = {"user": "anna", "dry_run": True}
    held = (await posted(database, "/privacy/erase", body)).json()
    assert held["held"]["log"]["events"] == 1
    receipt = (await posted(database, "/privacy/erase", {"user": "anna"})).json()
    assert receipt["removed"]["log"]["events"] == 1
    assert "secret" not in str(receipt)
    assert (await posted(database, "/privacy/export", {"user": "anna"})).status_code == 404


@pytest.mark.parametrize("role", ["viewer", "agent", "builder", "user"])
@pytest.mark.parametrize("what", ["export", "erase"])
async def test_nobody_but_an_admin_may(database: Database, what: str, role: str) -> None:
    answer = await posted(database, f"/privacy/{what}", {"user": "mia"}, role)
    assert answer.status_code == 403


async def test_a_server_that_keeps_its_log_in_memory_says_so() -> None:
    assert (await posted(None, "/privacy/export", {"user": "anna"})).status_code == 409
