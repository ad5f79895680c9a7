from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bot.act import APOLOGY, act
from bot.actions.base import ActionAnswer
from bot.dialogue.domain import Domain, Variation
from bot.dialogue.events import (
    ActionExecuted,
    ActionReverted,
    BotUttered,
    ConversationPaused,
    ConversationResumed,
    Event,
    FollowupAction,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from bot.dialogue.messages import Message
from bot.dialogue.policy import Prediction
from bot.dialogue.tracker import Tracker
from bot.errors import ActionFailed, Conflict, Unavailable
from bot.project.load import load_project
from bot.services import Bot, Services
from bot.store.base import Waiting
from bot.store.memory import MemoryTrackers
from bot.testing.services import HandClock, examples_nlu, memory_services
from bot.turn import Done, take_turn
from nlu.parse import NO_CONTEXT, Context, Parse

TABLEBOT = Path(__file__).parents[2] / "data" / "tablebot"


class Actions:
    """An action server that does what a test says, and remembers what it was asked."""

    def __init__(self, run: Callable[[str, Tracker], ActionAnswer]) -> None:
        self._run = run
        self.calls: list[tuple[str, str]] = []

    async def run(
        self, action: str, tracker: Tracker, domain: Domain, *, call_id: str
    ) -> ActionAnswer:
        self.calls.append((action, call_id))
        return self._run(action, tracker)


def answering(*events: Event, **response: object) -> Actions:
    return Actions(lambda action, tracker: ActionAnswer(events, (response,) if response else ()))


def failing(action: str, tracker: Tracker) -> ActionAnswer:
    raise ActionFailed(f"{action} is broken")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def parley(clock: HandClock) -> Services:
    project = load_project(TABLEBOT)
    return memory_services(project, examples_nlu(project), Actions(failing), clock=clock)


def listing(parley: Services, *names: str, actions: Actions) -> Services:
    """``parley`` with ``names`` as actions of its own, done by ``actions``."""
    domain = msgspec.structs.replace(parley.bot.domain, actions=names)
    return replace(parley, bot=replace(parley.bot, domain=domain), actions=actions)


async def waiting(parley: Services, text: str, **more: object) -> Waiting:
    await parley.log.accept(Message("ada", text, **more))
    found = await parley.log.waiting("ada")
    assert found is not None
    return found


async def say(parley: Services, text: str, **more: object) -> Done:
    return await take_turn(await waiting(parley, text, **more), parley)


STEPS = {"load", "nlu", "slots", "predict", "act", "commit", "keep"}


def texts(done: Done) -> list[str | None]:
    return [reply.text for reply in done.replies]


async def test_a_turn_is_recorded_whole_and_answered(parley: Services):
    done = await say(parley, "hello", message_id="m1")
    assert texts(done) == ["Good evening."]
    history = await parley.log.history("ada", all_sessions=True)
    assert history.events == tuple(done.events)
    assert history.seq == done.tracker.seq
    assert await parley.log.waiting("ada") is None
    assert set(done.watch.wall_ms) == STEPS


async def test_every_event_says_when_and_by_which_model(parley: Services, clock: HandClock):
    bot = Bot(parley.bot.domain, parley.bot.policies, "our bot", "model 7")
    done = await say(replace(parley, bot=bot), "hello", metadata={"page": "home"})
    assert {event.timestamp for event in done.events} == {clock.now}
    assert all(event.metadata["model_id"] == "model 7" for event in done.events)
    assert all(event.metadata["assistant_id"] == "our bot" for event in done.events)
    user = next(event for event in done.events if isinstance(event, UserUttered))
    assert user.metadata["page"] == "home"


async def test_events_with_nothing_else_to_tell_share_what_all_tell(parley: Services):
    bot = Bot(parley.bot.domain, parley.bot.policies, "our bot", "model 7")
    done = await say(replace(parley, bot=bot), "hello")
    actions = [event for event in done.events if isinstance(event, ActionExecuted)]
    assert len(actions) > 1
    assert len({id(event.metadata) for event in actions}) == 1


async def test_without_the_kept_tracker_the_conversation_goes_on_from_the_log(parley: Services):
    await say(parley, "a table please")
    kept = await say(parley, "we are two")
    await parley.trackers.forget("ada")
    done = await say(parley, "yes")
    assert texts(kept) == ["On the terrace?"]
    assert texts(done) == ["Any wish?"]
    assert done.tracker.slots["people"] == "2"


async def test_a_tracker_of_another_domain_is_replayed(parley: Services):
    await say(parley, "hello, I am Ada")
    old, epoch = await parley.trackers.load("ada") or (None, 0)
    assert old is not None
    stale = msgspec.structs.replace(old, shapes=(), slots={}, seq=old.seq)
    await parley.trackers.keep(stale, epoch=epoch)
    assert texts(await say(parley, "hello")) == ["Good evening, Ada."]


async def test_a_turn_that_was_overtaken_writes_nothing_and_is_taken_again(parley: Services):
    before = await say(parley, "hello")
    message = await waiting(parley, "thanks")
    seq = before.tracker.seq
    await parley.log.commit("ada", [SlotSet(name="name", value="Ada")], seq=seq, epoch=0)
    with pytest.raises(Conflict):
        await take_turn(message, parley)
    assert (await parley.log.history("ada", all_sessions=True)).seq == seq + 1
    done = await take_turn(message, parley)
    assert texts(done) == ["You are welcome."]
    assert done.tracker.slots["name"] == "Ada"


class BrokenNlu:
    async def parse(self, text: str, context: Context = NO_CONTEXT) -> Parse:
        raise RuntimeError("the model is gone")


async def test_when_nlu_is_broken_the_message_waits_and_nothing_is_written(parley: Services):
    broken = replace(parley, nlu=BrokenNlu())
    message = await waiting(broken, "hello")
    with pytest.raises(Unavailable, match="the model is gone"):
        await take_turn(message, broken)
    assert (await parley.log.history("ada", all_sessions=True)).seq == 0
    assert texts(await take_turn(message, parley)) == ["Good evening."]


async def test_a_payload_needs_no_nlu(parley: Services):
    assert texts(await say(replace(parley, nlu=BrokenNlu()), "/greet")) == ["Good evening."]


async def test_replies_are_told_once_they_are_recorded_and_before_the_tracker_is_kept(
    parley: Services,
):
    told: list[str | None] = []

    class Keeping(MemoryTrackers):
        async def keep(self, tracker: Tracker, *, epoch: int) -> None:
            assert told == ["Good evening."]
            assert (await parley.log.stands("ada"))[0] == tracker.seq
            await super().keep(tracker, epoch=epoch)

    keeping = replace(parley, trackers=Keeping())
    message = await waiting(keeping, "hello")
    await take_turn(message, keeping, told=lambda replies: told.extend(r.text for r in replies))
    assert await keeping.trackers.load("ada") is not None


async def test_replies_of_pushing_channels_wait_to_be_sent(parley: Services):
    message = await waiting(parley, "hello", channel="callback")
    await take_turn(message, parley, pushing={"callback"})
    assert [each.reply.text for each in await parley.log.outgoing("ada")] == ["Good evening."]
    await say(parley, "hello")
    assert len(await parley.log.outgoing("ada")) == 1


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        (
            {"utter_action_failed": "Our system is down.", "utter_default": "What?"},
            "Our system is down.",
        ),
        ({"utter_default": "What?"}, "What?"),
        ({}, APOLOGY),
    ],
)
async def test_a_failed_action_is_recorded_and_the_user_is_told(
    parley: Services, listed: dict[str, str], told: str
):
    responses = {name: (Variation(text),) for name, text in listed.items()}
    domain = msgspec.structs.replace(
        parley.bot.domain, actions=("action_pay",), responses=responses
    )
    parley = replace(parley, bot=replace(parley.bot, domain=domain))
    tracker = Tracker.start("ada", domain).apply(ActionExecuted(name="action_listen"))
    pay = Prediction("action_pay", 1.0, "RulePolicy")
    action, said = await act(pay, tracker, parley, channel="rest", call_id="1")
    assert isinstance(action, ActionExecuted)
    assert action.metadata == {"error": "action_pay is broken"}
    assert isinstance(said, BotUttered)
    assert said.text == told


