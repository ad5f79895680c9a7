"""What events ask of reminders, when they ask nonsense too; and when they ring."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.dialogue.domain import Domain
from bot.dialogue.events import (
    ActionExecuted,
    Event,
    ReminderCancelled,
    ReminderScheduled,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from bot.dialogue.messages import Message, Reminding
from bot.dialogue.tracker import Tracker
from bot.external import as_entities, external_message
from bot.inbox import Inbox, Limits
from bot.reminders import NEWS, changes, is_outdated, named
from bot.services import Services
from bot.store.base import Cancellation, Reminder, Waiting
from bot.store.memory import MemoryLog
from nlu.parse import Entity
from tests.turns import Echo, eventually, said_by_bot, services

HEARD = Message("ann", "hello", channel="callback", account="shop", output_channel="callback")
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def scheduled(**fields: Any) -> ReminderScheduled:
    given = {"intent": "ding", "date_time": NOON.isoformat(), "name": "r1", **fields}
    return ReminderScheduled(**given)


def test_a_reminder_says_its_intent_on_the_channel_it_was_asked_for_on() -> None:
    (found,) = changes([SlotSet(name="n"), scheduled(entities={"what": "tea"})], HEARD)
    assert isinstance(found, Reminder)
    message = found.message
    assert found.due_at == NOON.timestamp()
    assert (message.text, message.channel, message.account) == (
        "EXTERNAL: ding",
        "callback",
        "shop",
    )
    assert message.parse
    assert message.parse.entities == (Entity("what", "tea"),)


def test_each_reminder_is_a_message_of_its_own() -> None:
    first, second = changes([scheduled(), scheduled()], HEARD)
    assert isinstance(first, Reminder)
    assert isinstance(second, Reminder)
    assert first.message.message_id != second.message.message_id


@pytest.mark.parametrize("written", ["2026-05-04T12:00:00Z", "2026-05-04T14:00:00.000+02:00"])
def test_a_time_may_be_written_with_any_zone(written: str) -> None:
    (found,) = changes([scheduled(date_time=written)], HEARD)
    assert isinstance(found, Reminder)
    assert found.due_at == NOON.timestamp()


def test_a_time_without_a_zone_is_the_servers_own() -> None:
    here = NOON.astimezone().replace(tzinfo=None)
    (found,) = changes([scheduled(date_time=here.isoformat())], HEARD)
    assert isinstance(found, Reminder)
    assert found.due_at == NOON.timestamp()


@pytest.mark.parametrize(
    "fields",
    [
        {"date_time": "tomorrow"},
        {"date_time": ""},
        {"date_time": "0001-01-01T00:00:00"},
        {"entities": [{"value": "tea"}]},
        {"entities": [{"entity": 7, "value": "tea"}]},
        {"name": "x" * 600},
        {"name": "nul\0"},
    ],
)
def test_a_reminder_that_makes_no_sense_is_an_error_in_the_log_and_nothing_else(
    fields: dict[str, Any],
) -> None:
    with capture_logs() as logs:
        found = changes([scheduled(**fields), scheduled(name="fine")], HEARD)
    assert [each.name for each in found] == ["fine"]
    assert [line["event"] for line in logs] == ["reminder.unreadable"]


def test_a_cancellation_says_what_it_was_given() -> None:
    events: list[Event] = [
        ReminderCancelled(),
        ReminderCancelled(name="r1", intent="ding", entities=[{"entity": "what", "value": 1}]),
    ]
    assert changes(events, HEARD) == [
        Cancellation(),
        Cancellation("r1", "ding", (Entity("what", 1),)),
    ]


def test_a_reminder_without_a_name_is_given_one() -> None:
    first, second = named(scheduled(name=None)), named(scheduled(name=None))
    assert isinstance(first, ReminderScheduled)
    assert isinstance(second, ReminderScheduled)
    assert first.name
    assert first.name != second.name
    assert named(scheduled(name="mine")) == scheduled(name="mine")


def test_entities_may_be_given_in_full_or_by_name() -> None:
    full = [{"entity": "city", "value": "Rome", "role": "from"}]
    assert as_entities(full) == (Entity("city", "Rome", role="from"),)
    assert as_entities({"city": "Rome"}) == (Entity("city", "Rome"),)
    assert as_entities(None) == ()


@pytest.mark.parametrize(
    ("later", "kill", "outdated"),
    [
        ([], True, False),
        ([UserUttered(text="hi")], False, False),
        ([UserUttered(text="hi")], True, True),
        ([UserUttered(text=None)], True, False),
        ([ActionExecuted(name="a"), UserUttered(text="x"), UserUtteranceReverted()], False, False),
        ([UserUtteranceReverted()], False, True),  # takes back the turn that asked for it
    ],
)
async def test_a_reminder_is_ended_by_what_was_said_and_by_what_was_taken_back(
    later: list[Event], kill: bool, outdated: bool
) -> None:
    began: list[Event] = [ActionExecuted(name="action_listen"), UserUttered(text="remind me")]
    events = [*began, ActionExecuted(name="remind"), scheduled(), *later]
    tracker = Tracker.start("ann", Domain()).apply_all(events)
    rings = external_message("ann", "ding", reminder=Reminding("r1", kill))
    assert await is_outdated(rings, tracker, MemoryLog()) is outdated


async def test_a_reminder_rings_by_itself_and_those_set_meanwhile_are_heard_of() -> None:
    parley = services()
    now = datetime.now(UTC)
    later = scheduled(name="later", date_time=(now + timedelta(hours=1)).isoformat())
    async with Inbox(parley, take_turn=Echo()):
        await parley.log.commit("ann", [], seq=0, epoch=0, reminders=changes([later], HEARD))
        await asyncio.sleep(0)
        soon = scheduled(date_time=now.isoformat())
        await parley.log.commit("ann", [], seq=0, epoch=0, reminders=changes([soon], HEARD))
        await parley.news.publish(NEWS, "new")

        async def has_rung() -> bool:
            return await said_by_bot(parley.log) == ["EXTERNAL: ding"]

        await eventually(has_rung)
    assert await parley.log.next_reminder() == (now + timedelta(hours=1)).timestamp()


async def test_reminders_that_are_due_all_at_once_leave_room_for_users() -> None:
    parley = services()
    names = [f"user {n}" for n in range(50)]
    for name in names:
        said = external_message(name, "ding", message_id="r1", reminder=Reminding("r1"))
        await parley.log.commit(name, [], seq=0, epoch=0, reminders=[Reminder(1.0, said)])
    most = 0

    async def look(waiting: Waiting) -> None:
        nonlocal most
        most = max(most, len(inbox._turns))
        await asyncio.sleep(0)

    inbox = Inbox(parley, take_turn=Echo(look), limits=Limits(conversations=10))
    async with inbox:
        for name in names:
            await eventually(lambda name=name: rung(parley, name))  # type: ignore[misc]
    assert 0 < most <= 5


async def rung(parley: Services, name: str) -> bool:
    return await said_by_bot(parley.log, name) == ["EXTERNAL: ding"]
