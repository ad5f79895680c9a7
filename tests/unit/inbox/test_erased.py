"""A message whose user is erased while it is answered."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.errors import NotFound
from bot.inbox import Inbox
from bot.store import personal, schema
from bot.store.base import Waiting
from bot.store.database import Database
from bot.store.sql import SqlLog
from tests.turns import Echo, message, services


async def test_its_turn_is_dropped_without_a_noise_and_the_next_one_is_answered(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/parley.db"
    schema.upgrade(url)
    database = Database(url)
    log = SqlLog(database)

    async def erase(waiting: Waiting) -> None:
        if waiting.message.text == "first":
            gone = partial(personal.erase, conversation_id="ann", now=0.0)
            await database.write(gone)

    with capture_logs() as logs:
        async with Inbox(services(log=log), take_turn=Echo(erase)) as inbox:
            with pytest.raises(NotFound):
                await inbox.answer(message("first"), 10)
            [reply] = await inbox.answer(message("second"), 10)
    await database.close()
    assert reply.text == "second"
    assert "inbox.failed" not in [line["event"] for line in logs]
