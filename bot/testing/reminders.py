"""What every log does with reminders, as tests: subclass them beside those of the log."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest

from bot.dialogue.messages import Reminding
from bot.errors import Conflict
from bot.external import Entities, external_message
from bot.store.base import Cancellation, Log, Reminder
from bot.testing.log import message, slot
from nlu.parse import Entity


class RemindersContract:
    """Subclass it and give a fixture ``log``, empty for each test."""

    async def test_a_reminder_rings_once_when_it_is_due(self, log: Log) -> None:
        now = time.time()
        later, due = reminder("tea", now + 3600), reminder("eggs", now - 1)
        await log.commit("ann", [slot(1)], seq=0, epoch=0, reminders=[later, due])
        assert await log.next_reminder() == pytest.approx(now - 1)
        assert await log.ring() == ["ann"]
        waiting = await log.waiting("ann")
        assert waiting
        assert waiting.message == msgspec.structs.replace(
            due.message, received=waiting.message.received
        )
        assert waiting.message.received >= now
        assert await log.ring() == []
        assert await log.next_reminder() == pytest.approx(now + 3600)

    async def test_reminders_that_are_due_ring_in_order_of_their_time(self, log: Log) -> None:
        due = [reminder(name, 100.0 - n) for n, name in enumerate(("a", "b", "c"))]
        await log.commit("ann", [], seq=0, epoch=0, reminders=due)
        await log.ring()
        assert await _reminded(log) == ["c", "b", "a"]

    async def test_of_those_who_ring_at_once_one_does(self, log: Log) -> None:
        for name in ("ann", "bob"):
            due = [reminder(f"r{n}", 1.0, conversation_id=name) for n in range(3)]
            await log.commit(name, [], seq=0, epoch=0, reminders=due)
        rang = await asyncio.gather(*(log.ring() for _ in range(8)))
        assert sorted(name for names in rang for name in names) == ["ann", "bob"]
        accepted = await log.accept(message("next"))
        assert accepted.position == 3

    async def test_a_reminder_takes_the_place_of_one_with_its_name(self, log: Log) -> None:
        first, second = reminder("same", 1.0), reminder("same", 2.0, intent="dong")
        await log.commit("ann", [], seq=0, epoch=0, reminders=[first])
        await log.commit("ann", [], seq=0, epoch=0, reminders=[second])
        assert await log.next_reminder() == 2.0
        await log.ring()
        waiting = await log.waiting("ann")
        assert waiting
        assert waiting.message.parse == second.message.parse

    async def test_reminders_of_two_conversations_may_have_one_name(self, log: Log) -> None:
        for name in ("ann", "bob"):
            due = [reminder("same", 1.0, conversation_id=name)]
            await log.commit(name, [], seq=0, epoch=0, reminders=due)
        assert sorted(await log.ring()) == ["ann", "bob"]

    @pytest.mark.parametrize(
        ("cancellation", "left"),
        [
            (Cancellation(), []),
            (Cancellation(name="tea"), ["eggs", "nap"]),
            (Cancellation(intent="ding"), ["nap"]),
            (Cancellation(entities=(Entity("what", "tea"),)), ["eggs", "nap"]),
            (Cancellation(name="tea", intent="dong"), ["eggs", "nap", "tea"]),
            (Cancellation(name="nothing"), ["eggs", "nap", "tea"]),
        ],
    )
    async def test_a_cancellation_takes_away_what_fits_all_it_says(
        self, log: Log, cancellation: Cancellation, left: list[str]
    ) -> None:
        told = [
            reminder("tea", 1.0, entities={"what": "tea"}),
            reminder("eggs", 1.0, entities={"what": "eggs"}),
            reminder("nap", 1.0, intent="dong"),
        ]
        other = reminder("tea", 1.0, conversation_id="bob", entities={"what": "tea"})
        await log.commit("bob", [], seq=0, epoch=0, reminders=[other])
        await log.commit("ann", [], seq=0, epoch=0, reminders=told)
        await log.commit("ann", [], seq=0, epoch=0, reminders=[cancellation])
        rang = await log.ring()
        assert "bob" in rang
        assert sorted(await _reminded(log)) == left

    async def test_reminders_change_in_the_order_told(self, log: Log) -> None:
        told = (reminder("a", 1.0), Cancellation(), reminder("b", 1.0))
        await log.commit("ann", [], seq=0, epoch=0, reminders=told)
        await log.ring()
        assert await _reminded(log) == ["b"]

    async def test_a_refused_commit_changes_no_reminders(self, log: Log) -> None:
        await log.commit("ann", [slot(1)], seq=0, epoch=0, reminders=[reminder("kept", 1.0)])
        with pytest.raises(Conflict):
            await log.commit(
                "ann", [slot(1)], seq=0, epoch=0, reminders=[Cancellation(), reminder("new", 1.0)]
            )
        await log.ring()
        assert await _reminded(log) == ["kept"]

    async def test_of_many_that_are_due_those_overdue_longest_ring_first(self, log: Log) -> None:
        for n, name in enumerate(("cid", "ann", "bob")):
            due = [reminder("r", 1.0 + n, conversation_id=name)]
            await log.commit(name, [], seq=0, epoch=0, reminders=due)
        assert await log.ring(limit=2) == ["cid", "ann"]
        assert await log.waiting("bob") is None
        assert await log.ring(limit=2) == ["bob"]
        assert await log.ring(limit=0) == []

    async def test_without_reminders_none_is_next(self, log: Log) -> None:
        assert await log.next_reminder() is None
        assert await log.ring() == []


def reminder(
    name: str,
    due_at: float,
    *,
    intent: str = "ding",
    entities: Entities | None = None,
    conversation_id: str = "ann",
) -> Reminder:
    """A reminder of the conversation ``ann``, unless another is named."""
    said = external_message(
        conversation_id, intent, entities, message_id=f"r:{name}", reminder=Reminding(name)
    )
    return Reminder(due_at, said)


async def _reminded(log: Log) -> list[str]:
    """The names of the reminders that wait in the inbox, in order; they are done then."""
    names = []
    while waiting := await log.waiting("ann"):
        assert waiting.message.reminder
        names.append(waiting.message.reminder.name)
        stands = await log.history("ann")
        await log.commit("ann", [], seq=stands.seq, epoch=stands.epoch, inbox_id=waiting.inbox_id)
    return names
