"""Review items keep the same contract in both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.review.store import Reviews
from bot.store.reviews import open_reviews
from bot.testing.reviews import ReviewsContract


class TestSqliteReviews(ReviewsContract):
    @pytest.fixture
    async def reviews(self, sqlite_url: str) -> AsyncIterator[Reviews]:
        async with open_reviews(sqlite_url) as reviews:
            yield reviews


class TestPostgresReviews(ReviewsContract):
    @pytest.fixture
    async def reviews(self, postgres_url: str) -> AsyncIterator[Reviews]:
        async with open_reviews(postgres_url) as reviews:
            yield reviews
