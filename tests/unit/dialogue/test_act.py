from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bot.act import act
from bot.actions.base import ActionAnswer
from bot.dialogue.domain import Domain
from bot.dialogue.events import (
    ActionExecuted,
    ActionExecutionRejected,
    BotUttered,
    Event,
    LoopInterrupted,
    SlotSet,
    UserUttered,
)
from bot.dialogue.policy import Prediction
from bot.dialogue.tracker import Tracker
from bot.errors import ActionRejected
from bot.project.load import load_project
from bot.services import Services
from bot.testing.services import examples_nlu, memory_services
from nlu.parse import Entity, Intent, Parse

TABLEBOT = Path(__file__).parents[2] / "data" / "tablebot"
NOTE = LoopInterrupted(is_interrupted=True)
OWN = Prediction("action_own", 0.8, "RulePolicy", events=(NOTE,))
LISTEN = ActionExecuted(name="action_listen")


class Sdk:
    """An action server with one answer, or a refusal."""

    def __init__(self, answer: ActionAnswer | None) -> None:
        self._answer = answer

    async def run(
        self, action: str, tracker: Tracker, domain: Domain, *, call_id: str
    ) -> ActionAnswer:
        if self._answer is None:
            raise ActionRejected(f"{action} does not want to")
        return self._answer


async def done(*events: Event, refuses: bool = False, **response: object) -> list[Event]:
    project = load_project(TABLEBOT)
    answer = ActionAnswer(events, (response,) if response else ())
    services = memory_services(project, examples_nlu(project), Sdk(None if refuses else answer))
    parley = _listing(services)
    tracker = Tracker.start("ada", parley.bot.domain).apply_all([LISTEN, UserUttered(text="x")])
    return await act(OWN, tracker, parley, channel="rest", call_id="1")


def _listing(parley: Services) -> Services:
    domain = msgspec.structs.replace(parley.bot.domain, actions=("action_own",))
    return replace(parley, bot=replace(parley.bot, domain=domain))


async def test_what_the_policies_note_comes_first_then_the_action_then_what_it_did():
    note, action, said, slot = await done(SlotSet(name="name", value="Bo"), text="Hi.")
    assert note == NOTE
    assert isinstance(action, ActionExecuted)
    assert (action.name, action.policy, action.confidence) == ("action_own", "RulePolicy", 0.8)
    assert isinstance(said, BotUttered)
    assert slot == SlotSet(name="name", value="Bo")


async def test_of_an_action_that_refuses_only_the_refusal_is_logged():
    (refusal,) = await done(refuses=True)
    assert isinstance(refusal, ActionExecutionRejected)
    assert (refusal.name, refusal.policy, refusal.confidence) == ("action_own", "RulePolicy", 0.8)


async def test_an_action_that_says_it_did_not_run_is_believed():
    refused = ActionExecutionRejected(name="action_own")
    slot = SlotSet(name="name", value="Bo")
    assert await done(slot, refused) == [slot, refused]


@pytest.mark.parametrize("listens", [True, False])
async def test_what_an_action_lets_the_user_say_fills_slots(listens: bool):
    parse = Parse("I am Bo", Intent("inform", 1.0), (Entity("name", "Bo", 5, 7),))
    user = UserUttered(text="I am Bo", parse_data=parse)
    events = await done(*([LISTEN] if listens else []), user)
    assert events[2:] == [LISTEN, user, SlotSet(name="name", value="Bo")]


async def test_an_action_that_gives_more_events_than_allowed_fails_and_leaves_none_of_them():
    events = [SlotSet(name="name", value=str(number)) for number in range(1001)]
    assert len(await done(*events[:1000])) == 1002
    note, action, apology = await done(*events)
    assert note == NOTE
    assert "at most 1000" in action.metadata["error"]
    assert isinstance(apology, BotUttered)


@pytest.mark.parametrize("kind", ["buttons", "quick_replies"])
async def test_an_action_whose_reply_has_more_buttons_than_allowed_fails(kind):
    buttons = [{"title": "x", "payload": "/x"}] * 101
    assert len((await done(text="Choose.", **{kind: buttons[:100]}))[2].data[kind]) == 100
    _, action, apology = await done(text="Choose.", **{kind: buttons})
    assert "101 buttons" in action.metadata["error"]
    assert not apology.data[kind]
