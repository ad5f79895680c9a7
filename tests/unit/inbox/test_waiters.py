from __future__ import annotations

import asyncio

from bot.dialogue.messages import Reply
from bot.errands import Waiters


async def test_everybody_who_waits_for_a_message_is_told_and_nobody_else():
    waiters = Waiters()
    with (
        waiters.wait("ann", 1) as one,
        waiters.wait("ann", 1) as another,
        waiters.wait("ann", 2) as later,
        waiters.wait("bob", 1) as other,
    ):
        assert len(waiters) == 4
        waiters.tell("ann", 1, (Reply("ann", "hi"),))
        assert await asyncio.gather(one, another) == [(Reply("ann", "hi"),)] * 2
        assert not later.done()
        assert not other.done()


async def test_who_waits_in_one_conversation_is_told_to_look_elsewhere():
    waiters = Waiters()
    with (
        waiters.wait("ann", 1) as one,
        waiters.wait("ann", 2) as two,
        waiters.wait("bob", 1) as bob,
    ):
        waiters.tell("ann", 1, ())
        waiters.look_elsewhere("ann")
        assert await asyncio.gather(one, two) == [(), None]
        assert not bob.done()


async def test_nothing_is_kept_of_those_who_left_and_who_comes_back_is_told():
    waiters = Waiters()
    with waiters.wait("ann", 1), waiters.wait("ann", 2):
        pass
    assert len(waiters) == 0
    waiters.tell("ann", 1, ())
    with waiters.wait("ann", 1) as again:
        waiters.tell("ann", 1, ())
        assert await again == ()
