"""What all forms check: order, mail address, item and the last yes, before they are believed.

Every validate method gives the slot's normalised value, or None to be asked again after saying why.
A value given earlier may be corrected at any time: it comes through here like the first one, and
takes with it what depended on it (another order has other items).
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from rasa_sdk import FormValidationAction, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.exc import SQLAlchemyError

from . import shop
from .database import shop_session
from .desk import intent
from .models import Order
from .orders import order_words

log = logging.getLogger(__name__)

Slots = dict[str, Any]

# How a slot is written, and what is said where it cannot be written so.
WRITTEN: dict[str, tuple[Callable[[str], str | None], str]] = {
    "order_number": (shop.normal_order_number, "utter_order_number_malformed"),
    "email": (shop.normal_email, "utter_email_malformed"),
    "postcode": (shop.normal_postcode, "utter_postcode_malformed"),
    "street": (shop.normal_street, "utter_street_malformed"),
    "city": (shop.normal_city, "utter_city_malformed"),
}
WHOLE_PARCEL = "whole parcel"
_WHOLE = frozenset({"parcel", "package", "everything", "all", "whole", "order"})


class ShopForm(FormValidationAction, ABC):
    """Validation of a form whose slots are checked against the shop.

    ``owner_only`` forms change an order, so its mail address is compared with the one given.
    """

    owner_only = False

    @property
    @abstractmethod
    def form(self) -> str:
        """Whose slots are checked."""

    def name(self) -> str:
        return f"validate_{self.form}"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        given = tracker.slots_to_validate()
        try:
            return await super().run(dispatcher, tracker, domain)
        except (SQLAlchemyError, OSError):
            log.exception("%s: the shop database failed", self.name())
            dispatcher.messages.clear()
            dispatcher.utter_message(response="utter_shop_down")
            return [SlotSet(slot, None) for slot in given]

    def validate_order_number(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        number = written("order_number", value, dispatcher)
        if number is None:
            return {"order_number": None}
        with shop_session() as session:
            order = shop.find_order(session, number)
            if order is None:
                dispatcher.utter_message(response="utter_order_unknown", number=number)
                return {"order_number": None}
            if refusal := self.refusal(order):
                dispatcher.utter_message(response=refusal, **order_words(order))
                return {"order_number": None, "requested_slot": None}
            changed: Slots = {"order_number": number}
            if intent(tracker) == "correct":
                dispatcher.utter_message(response="utter_corrected_order", number=number)
            item = tracker.get_slot("item")
            if item and item != WHOLE_PARCEL and not shop.find_item(order, item):
                changed["item"] = None
            email = tracker.get_slot("email")
            if self.owner_only and email and order.customer.email != email.lower():
                changed["email"] = None
            return changed

    def refusal(self, order: Order) -> str | None:
        """The response that says why this form can do nothing for ``order``."""
        return None

    def validate_email(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        email = written("email", value, dispatcher)
        if email is None:
            return {"email": None}
        with shop_session() as session:
            customer = shop.find_customer(session, email)
            if customer is None:
                dispatcher.utter_message(response="utter_email_unknown", mail=email)
                return {"email": None}
            number = tracker.get_slot("order_number")
            order = shop.find_order(session, str(number)) if number else None
            if self.owner_only and order and order.customer_id != customer.id:
                dispatcher.utter_message(response="utter_email_of_another", number=order.number)
                return {"email": None}
            first_name = customer.name.split()[0]
            return {"email": email, "customer_name": first_name, "customer_known": True}

    def validate_item(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        number = tracker.get_slot("order_number")
        if not number:
            return {"item": value}  # checked when the order is known
        with shop_session() as session:
            order = shop.find_order(session, str(number))
            if order is None:
                return {"item": None}
            if self.form == "problem_form" and _WHOLE & set(str(value).lower().split()):
                return {"item": WHOLE_PARCEL}
            item = shop.find_item(order, str(value))
            if item:
                return {"item": item.product.name}
            loose_text = value == tracker.latest_message.get("text")
            if not (loose_text and len(tracker.slots_to_validate()) > 1):
                items = ", ".join(map(shop.describe, order.items))
                dispatcher.utter_message(response="utter_item_unknown", number=number, items=items)
            return {"item": None}

    def validate_confirmed(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        # "No, the postcode is LS6 3HN" corrects; it does not call the task off.
        others = set(tracker.slots_to_validate()) - {"confirmed"}
        return {"confirmed": None if others and not value else bool(value)}


def written(slot: str, value: Any, dispatcher: CollectingDispatcher) -> str | None:
    """``value`` as the shop writes it; None after saying why it cannot be."""
    normal, complaint = WRITTEN[slot]
    found = normal(str(value))
    if found is None:
        dispatcher.utter_message(response=complaint)
    return found
