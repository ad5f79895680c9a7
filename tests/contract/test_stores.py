"""Every tracker store, every kind of lease and news keeps the same contract."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.store.base import Leases, News, TrackerStore
from bot.store.memory import MemoryLeases, MemoryNews, MemoryTrackers
from bot.store.redis import RedisStores, open_redis
from bot.testing.store import LeasesContract, NewsContract, TrackerStoreContract

UNHURRIED_S = 5.0  # a busy machine is not an outage


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """One of its own for each test: what one publishes on a Cluster may come late, to the next."""
    return request.node.name


@pytest.fixture
async def stores(redis_url: str, prefix: str) -> AsyncIterator[RedisStores]:
    async with open_redis(redis_url, prefix=prefix, patience_s=UNHURRIED_S) as stores:
        yield stores


@pytest.fixture
async def other_stores(redis_url: str, prefix: str) -> AsyncIterator[RedisStores]:
    """The same Redis, seen from another process."""
    async with open_redis(redis_url, prefix=prefix, patience_s=UNHURRIED_S) as stores:
        yield stores


class OnCluster:
    """The same stores on a Cluster."""

    @pytest.fixture
    def redis_url(self, cluster_url: str) -> str:
        return cluster_url


class TestMemoryTrackers(TrackerStoreContract):
    @pytest.fixture
    def trackers(self) -> TrackerStore:
        return MemoryTrackers()

    async def test_the_trackers_used_least_recently_go_first(self) -> None:
        from bot.testing.store import tracker

        trackers = MemoryTrackers(most=2)
        for name in ("ann", "bob", "ann", "cid"):
            await trackers.keep(tracker(name, 1), epoch=0)
        assert await trackers.load("bob") is None
        assert await trackers.load("ann")


class TestRedisTrackers(TrackerStoreContract):
    @pytest.fixture
    def trackers(self, stores: RedisStores) -> TrackerStore:
        return stores.trackers


class TestMemoryLeases(LeasesContract):
    @pytest.fixture
    def leases(self) -> Leases:
        return MemoryLeases()


class TestRedisLeases(LeasesContract):
    @pytest.fixture
    def leases(self, stores: RedisStores) -> Leases:
        return stores.leases


class TestMemoryNews(NewsContract):
    @pytest.fixture
    def here(self) -> News:
        return MemoryNews()

    @pytest.fixture
    def there(self, here: News) -> News:
        return here


class TestRedisNews(NewsContract):
    @pytest.fixture
    def here(self, stores: RedisStores) -> News:
        return stores.news

    @pytest.fixture
    def there(self, other_stores: RedisStores) -> News:
        return other_stores.news


class TestClusterTrackers(OnCluster, TestRedisTrackers):
    pass


class TestClusterLeases(OnCluster, TestRedisLeases):
    pass


class TestClusterNews(OnCluster, TestRedisNews):
    pass
