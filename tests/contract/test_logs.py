"""Every Log keeps the same contract."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.store.base import Log
from bot.store.memory import MemoryLog
from bot.store.sql import open_log
from bot.testing.log import LogContract
from bot.testing.reminders import RemindersContract


class TestMemoryLog(LogContract, RemindersContract):
    @pytest.fixture
    def log(self) -> Log:
        return MemoryLog()


class TestSqliteLog(LogContract, RemindersContract):
    @pytest.fixture
    async def log(self, sqlite_url: str) -> AsyncIterator[Log]:
        async with open_log(sqlite_url) as log:
            yield log


class TestPostgresLog(LogContract, RemindersContract):
    @pytest.fixture
    async def log(self, postgres_url: str) -> AsyncIterator[Log]:
        async with open_log(postgres_url) as log:
            yield log
