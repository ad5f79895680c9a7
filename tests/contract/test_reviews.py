"""Review items keep the same contract in both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.review.store import Reviews
from bot.store.reviews import open_reviews
from bot.store.sealing import VARIABLE, new_key
from bot.testing.reviews import ReviewsContract


class TestSqliteReviews(ReviewsContract):
    @pytest.fixture
    async def reviews(self, sqlite_url: str) -> AsyncIterator[Reviews]:
        async with open_reviews(sqlite_url) as reviews:
            yield reviews


class TestEncryptedReviews(ReviewsContract):
    @pytest.fixture
    async def reviews(
        self, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[Reviews]:
        monkeypatch.setenv(VARIABLE, new_key("k1"))
        async with open_reviews(sqlite_url) as reviews:
            yield reviews


class TestPostgresReviews(ReviewsContract):
    @pytest.fixture
    async def reviews(self, postgres_url: str) -> AsyncIterator[Reviews]:
        async with open_reviews(postgres_url) as reviews:
            yield reviews
