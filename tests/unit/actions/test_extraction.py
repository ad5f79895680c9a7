from __future__ import annotations

from collections.abc import Mapping as Map
from random import Random

import pytest

from bot.actions.base import ActionAnswer
from bot.actions.extraction import VALIDATE, extract_slots
from bot.actions.stage import Stage
from bot.dialogue.domain import Domain, IntentSpec, Mapping, Slot
from bot.dialogue.events import BotUttered, ConversationPaused, Event, SlotSet, UserUttered
from bot.dialogue.tracker import Tracker
from nlu.parse import Intent, Parse

COMPUTED = (Mapping("custom", action="action_compute"),)
SLOTS = {
    "words": Slot("words", "text", (Mapping("from_text"),)),
    "sum": Slot("sum", "any", COMPUTED),
    "product": Slot("product", "any", COMPUTED),
}


class Sdk:
    """An action server that answers each action with its events; remembers who asked what."""

    def __init__(self, answers: Map[str, tuple[Event, ...]]) -> None:
        self._answers = answers
        self.asked: list[str] = []
        self.seen: list[Tracker] = []

    async def run(
        self, action: str, tracker: Tracker, domain: Domain, *, call_id: str
    ) -> ActionAnswer:
        self.asked.append(action)
        self.seen.append(tracker)
        return ActionAnswer(self._answers.get(action, ()), ())


async def extracted(sdk: Sdk, *actions: str) -> list[Event]:
    domain = Domain(intents={"inform": IntentSpec("inform")}, slots=SLOTS, actions=actions)
    user = UserUttered(text="two", parse_data=Parse("two", Intent("inform", 1.0)))
    tracker = Tracker.start("c", domain).apply(user)
    return await extract_slots(tracker, Stage(domain, sdk, Random(0), "rest", "1"))


def slot(name: str, value: object) -> SlotSet:
    return SlotSet(name=name, value=value)


async def test_an_action_of_several_custom_mappings_is_asked_once():
    sdk = Sdk({"action_compute": (slot("sum", 3), slot("product", 2))})
    found = await extracted(sdk, "action_compute")
    assert sdk.asked == ["action_compute"]
    assert found == [slot("words", "two"), slot("sum", 3), slot("product", 2)]


async def test_what_a_custom_mapping_says_is_heard_only_where_slots_are_validated():
    answers = {"action_compute": (BotUttered(text="computing"), slot("sum", 3))}
    silent = await extracted(Sdk(answers), "action_compute")
    assert silent == [slot("words", "two"), slot("sum", 3)]
    heard = await extracted(Sdk(answers), "action_compute", VALIDATE)
    assert BotUttered(text="computing") in heard


async def test_validated_slots_take_the_place_of_their_candidates_and_others_stay():
    sdk = Sdk({"action_compute": (slot("sum", 3),), VALIDATE: (slot("sum", None),)})
    found = await extracted(sdk, "action_compute", VALIDATE)
    assert sorted(found, key=str) == sorted([slot("sum", None), slot("words", "two")], key=str)


async def test_validation_sees_the_candidates():
    sdk = Sdk({"action_compute": (slot("sum", 3),)})
    await extracted(sdk, "action_compute", VALIDATE)
    assert sdk.seen[-1].slots["sum"] == 3
    assert sdk.seen[-1].events[-2:] == (slot("words", "two"), slot("sum", 3))


@pytest.mark.parametrize("asked", ["action_compute", VALIDATE])
async def test_while_slots_are_filled_nothing_else_happens(asked: str):
    sdk = Sdk({asked: (ConversationPaused(), slot("sum", 3))})
    found = await extracted(sdk, "action_compute", VALIDATE)
    assert sorted(found, key=str) == sorted([slot("words", "two"), slot("sum", 3)], key=str)
