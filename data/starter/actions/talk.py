"""Keeping the conversation together: repeating, loose details, leaving a task, asking back."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from .desk import active_form, entities, forget_task

# How the bot names an intent when it asks back.
MEANINGS = {
    "order_status": "Where is my order?",
    "list_orders": "Which orders do I have?",
    "cancel_order": "Cancel an order",
    "return_item": "Send something back",
    "exchange_item": "Exchange something",
    "refund_status": "Where is my refund?",
    "change_address": "Change a delivery address",
    "change_delivery_date": "Change a delivery day",
    "report_damaged": "Something arrived broken",
    "report_missing": "Something is missing",
    "wrong_item": "I got the wrong thing",
    "product_search": "Find a product",
    "check_stock": "Is something in stock?",
    "product_price": "What does something cost?",
    "payment_failed": "A payment went wrong",
    "invoice_request": "I need an invoice",
    "voucher_problem": "A voucher does not work",
    "account_login": "I cannot sign in",
    "delete_account": "Delete my account",
    "newsletter_unsubscribe": "No more newsletters",
    "human_handoff": "Talk to a person",
    "help": "What can you do?",
}
MOST_GUESSES = 2


class Repeat(Action):
    """Say the last thing again. Inside a form there is no need: the form asks again by itself."""

    def name(self) -> str:
        return "action_repeat"

    def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        if active_form(tracker):
            return []
        said = next(
            (
                event
                for event in reversed(tracker.events)
                if event["event"] == "bot" and event.get("text")
            ),
            None,
        )
        if said is None:
            dispatcher.utter_message(response="utter_help")
        else:
            buttons = (said.get("data") or {}).get("buttons") or []
            dispatcher.utter_message(text=said["text"], buttons=buttons)
        return []


class Inform(Action):
    """A detail that nobody asked for: say what could be done with it."""

    def name(self) -> str:
        return "action_inform"

    def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        if active_form(tracker):
            dispatcher.utter_message(response="utter_detail_unclear")
        elif entities(tracker, "voucher_code"):
            dispatcher.utter_message(response="utter_what_about_voucher")
        elif number := next(iter(entities(tracker, "order_number")), None):
            dispatcher.utter_message(response="utter_what_about_order", number=number)
        elif name := next(iter(entities(tracker, "person_name")), None):
            dispatcher.utter_message(response="utter_nice_to_meet", name=name)
        else:
            dispatcher.utter_message(response="utter_what_about_it")
        return []


class Stopped(Action):
    """The task was left: nothing of it is remembered."""

    def name(self) -> str:
        return "action_stopped"

    def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        dispatcher.utter_message(response="utter_stopped")
        return forget_task()


class AskAffirmation(Action):
    """First stage of the two-stage fallback: offer the likeliest meanings as buttons."""

    def name(self) -> str:
        return "action_default_ask_affirmation"

    def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        ranking = tracker.latest_message.get("intent_ranking") or []
        names = [str(ranked.get("name")).split("/")[0] for ranked in ranking]
        guesses = [name for name in dict.fromkeys(names) if name in MEANINGS][:MOST_GUESSES]
        buttons = [{"title": MEANINGS[name], "payload": f"/{name}"} for name in guesses]
        buttons.append({"title": "Something else", "payload": "/out_of_scope"})
        dispatcher.utter_message(response="utter_ask_affirmation", buttons=buttons)
        return []
