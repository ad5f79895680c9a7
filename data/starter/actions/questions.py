"""Questions that depend on the order: which item, and whether all is right."""

from __future__ import annotations

from rasa_sdk import Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.orm import Session

from . import shop
from .answers import CONFIRM
from .checking import WHOLE_PARCEL
from .desk import ShopAction, active_form, order_of


class AskItem(ShopAction):
    """Ask for the item, with a button for each of the order."""

    action_name = "action_ask_item"

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        order = order_of(session, tracker)
        names = [item.product.name for item in order.items] if order else []
        if active_form(tracker) == "problem_form":
            names.append(WHOLE_PARCEL)
        buttons = [
            {"title": name.capitalize(), "payload": f'/inform{{"product": "{name}"}}'}
            for name in names
        ]
        dispatcher.utter_message(response="utter_ask_which_item", buttons=buttons)
        return []


class AskConfirmed(ShopAction):
    """Say what is about to be done, and ask whether it should be."""

    action_name = "action_ask_confirmed"

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        form = active_form(tracker) or ""
        order = order_of(session, tracker)
        dispatcher.utter_message(
            response=CONFIRM[form],
            items=", ".join(map(shop.describe, order.items)) if order else "",
        )
        return []
