"""The shop's forms: what each checks beside what all do."""

from __future__ import annotations

from datetime import date
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from . import shop
from .answers import NO_ADDRESS, NO_CANCELLING, NO_DAY, NO_REPLACEMENT, NO_RETURN
from .checking import ShopForm, Slots, written
from .database import shop_session
from .dates import read_date
from .models import Order
from .seed import this_day

REASONS = ("damaged", "wrong_size", "wrong_item", "not_as_described", "changed_mind", "late")


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
        postcode = written("postcode", value, dispatcher)
        email = tracker.get_slot("email")
        if postcode and email:
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
        return {"street": written("street", value, dispatcher)}

    def validate_city(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        return {"city": written("city", value, dispatcher)}

    def validate_postcode(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        return {"postcode": written("postcode", value, dispatcher)}


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
        return {"email": written("email", value, dispatcher)}


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
