"""The audit log on real databases: whole, and what shows when it is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection, create_engine, text

from bot.audit import Actor, Deed
from bot.errors import BadRequest
from bot.store.audits import SqlAudit as Audit
from bot.store.audits import Wanted, forget_subject, open_audit, record_at_terminal
from bot.store.chain import START, Anchor
from bot.store.database import Database, parse_url

ANN = Actor("person", "ann", "agent")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    found: str = request.getfixturevalue(name)
    return found


@pytest.fixture
async def audit(url: str) -> AsyncIterator[Audit]:
    async with open_audit(url) as log:
        yield log


async def recorded(audit: Audit, count: int) -> None:
    for number in range(count):
        await audit.record(Deed(ANN, "conversations.tracker", facts={"n": number}))


def change(url: str, *statements: str) -> None:
    """What somebody does who can write to the database."""
    engine = create_engine(parse_url(url))
    with engine.begin() as db:
        for statement in statements:
            db.execute(text(statement))
    engine.dispose()


async def problems(audit: Audit, *anchors: Anchor) -> dict[int, str]:
    verdict = await audit.verify(anchors)
    return {each.number: each.problem for each in verdict.broken}


async def test_an_empty_log_is_whole(audit: Audit) -> None:
    verdict = await audit.verify()
    assert (verdict.rows, verdict.head, verdict.broken) == (0, Anchor(0, START), [])


async def test_rows_say_who_did_what_and_are_whole(audit: Audit) -> None:
    facts = {"reason": "it is better", "model": "v2"}
    await audit.record(Deed(ANN, "models.promote", "begun", facts=facts))
    [row] = await audit.rows(Wanted(), limit=9)
    assert (row["actor"], row["kind"], row["role"]) == ("ann", "person", "agent")
    assert (row["number"], row["action"], row["outcome"]) == (1, "models.promote", "begun")
    assert row["facts"] == '{"reason":"it is better","model":"v2"}'
    assert await problems(audit) == {}


async def test_servers_that_record_at_once_make_one_chain_without_gaps(url: str) -> None:
    async def server() -> None:
        async with open_audit(url) as audit:
            deed = Deed(ANN, "conversations.tracker", conversation_id="ann")
            await asyncio.gather(*(audit.record(deed) for _ in range(10)))

    await asyncio.gather(*(server() for _ in range(4)))
    async with open_audit(url) as audit:
        verdict = await audit.verify()
        assert (verdict.rows, verdict.head.number, verdict.broken) == (40, 40, [])


async def test_a_row_that_was_changed_is_named(audit: Audit, url: str) -> None:
    await recorded(audit, 4)
    change(url, "UPDATE audit SET actor = 'bob' WHERE number = 2")
    assert await problems(audit) == {2: "was changed or moved, or the row before it was"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", "1.5"),
        ("kind", "'token'"),
        ("role", "'admin'"),
        ("action", "'x'"),
        ("outcome", "'refused'"),
        ("subject", "'x'"),
        ("facts", "'{}'"),
        ("hash", f"'{'ab' * 32}'"),
        ("hash", "'no hash'"),
    ],
)
async def test_whatever_of_a_row_is_changed_shows(sqlite_url: str, column: str, value: str) -> None:
    async with open_audit(sqlite_url) as audit:
        await recorded(audit, 3)
        change(sqlite_url, f"UPDATE audit SET {column} = {value} WHERE number = 2")
        assert 2 in await problems(audit)


async def test_rows_that_were_removed_are_named(audit: Audit, url: str) -> None:
    await recorded(audit, 9)
    change(url, "DELETE FROM audit WHERE number IN (1, 4, 5, 9)")
    assert await problems(audit) == {
        1: "is missing",
        4: "to row 5 are missing",
        9: "is missing",
    }


async def test_rows_that_changed_places_are_named(audit: Audit, url: str) -> None:
    await recorded(audit, 4)
    change(
        url,
        "UPDATE audit SET number = 9 WHERE number = 2",
        "UPDATE audit SET number = 2 WHERE number = 3",
        "UPDATE audit SET number = 3 WHERE number = 9",
    )
    assert {2, 3} <= set(await problems(audit))


async def test_a_row_that_was_added_by_hand_is_named(audit: Audit, url: str) -> None:
    await recorded(audit, 1)
    columns = "at, kind, actor, role, action, outcome, subject, facts, hash"
    change(url, f"INSERT INTO audit SELECT 2, {columns} FROM audit")
    assert 2 in await problems(audit)


async def test_a_tail_that_was_removed_with_its_note_shows_by_an_anchor(
    audit: Audit, url: str
) -> None:
    await recorded(audit, 3)
    anchor = await audit.head()
    before = (await audit.rows(Wanted(), limit=2))[-1]["hash"]
    change(url, "DELETE FROM audit WHERE number = 3")
    change(url, f"UPDATE audit_head SET number = 2, hash = '{before}'")
    assert await problems(audit) == {}
    assert await problems(audit, anchor) == {3: "is missing"}


async def test_a_log_that_was_made_anew_shows_by_an_anchor(audit: Audit, url: str) -> None:
    await recorded(audit, 3)
    anchor = await audit.head()
    change(url, "DELETE FROM audit", "DELETE FROM audit_head")
    await recorded(audit, 3)
    assert await problems(audit) == {}
    assert "rewritten" in (await problems(audit, anchor))[3]


async def test_rows_added_while_the_log_is_verified_do_no_harm(audit: Audit) -> None:
    await recorded(audit, 20)
    adding = asyncio.create_task(recorded(audit, 20))
    while not adding.done():
        assert await problems(audit) == {}
    await adding
    assert (await audit.verify()).rows == 40


async def test_a_conversation_is_a_pseudonym_that_nobody_can_undo_once_it_is_forgotten(
    audit: Audit, url: str
) -> None:
    deed = Deed(ANN, "conversations.tracker", conversation_id="+49 170 1")
    await audit.record(deed)
    await audit.record(deed)
    of_it = await audit.rows(Wanted(conversation_id="+49 170 1"), limit=9)
    assert len(of_it) == 2
    assert all("170" not in str(row) for row in of_it)
    database = Database(url)

    def forget(db: Connection) -> int:
        return forget_subject(db, "+49 170 1")

    assert await database.write(forget) == 1
    await database.close()
    assert await audit.rows(Wanted(conversation_id="+49 170 1"), limit=9) == []
    assert await problems(audit) == {}
    await audit.record(deed)
    [new] = await audit.rows(Wanted(conversation_id="+49 170 1"), limit=9)
    assert new["subject"] != of_it[0]["subject"]


async def test_a_fact_that_could_be_what_a_user_wrote_is_refused(audit: Audit) -> None:
    with pytest.raises(BadRequest, match="'text' has 501 characters; the audit log takes 500"):
        await audit.record(Deed(ANN, "x", facts={"text": "a" * 501}))


def test_what_a_command_does_is_recorded_for_who_runs_it(url: str) -> None:
    record_at_terminal(url, "models.promote", facts={"reason": "asked for"})

    async def rows() -> list[dict[str, object]]:
        async with open_audit(url) as audit:
            return await audit.rows(Wanted(action="models."), limit=9)

    [row] = asyncio.run(rows())
    assert (row["kind"], row["role"]) == ("terminal", "operator")
