"""What mutes a conversation in Rasa for good does not mute it here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bot.actions.base import ActionAnswer
from bot.dialogue.domain import Domain
from bot.dialogue.events import (
    ActionExecuted,
    BotUttered,
    ConversationPaused,
    Event,
    SessionStarted,
    UserUttered,
)
from bot.dialogue.messages import Message
from bot.dialogue.tracker import Tracker
from bot.dialogue.written import event_state
from bot.external import external_message
from bot.project.load import load_project
from bot.services import Services
from bot.testing.services import examples_nlu, memory_services
from bot.turn import Done, take_turn
from nlu.parse import Intent, Parse

TABLEBOT = Path(__file__).parents[2] / "data" / "tablebot"
LISTEN = ActionExecuted(name="action_listen")
FALLBACK, START = "action_default_fallback", "action_session_start"


class Own:
    """An action server that does the same whenever it is asked, or the next thing each time."""

    def __init__(self, *answers: Sequence[Event]) -> None:
        self._answers = list(answers)

    async def run(
        self, action: str, tracker: Tracker, domain: Domain, *, call_id: str
    ) -> ActionAnswer:
        events = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return ActionAnswer(tuple(events), ())


def bot(action: str, *answers: Sequence[Event]) -> Services:
    """The bot for tables, whose own ``action`` answers with events."""
    project = load_project(TABLEBOT)
    parley = memory_services(project, examples_nlu(project), Own(*answers))
    domain = msgspec.structs.replace(parley.bot.domain, actions=(action,))
    return replace(parley, bot=replace(parley.bot, domain=domain))


async def told(parley: Services, message: Message) -> Done:
    await parley.log.accept(message)
    waiting = await parley.log.waiting("ada")
    assert waiting is not None
    return await take_turn(waiting, parley)


async def say(parley: Services, text: str) -> Done:
    return await told(parley, Message("ada", text))


def texts(done: Done) -> list[str | None]:
    return [reply.text for reply in done.replies]


def names(done: Done) -> list[str]:
    return [event.name or "" for event in done.events if isinstance(event, ActionExecuted)]


async def test_a_fallback_of_ones_own_that_takes_nothing_back_is_said_once():
    parley = bot(FALLBACK, [BotUttered(text="What?")])
    done = await say(parley, "who knows")
    assert texts(done) == ["What?"]
    assert names(done)[-2:] == [FALLBACK, "action_listen"]
    assert any(isinstance(e, UserUttered) and e.text == "who knows" for e in done.tracker.events)
    assert texts(await say(parley, "hello")) == ["Good evening."]
    assert texts(await say(parley, "who knows")) == ["What?"]


@pytest.mark.parametrize("forgets", [[SessionStarted()], []], ids=["the listen", "all of it"])
async def test_a_session_start_that_forgets_to_listen_does_not_cost_the_first_message(
    forgets: list[Event],
):
    parley = bot(START, forgets)
    done = await say(parley, "hello")
    assert texts(done) == ["Good evening."]
    assert names(done)[:2] == [START, "action_listen"]
    assert texts(await say(parley, "/restart")) == []
    assert texts(await say(parley, "hello")) == ["Good evening."]


async def test_a_message_that_an_action_makes_up_is_answered_without_a_listen_before_it():
    meant = UserUttered(text="hello", parse_data=Parse("hello", Intent("greet")))
    done = await say(bot(FALLBACK, [meant]), "who knows")
    assert texts(done) == ["Good evening."]
    kinds = [event_state(event)["event"] for event in done.events]
    assert kinds.count("user") == 2
    assert names(done)[-4:] == [FALLBACK, "action_listen", "utter_greet", "action_listen"]


async def test_a_conversation_that_an_action_paused_is_woken_by_a_restart():
    parley = bot(FALLBACK, [ConversationPaused()])
    assert (await say(parley, "who knows")).tracker.paused
    assert texts(await say(parley, "hello")) == []
    woken = await say(parley, "/restart")
    assert not woken.tracker.paused
    assert "action_restart" in names(woken)
    assert texts(await say(parley, "hello")) == ["Good evening."]


async def test_a_reminder_that_rings_in_a_pause_is_heard_and_not_answered():
    parley = bot(FALLBACK, [ConversationPaused()])
    await say(parley, "who knows")
    rung = await told(parley, external_message("ada", "greet"))
    assert texts(rung) == []
    assert [event_state(event)["event"] for event in rung.events] == ["user"]
    assert rung.tracker.paused
