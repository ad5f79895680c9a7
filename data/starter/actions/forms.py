"""Checking what a form is told, before it is believed.

Every validate method gives the slot's normalised value, or None to be asked again after saying why.
A value given earlier may be corrected at any time: it comes through here like the first one, and
takes with it what depended on it (another order has other items).
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from datetime import date
from typing import Any

from rasa_sdk import FormValidationAction, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.exc import SQLAlchemyError

from . import shop
from .answers import NO_ADDRESS, NO_CANCELLING, NO_DAY, NO_REPLACEMENT, NO_RETURN
from .database import shop_session
from .dates import read_date
from .desk import intent
from .models import Order
from .orders import order_words
from .seed import this_day

log = logging.getLogger(__name__)

Slots = dict[str, Any]

REASONS = ("damaged", "wrong_size", "wrong_item", "not_as_described", "changed_mind", "late")
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
        number = shop.normal_order_number(str(value))
        if number is None:
            dispatcher.utter_message(response="utter_order_number_malformed")
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
        email = shop.normal_email(str(value))
        if email is None:
            dispatcher.utter_message(response="utter_email_malformed")
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


class OrderStatusForm(ShopForm):
    """Only the number."""

    form = "order_status_form"


class RefundForm(ShopForm):
    """Only the number."""

    form = "refund_form"


class InvoiceForm(ShopForm):
    """Only the number; the invoice goes to the mail address of the order."""

    form = "invoice_form"


class OrdersForm(ShopForm):
    """Mail address and, since anybody may know that, the postcode of the account."""

    form = "orders_form"

    def validate_postcode(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        postcode = shop.normal_postcode(str(value))
        if postcode is None:
            dispatcher.utter_message(response="utter_postcode_malformed")
            return {"postcode": None}
        email = tracker.get_slot("email")
        if email:
            with shop_session() as session:
                customer = shop.find_customer(session, str(email))
                if customer and customer.postcode != postcode:
                    dispatcher.utter_message(response="utter_postcode_of_another")
                    return {"postcode": None}
        return {"postcode": postcode}


class CancelForm(ShopForm):
    """An order that has not left, and its owner."""

    form = "cancel_form"
    owner_only = True

    def refusal(self, order: Order) -> str | None:
        return NO_CANCELLING.get(order.status)


class ReturnForm(ShopForm):
    """An order that may still be sent back, an item of it, and why."""

    form = "return_form"

    def refusal(self, order: Order) -> str | None:
        try:
            shop.check_returnable(order, this_day())
        except shop.Refused as refused:
            return NO_RETURN[refused.reason]
        return None

    def validate_return_reason(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        reason = str(value).lower().replace(" ", "_")
        if reason in REASONS:
            return {"return_reason": reason}
        if tracker.get_slot("requested_slot") == "return_reason":
            dispatcher.utter_message(response="utter_reason_unclear")
        return {"return_reason": None}


class ExchangeForm(ReturnForm):
    """As a return, with what is wanted instead."""

    form = "exchange_form"

    def validate_replacement(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        wanted = _wanted(tracker) or str(value)
        number, name = tracker.get_slot("order_number"), tracker.get_slot("item")
        if not number or not name:
            return {"replacement": wanted}  # written out when order and item are known
        with shop_session() as session:
            order = shop.find_order(session, str(number))
            item = shop.find_item(order, str(name)) if order else None
            if item is None:
                return {"replacement": wanted}
            try:
                return {"replacement": shop.find_replacement(session, item, wanted)}
            except shop.Refused as refused:
                others = ", ".join(shop.variants_in_stock(item.product))
                dispatcher.utter_message(
                    response=NO_REPLACEMENT[refused.reason],
                    wanted=wanted,
                    item=item.product.name,
                    others=others,
                )
                return {"replacement": None}


class AddressForm(ShopForm):
    """An order that has not left, its owner, and an address in three parts."""

    form = "address_form"
    owner_only = True

    def refusal(self, order: Order) -> str | None:
        return NO_ADDRESS.get(order.status)

    def validate_street(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        street = shop.normal_street(str(value))
        if street is None:
            dispatcher.utter_message(response="utter_street_malformed")
        return {"street": street}

    def validate_city(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        city = shop.normal_city(str(value))
        if city is None:
            dispatcher.utter_message(response="utter_city_malformed")
        return {"city": city}

    def validate_postcode(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        postcode = shop.normal_postcode(str(value))
        if postcode is None:
            dispatcher.utter_message(response="utter_postcode_malformed")
        return {"postcode": postcode}


class DeliveryDateForm(ShopForm):
    """An order on its way or still here, its owner, and a working day ahead."""

    form = "delivery_date_form"
    owner_only = True

    def refusal(self, order: Order) -> str | None:
        return NO_DAY.get(order.status)

    def validate_delivery_date(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        today = this_day()
        day = read_date(str(value), today)
        if day is None:
            dispatcher.utter_message(response="utter_date_unclear")
            return {"delivery_date": None}
        try:
            shop.check_delivery_day(day, today)
        except shop.Refused as refused:
            dispatcher.utter_message(response=NO_DAY[refused.reason])
            return {"delivery_date": None}
        return {"delivery_date": date.isoformat(day)}


class ProblemForm(ShopForm):
    """Something damaged, missing or wrong: which order, and which of its items."""

    form = "problem_form"

    def refusal(self, order: Order) -> str | None:
        return "utter_problem_refused_cancelled" if order.status == "cancelled" else None


class UnsubscribeForm(ShopForm):
    """A mail address, well formed; whether it is a customer's is nobody's business."""

    form = "unsubscribe_form"

    def validate_email(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        email = shop.normal_email(str(value))
        if email is None:
            dispatcher.utter_message(response="utter_email_malformed")
        return {"email": email}


class DeleteAccountForm(ShopForm):
    """A customer's mail address."""

    form = "delete_account_form"


def _wanted(tracker: Tracker) -> str:
    """Product, colour and size of the replacement in the latest message, in that order."""
    found = [
        entity
        for entity in tracker.latest_message.get("entities") or []
        if entity.get("entity") in {"product", "colour", "size"}
    ]
    marked = [entity for entity in found if entity.get("role") == "replacement"]
    loose = [entity for entity in found if not entity.get("role")]
    asked = tracker.get_slot("requested_slot") == "replacement"
    return " ".join(str(entity["value"]) for entity in marked or (loose if asked else []))
