from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bot.actions.remote import RemoteActions
from bot.dialogue.domain import SessionConfig
from bot.dialogue.events import ActionExecuted, BotUttered, Restarted, SessionStarted, SlotSet
from bot.dialogue.messages import Message
from bot.dialogue.written import event_state
from bot.project.load import load_project
from bot.services import Services
from bot.testing.services import HandClock, examples_nlu, memory_services
from bot.turn import Done, load, take_turn

TABLEBOT = Path(__file__).parents[2] / "data" / "tablebot"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def bot(clock: HandClock, minutes: float, *, carries: bool = True) -> Services:
    """The bot for tables, whose sessions last ``minutes`` of silence."""
    project = load_project(TABLEBOT)
    session = SessionConfig(expiration_minutes=minutes, carry_over_slots=carries)
    domain = msgspec.structs.replace(project.domain, session=session)
    parley = memory_services(project, examples_nlu(project), RemoteActions(None), clock=clock)
    return replace(parley, bot=replace(parley.bot, domain=domain))


async def say(parley: Services, text: str, **more: object) -> Done:
    await parley.log.accept(Message("ada", text, **more))
    waiting = await parley.log.waiting("ada")
    assert waiting is not None
    return await take_turn(waiting, parley)


def starts(done: Done) -> int:
    return sum(isinstance(event, SessionStarted) for event in done.events)


@pytest.mark.parametrize(
    ("minutes", "silent_s", "started"),
    [(0.05, 2.9, 0), (0.05, 3.1, 1), (1.5, 89, 0), (1.5, 91, 1), (0, 10**9, 0)],
)
async def test_a_session_lasts_for_its_minutes_of_silence_and_for_ever_with_zero(
    clock: HandClock, minutes: float, silent_s: float, started: int
):
    parley = bot(clock, minutes)
    assert starts(await say(parley, "hello")) == 1
    clock.advance(silent_s)
    assert starts(await say(parley, "hello")) == started


async def test_a_session_in_which_nobody_spoke_does_not_expire(clock: HandClock):
    parley = bot(clock, 60)
    await parley.log.commit("ada", [ActionExecuted(name="action_listen")], seq=0, epoch=0)
    clock.advance(10**6)
    assert starts(await say(parley, "hello")) == 0


async def test_what_the_bot_says_does_not_keep_a_session_from_expiring(clock: HandClock):
    parley = bot(clock, 60)
    done = await say(parley, "hello")
    clock.advance(59 * 60)
    late = BotUttered(text="Still there?", timestamp=clock.now)
    await parley.log.commit("ada", [late], seq=done.tracker.seq, epoch=0)
    await parley.trackers.forget("ada")
    clock.advance(2 * 60)
    assert starts(await say(parley, "hello")) == 1


async def test_where_everything_was_taken_back_a_session_starts(clock: HandClock):
    parley = bot(clock, 0)
    done = await say(parley, "hello")
    await parley.log.commit("ada", [Restarted()], seq=done.tracker.seq, epoch=0)
    await parley.trackers.forget("ada")
    assert starts(await say(parley, "hello")) == 1


async def test_each_time_a_slot_was_set_is_carried_over_in_order(clock: HandClock):
    parley = bot(clock, 60)
    for text in ("/inform", "hello, I am Ada"):
        await say(parley, text)
    done = await say(parley, "hello, I am Ada")
    clock.advance(3601)
    again = await say(parley, "hello")
    told = [event for event in done.tracker.events if isinstance(event, SlotSet)]
    carried = [event for event in again.events if isinstance(event, SlotSet)]
    assert [(e.name, e.value) for e in carried] == [(e.name, e.value) for e in told]
    assert len(carried) > 1


async def test_slots_are_left_behind_if_the_domain_says_so(clock: HandClock):
    parley = bot(clock, 60, carries=False)
    await say(parley, "hello, I am Ada")
    clock.advance(3601)
    again = await say(parley, "hello")
    assert again.tracker.slots["name"] is None


async def test_a_session_can_be_started_by_saying_so(clock: HandClock):
    parley = bot(clock, 60)
    await say(parley, "hello, I am Ada")
    done = await say(parley, "/session_start")
    assert [event_state(event)["event"] for event in done.events] == [
        *("user", "user_featurization", "action", "session_started", "slot", "action"),
    ]
    assert done.replies == []
    assert done.tracker.slots["name"] == "Ada"


async def test_metadata_comes_before_the_session_it_opens_and_only_then(clock: HandClock):
    parley = bot(clock, 60)
    first = await say(parley, "hello", metadata={"shop": "north"})
    slot, start = first.events[:2]
    assert isinstance(slot, SlotSet)
    assert slot.value == {"shop": "north"}
    assert isinstance(start, ActionExecuted)
    assert start.name == "action_session_start"
    later = await say(parley, "hello", metadata={"shop": "south"})
    assert later.tracker.slots["session_started_metadata"] == {"shop": "north"}


async def test_a_restarted_conversation_that_redis_lost_knows_where_its_user_is(clock: HandClock):
    parley = bot(clock, 0)
    kept = (await say(parley, "/restart", input_channel="web")).tracker
    assert kept.latest_input_channel == "web"
    await parley.trackers.forget("ada")
    assert await load("ada", parley) == (kept, 0)
