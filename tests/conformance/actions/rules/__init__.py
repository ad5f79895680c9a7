"""The two actions of the rules example, as its README describes them."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action
from rasa_sdk.events import SlotSet


class SwitchFaq(Action):
    def name(self) -> str:
        return "action_switch_faq"

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list:
        return [SlotSet("detailed_faq", not tracker.get_slot("detailed_faq"))]


class ValidateLoop(Action):
    def name(self) -> str:
        return "action_validate_loop_q_form"

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list:
        dispatcher.utter_message(text="validate_some_slot")
        return [SlotSet("some_slot", "sdk")]
