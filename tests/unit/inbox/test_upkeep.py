"""What was answered long ago goes; what may still be asked for stays."""

from __future__ import annotations

import asyncio

from bot.dialogue.messages import Reply
from bot.store.memory import MemoryLog
from bot.testing.services import HandClock
from bot.upkeep import DAY_S, beside, clear_all
from tests.turns import message


async def test_a_repeat_is_answered_from_the_log_until_its_message_is_cleared() -> None:
    clock = HandClock()
    log = MemoryLog(clock=clock)
    await answered(log, "m1")
    clock.advance(6 * DAY_S)
    await answered(log, "m2")
    assert await clear_all(log, keep_days=7) == 0
    assert (await log.accept(message("hello", message_id="m1"))).replies == (Reply("ann", "m1"),)
    clock.advance(2 * DAY_S)
    assert await clear_all(log, keep_days=7) == 2
    assert (await log.accept(message("hello", message_id="m2"))).done
    assert not (await log.accept(message("hello", message_id="m1"))).done


async def test_a_message_that_waits_is_never_cleared() -> None:
    clock = HandClock()
    log = MemoryLog(clock=clock)
    await log.accept(message("hello"))
    clock.advance(1000 * DAY_S)
    assert await clear_all(log, keep_days=7) == 0
    assert await log.waiting("ann")


async def test_work_beside_a_block_ends_with_it() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with beside(work()):
        await asyncio.sleep(0)
    assert ended.is_set()


async def answered(log: MemoryLog, message_id: str) -> None:
    accepted = await log.accept(message("hello", message_id=message_id))
    stands = await log.history("ann")
    await log.commit(
        "ann",
        [],
        seq=stands.seq,
        epoch=stands.epoch,
        inbox_id=accepted.inbox_id,
        replies=[Reply("ann", message_id)],
        sent=True,
    )