async def test_a_form_whose_validation_fails_keeps_its_question(parley: Services):
    await say(parley, "a table please")
    broken = listing(parley, "validate_table_form", actions=Actions(failing))
    failed = await say(broken, "we are two")
    assert texts(failed) == ["I did not understand."]
    assert failed.tracker.loop_name == "table_form"
    assert failed.tracker.requested_slot == "people"
    assert texts(await say(parley, "we are two")) == ["On the terrace?"]


async def test_a_session_starts_even_when_its_own_action_fails(parley: Services):
    broken = listing(parley, "action_session_start", actions=Actions(failing))
    done = await say(broken, "hello")
    assert texts(done) == ["Good evening."]
    assert any(isinstance(event, SessionStarted) for event in done.events)


async def test_a_bot_that_never_listens_is_made_to(parley: Services):
    endless = answering(FollowupAction(name="action_default_fallback"))
    parley = listing(parley, "action_default_fallback", actions=endless)
    done = await say(parley, "who knows")
    assert done.actions == len(endless.calls) == 10
    assert done.tracker.latest_action_name == "action_listen"
    assert texts(await say(parley, "hello")) == ["Good evening."]


async def test_an_action_that_is_always_undone_does_not_keep_the_turn_going(parley: Services):
    parley = listing(parley, "action_default_fallback", actions=answering(ActionReverted()))
    done = await say(parley, "who knows")
    assert (done.actions, done.tracker.latest_action_name) == (10, "action_listen")


