import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.store.limits import MemoryLimits, Rate, RedisLimits
from bot.store.redis import open_redis
from bot.testing.limits import SLOW, LimitsContract


class TestMemoryLimits(LimitsContract):
    @pytest.fixture
    def limits(self):
        return MemoryLimits()


@pytest.mark.services
class TestRedisLimits(LimitsContract):
    @pytest.fixture
    async def limits(self, redis_url):
        async with open_redis(redis_url, patience_s=5.0) as stores:
            yield RedisLimits(stores.link)


@pytest.mark.services
async def test_two_processes_count_together(redis_url):
    async with (
        open_redis(redis_url, patience_s=5.0) as one,
        open_redis(redis_url, patience_s=5.0) as other,
    ):
        here, there = RedisLimits(one.link), RedisLimits(other.link)
        found = [await each.take("anna", SLOW) for each in (here, there, here, there)]
    assert found[:3] == [0.0] * 3
    assert found[3] > 0


@pytest.mark.services
async def test_without_redis_a_process_counts_for_itself(own_valkey):
    async with open_redis(own_valkey.url) as stores:
        limits = RedisLimits(stores.link)
        own_valkey.kill()
        found = [await limits.take("anna", SLOW) for _ in range(4)]
    assert found[:3] == [0.0] * 3
    assert found[3] > 0


@pytest.mark.services
async def test_what_is_kept_goes_by_itself(redis_url, valkey_server):
    async with open_redis(redis_url, patience_s=5.0) as stores:
        limits = RedisLimits(stores.link)
        await limits.take("anna", Rate(10, 60.0))
        (left,) = (valkey_server.send("PTTL", "parley:{anna}:rate.conversation"),)
    assert 0 < int(left.strip(b":\r\n")) <= 6_000


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 20),
    st.floats(0.1, 100.0),
    st.lists(st.floats(0.0, 50.0), max_size=100),
)
async def test_in_no_span_of_time_more_come_through_than_a_burst_and_the_rate(most, seconds, gaps):
    now = 0.0
    limits, rate, passed = MemoryLimits(clock=lambda: now), Rate(most, seconds), []
    for gap in gaps:
        now += gap
        if await limits.take("anna", rate) == 0.0:
            passed.append(now)
    for at, begin in enumerate(passed):
        for count, end in enumerate(passed[at:], 1):
            assert count <= most + (end - begin) / rate.gap_s + 1e-6


async def test_no_more_is_remembered_than_allowed():
    limits = MemoryLimits(most_keys=100)
    for number in range(1000):
        await limits.take(str(number), SLOW)
    assert len(limits._due) <= 100
