from __future__ import annotations

from random import Random

import pytest

from bot.actions.base import ActionAnswer
from bot.actions.builtin import run_action
from bot.actions.stage import Stage
from bot.dialogue.domain import Domain, Form, SessionConfig, Slot, Variation
from bot.dialogue.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from bot.dialogue.tracker import Tracker
from bot.errors import ActionFailed
from nlu.parse import Intent, Parse

LISTEN = ActionExecuted(name="action_listen")
RESPONSES = {
    "utter_restart": (Variation("Again then."),),
    "utter_default": (Variation("What?"),),
    "utter_ask_rephrase": (Variation("In other words?"),),
    "utter_faq/hours": (Variation("From six."),),
    "utter_hi": (Variation("Hi {name}."),),
}
DOMAIN = Domain(
    slots={"name": Slot("name", "text"), "requested_slot": Slot("requested_slot")},
    responses=RESPONSES,
    forms={"form": Form("form", ("name",))},
)


class Sdk:
    """An action server with one answer for everything."""

    def __init__(self, answer: ActionAnswer | None = None) -> None:
        self._answer = answer
        self.asked: list[str] = []

    async def run(
        self, action: str, tracker: Tracker, domain: Domain, *, call_id: str
    ) -> ActionAnswer:
        self.asked.append(action)
        if self._answer is None:
            raise ActionFailed(f"nobody does {action}")
        return self._answer


def said(intent: str, *ranking: str, selector: dict | None = None) -> UserUttered:
    ranked = tuple(Intent(name, 0.3) for name in ranking)
    parse = Parse("words", Intent(intent, 0.3), (), ranked, selector or {})
    return UserUttered(text="words", parse_data=parse)


async def done(
    name: str, *before: Event, domain: Domain = DOMAIN, sdk: Sdk | None = None
) -> list[Event]:
    stage = Stage(domain, sdk or Sdk(), Random(0), "rest", "1")
    return await run_action(name, Tracker.start("c", domain).apply_all(before), stage)


def words(events: list[Event]) -> list[str | None]:
    return [event.text for event in events if isinstance(event, BotUttered)]


async def test_a_response_is_said_with_the_slots_in_it():
    events = await done("utter_hi", SlotSet(name="name", value="Ada"))
    assert words(events) == ["Hi Ada."]


async def test_a_missing_response_is_silence_not_an_error():
    assert await done("utter_nothing") == []


async def test_a_retrieval_action_says_the_answer_that_was_picked():
    picked = {"faq": {"response": {"utter_action": "utter_faq/hours"}}}
    assert words(await done("utter_faq", LISTEN, said("faq", selector=picked))) == ["From six."]
    assert await done("utter_faq", LISTEN, said("faq")) == []


async def test_a_restart_says_so():
    events = await done("action_restart")
    assert words(events) == ["Again then."]
    assert events[-1] == Restarted()


async def test_the_fallback_takes_the_message_back():
    events = await done("action_default_fallback")
    assert words(events) == ["What?"]
    assert events[-1] == UserUtteranceReverted()


async def test_going_back_takes_two_messages_back():
    assert await done("action_back") == [UserUtteranceReverted(), UserUtteranceReverted()]


async def test_a_loop_can_be_switched_off():
    assert await done("action_deactivate_loop") == [
        ActiveLoop(name=None),
        SlotSet(name="requested_slot", value=None),
    ]


@pytest.mark.parametrize("carries", [True, False])
async def test_a_session_carries_slots_over_if_the_domain_says_so(carries: bool):
    domain = Domain(slots=DOMAIN.slots, session=SessionConfig(60, carries))
    events = await done("action_session_start", SlotSet(name="name", value="Ada"), domain=domain)
    carried = [SlotSet(name="name", value="Ada")] if carries else []
    assert events == [SessionStarted(), *carried, LISTEN]


async def test_a_default_action_that_the_domain_lists_is_the_projects_own():
    sdk = Sdk(ActionAnswer((), ({"text": "ours"},)))
    domain = Domain(actions=("action_restart",))
    assert words(await done("action_restart", domain=domain, sdk=sdk)) == ["ours"]


async def test_responses_of_an_action_are_said_before_its_events():
    answer = ActionAnswer(
        (SlotSet(name="name", value="Bo"),),
        (
            {"response": "utter_hi", "template": "utter_hi", "name": "Cy", "buttons": []},
            {"response": "utter_unknown"},
            {"text": "plain", "custom": {}, "image": "i.png", "mood": "good"},
        ),
    )
    events = await done("action_x", sdk=Sdk(answer))
    assert words(events) == ["Hi Cy.", "plain"]
    assert events[-1] == SlotSet(name="name", value="Bo")
    plain = events[1]
    assert isinstance(plain, BotUttered)
    assert plain.data["image"] == "i.png"
    assert plain.metadata == {"mood": "good"}


async def test_what_an_action_left_empty_leaves_the_response_as_it_is():
    empty = {"text": None, "image": None, "custom": {}, "attachment": None, "elements": []}
    answer = ActionAnswer((), ({"response": "utter_hi", "name": "Cy", **empty},))
    assert words(await done("action_x", sdk=Sdk(answer))) == ["Hi Cy."]


async def test_buttons_of_an_action_join_those_of_the_response():
    variation = Variation("Which?", buttons=({"title": "A", "payload": "/a"},))
    domain = Domain(responses={"utter_x": (variation,)})
    more = {"response": "utter_x", "buttons": [{"title": "B", "payload": "/b"}]}
    (event,) = await done("action_x", domain=domain, sdk=Sdk(ActionAnswer((), (more,))))
    assert isinstance(event, BotUttered)
    assert [button["title"] for button in event.data["buttons"]] == ["A", "B"]


# Two-stage fallback: what happens depends on what was said since

UNCLEAR = said("nlu_fallback", "nlu_fallback", "order")
LOOP = ActiveLoop(name="action_two_stage_fallback")
ASKED = (LISTEN, UNCLEAR, LOOP, LISTEN)


async def test_what_was_unclear_is_asked_about():
    events = await done("action_two_stage_fallback", LISTEN, UNCLEAR)
    assert events[0] == LOOP
    assert words(events) == ["Did you mean 'order'?"]
    question = events[1]
    assert isinstance(question, BotUttered)
    assert [b["payload"] for b in question.data["buttons"]] == ["/order", "/out_of_scope"]


async def test_a_guess_that_was_wrong_is_followed_by_asking_for_other_words():
    events = await done("action_two_stage_fallback", *ASKED, said("out_of_scope"))
    assert words(events) == ["In other words?"]


async def test_what_is_clear_now_was_meant_from_the_start():
    events = await done("action_two_stage_fallback", *ASKED, said("order"))
    assert events[:3] == [ActiveLoop(name=None), UserUtteranceReverted(), LISTEN]
    user = events[3]
    assert isinstance(user, UserUttered)
    assert user.parse_data is not None
    assert user.parse_data.intent == Intent("order", 1.0)


@pytest.mark.parametrize(
    "since",
    [(UNCLEAR,), (said("out_of_scope"), LISTEN, UNCLEAR, LISTEN, said("out_of_scope"))],
)
async def test_in_the_end_it_gives_up(since: tuple[Event, ...]):
    events = await done("action_two_stage_fallback", *ASKED, *since)
    assert events[0] == ActiveLoop(name=None)
    assert words(events) == ["What?"]
    assert events[-1] == UserUtteranceReverted()