async def test_how_many_actions_a_turn_may_have_is_a_setting(parley: Services):
    parley = listing(parley, "action_default_fallback", actions=answering(ActionReverted()))
    done = await say(replace(parley, most_actions=3), "who knows")
    assert (done.actions, done.tracker.latest_action_name) == (3, "action_listen")


async def test_calls_of_one_turn_have_names_of_their_own_that_stay_the_same(parley: Services):
    actions = answering(ActionReverted())
    parley = listing(parley, "action_default_fallback", actions=actions)
    message = await waiting(parley, "who knows", message_id="m1")
    await parley.log.commit("ada", [], seq=0, epoch=0)
    await take_turn(message, parley)
    first = list(actions.calls)
    assert len(set(first)) == 10
    assert all("m1" in call_id for _, call_id in first)


async def test_a_silent_hour_begins_a_session_that_keeps_the_slots(
    parley: Services, clock: HandClock
):
    await say(parley, "hello, I am Ada")
    clock.advance(59 * 60)
    assert not any(isinstance(e, SessionStarted) for e in (await say(parley, "thanks")).events)
    clock.advance(61 * 60)
    done = await say(parley, "hello")
    assert any(isinstance(event, SessionStarted) for event in done.events)
    assert texts(done) == ["Good evening, Ada."]


async def test_a_message_that_opens_a_session_leaves_its_metadata_there(parley: Services):
    done = await say(parley, "hello", metadata={"shop": "north"})
    assert done.tracker.slots["session_started_metadata"] == {"shop": "north"}


async def test_a_paused_conversation_is_recorded_and_not_answered(parley: Services):
    done = await say(parley, "hello")
    seq = await parley.log.commit("ada", [ConversationPaused()], seq=done.tracker.seq, epoch=0)
    await parley.trackers.forget("ada")
    silent = await say(parley, "hello, I am Ada")
    assert texts(silent) == []
    assert silent.tracker.slots["name"] == "Ada"
    assert silent.tracker.seq > seq
    await parley.log.commit("ada", [ConversationResumed()], seq=silent.tracker.seq, epoch=0)
    await parley.trackers.forget("ada")
    assert texts(await say(parley, "hello")) == ["Good evening, Ada."]


@pytest.mark.parametrize("text", ["", "   ", "\x00\x07", "/", "/{}", "🦀" * 5000, "שלום"])
async def test_whatever_is_said_the_conversation_stays_alive(parley: Services, text: str):
    done = await say(parley, text)
    assert texts(done) == ["I did not understand."]
    msgspec.json.encode(done.tracker)
    assert texts(await say(parley, "hello")) == ["Good evening."]
