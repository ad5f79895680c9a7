"""What ends with a person: handing over, reports about a parcel, and account matters."""

from __future__ import annotations

from rasa_sdk import Tracker
from rasa_sdk.events import ActiveLoop, ConversationPaused, EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.orm import Session

from . import shop
from .answers import REPORTED
from .desk import ShopAction, forget_task, slot_text

LAST_WORDS = 5


class HumanHandoff(ShopAction):
    """Open a ticket with the visitor's last words; the bot is silent until it is resumed."""

    action_name = "action_human_handoff"
    changes = True

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        said = [event.get("text") or "" for event in tracker.events if event["event"] == "user"]
        ticket = shop.open_ticket(
            session, "handoff", tracker.sender_id, note="\n".join(said[-LAST_WORDS:])
        )
        dispatcher.utter_message(response="utter_handoff", ticket=ticket.number)
        return [
            *forget_task(but=("order_number",)),
            SlotSet("requested_slot", None),
            ActiveLoop(None),
            ConversationPaused(),
        ]


class ReportProblem(ShopAction):
    """A ticket for something damaged, missing or wrong."""

    action_name = "action_report_problem"
    changes = True
    needs = ("order_number", "item", "problem")

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        problem, item = slot_text(tracker, "problem"), slot_text(tracker, "item")
        number = slot_text(tracker, "order_number")
        if problem not in REPORTED:
            return forget_task()
        ticket = shop.open_ticket(
            session, problem, tracker.sender_id, about=item, order_number=number
        )
        dispatcher.utter_message(
            response=REPORTED[problem], ticket=ticket.number, item=item, number=number
        )
        return forget_task(but=("order_number",))


class Unsubscribe(ShopAction):
    """No more marketing mail, whether or not the address is known here."""

    action_name = "action_unsubscribe"
    changes = True
    needs = ("email",)

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        email = slot_text(tracker, "email")
        customer = shop.find_customer(session, email)
        if customer:
            customer.newsletter = False
        dispatcher.utter_message(response="utter_unsubscribed", mail=email)
        return forget_task()


class DeleteAccount(ShopAction):
    """Ask the people who may do it to delete an account."""

    action_name = "action_delete_account"
    changes = True
    needs = ("email", "confirmed")

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        if not tracker.get_slot("confirmed"):
            dispatcher.utter_message(response="utter_left_as_it_was")
            return forget_task()
        email = slot_text(tracker, "email")
        ticket = shop.open_ticket(session, "delete_account", tracker.sender_id, about=email)
        dispatcher.utter_message(
            response="utter_account_deletion", ticket=ticket.number, mail=shop.hidden(email)
        )
        return [
            *forget_task(),
            SlotSet("email", None),
            SlotSet("customer_name", None),
            SlotSet("customer_known", False),
        ]
