"""What every store of limits must do. Subclass it, give ``limits``, and run pytest."""

from __future__ import annotations

import asyncio

import pytest

from bot.store.limits import LimitStore, Rate

SLOW = Rate(3, 3600.0)


class LimitsContract:
    """The suite."""

    @pytest.fixture
    def limits(self) -> LimitStore:
        """The store under test, with nothing counted."""
        raise NotImplementedError

    async def test_as_many_as_the_rate_says_come_at_once_and_the_next_one_waits(
        self, limits: LimitStore
    ) -> None:
        assert [await limits.take("anna", SLOW) for _ in range(3)] == [0.0] * 3
        assert 0 < await limits.take("anna", SLOW) <= SLOW.gap_s

    async def test_what_waits_is_not_counted(self, limits: LimitStore) -> None:
        for _ in range(3):
            await limits.take("anna", SLOW)
        waits = [await limits.take("anna", SLOW) for _ in range(20)]
        assert waits == sorted(waits, reverse=True)
        assert waits[0] <= SLOW.gap_s

    async def test_each_key_has_its_own(self, limits: LimitStore) -> None:
        for _ in range(4):
            await limits.take("anna", SLOW)
        for other in ("", "ann", "anna}", "{anna}", "127.0.0.1", "שלום", "a b\r\nc"):
            assert await limits.take(other, SLOW) == 0.0

    async def test_an_address_is_no_conversation_of_that_name(self, limits: LimitStore) -> None:
        for _ in range(3):
            await limits.take("127.0.0.1", SLOW)
        assert await limits.take("127.0.0.1", SLOW, kind="address") == 0.0

    async def test_of_many_that_come_together_no_more_pass(self, limits: LimitStore) -> None:
        rate = Rate(10, 3600.0)
        waits = await asyncio.gather(*(limits.take("anna", rate) for _ in range(50)))
        assert waits.count(0.0) == 10

    async def test_after_the_wait_the_next_one_comes(self, limits: LimitStore) -> None:
        rate = Rate(1, 0.05)
        assert await limits.take("anna", rate) == 0.0
        await asyncio.sleep(await limits.take("anna", rate) + 0.001)
        assert await limits.take("anna", rate) == 0.0

    async def test_a_rate_that_was_lowered_makes_nobody_wait_longer_than_its_period(
        self, limits: LimitStore
    ) -> None:
        for _ in range(3):
            await limits.take("anna", SLOW)
        assert await limits.take("anna", Rate(1, 60.0)) <= 60.0
