"""The help desk without its ticket system, as the project's README describes it."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, FormValidationAction
from rasa_sdk.events import AllSlotsReset, SlotSet

PRIORITIES = ("low", "medium", "high")
STATE = "has been closed"  # of the four it could draw, the one that was recorded
HANDOFFS = {"financial_demo": ("Financial Assistant", "http://localhost:5006")}


def checked_email(value: Any, tracker: Any) -> dict:
    """What is kept of an answer to the question for an address."""
    if not value:
        return {"email": None, "previous_email": None}
    return {"email": tracker.get_slot("previous_email") if isinstance(value, bool) else value}


def forgotten(tracker: Any) -> list:
    """All slots empty, but for the address, in case it is needed again."""
    return [AllSlotsReset(), SlotSet("previous_email", tracker.get_slot("email"))]


class AskEmail(Action):
    def name(self) -> str:
        return "action_ask_email"

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list:
        known = tracker.get_slot("previous_email")
        name = "utter_ask_use_previous_email" if known else "utter_ask_email"
        dispatcher.utter_message(response=name)
        return []


class ValidateOpenIncidentForm(FormValidationAction):
    def name(self) -> str:
        return "validate_open_incident_form"

    def validate_email(self, value: Any, dispatcher: Any, tracker: Any, domain: Any) -> dict:
        return checked_email(value, tracker)

    def validate_priority(self, value: Any, dispatcher: Any, tracker: Any, domain: Any) -> dict:
        if str(value).lower() in PRIORITIES:
            return {"priority": value}
        dispatcher.utter_message(response="utter_no_priority")
        return {"priority": None}


class ValidateIncidentStatusForm(FormValidationAction):
    def name(self) -> str:
        return "validate_incident_status_form"

    def validate_email(self, value: Any, dispatcher: Any, tracker: Any, domain: Any) -> dict:
        return checked_email(value, tracker)


class OpenIncident(Action):
    def name(self) -> str:
        return "action_open_incident"

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list:
        if not tracker.get_slot("confirm"):
            dispatcher.utter_message(response="utter_incident_creation_canceled")
            return forgotten(tracker)
        lines = [
            "An incident with the following details would be opened if ServiceNow was connected:",
            f"email: {tracker.get_slot('email')}",
            f"problem description: {tracker.get_slot('problem_description')}",
            f"title: {tracker.get_slot('incident_title')}",
            f"priority: {tracker.get_slot('priority')}",
        ]
        dispatcher.utter_message(text="\n".join(lines))
        return forgotten(tracker)


class CheckIncidentStatus(Action):
    def name(self) -> str:
        return "action_check_incident_status"

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list:
        dispatcher.utter_message(
            text="Since ServiceNow isn't connected, I'm making this up!\n"
            f"The most recent incident for {tracker.get_slot('email')} {STATE}"
        )
        return forgotten(tracker)


class HandoffOptions(Action):
    def name(self) -> str:
        return "action_handoff_options"

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list:
        gap = " " * 23
        text = f"I can't transfer you to a human,{gap}but I can transfer you to one of these bots"
        dispatcher.utter_message(
            text=text,
            buttons=[
                {"title": title, "payload": f'/trigger_handoff{{"handoff_to":"{name}"}}'}
                for name, (title, _) in HANDOFFS.items()
            ],
        )
        return []


class Handoff(Action):
    def name(self) -> str:
        return "action_handoff"

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list:
        dispatcher.utter_message(response="utter_handoff")
        place = HANDOFFS.get(tracker.get_slot("handoff_to"))
        if place is None:
            dispatcher.utter_message(response="utter_wentwrong")
        else:
            dispatcher.utter_message(json_message={"handoff_host": place[1], "title": place[0]})
        return []
