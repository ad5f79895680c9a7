"""Orders: where they are, which there are, and changing them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.orm import Session

from . import shop
from .answers import NO_ADDRESS, NO_CANCELLING, NO_DAY, REFUND, STATUS
from .dates import read_date
from .desk import ShopAction, forget_task, order_of, slot_text
from .models import Order
from .seed import this_day


class OrderStatus(ShopAction):
    """Where an order is. Its number is kept: what is asked next is mostly about the same order."""

    action_name = "action_order_status"
    needs = ("order_number",)

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        order = order_of(session, tracker)
        if order is None:
            dispatcher.utter_message(response="utter_order_unknown")
            return forget_task()
        dispatcher.utter_message(response=STATUS[order.status], **order_words(order))
        return forget_task(but=("order_number",))


class ListOrders(ShopAction):
    """The latest orders of a customer who gave mail address and postcode."""

    action_name = "action_list_orders"
    needs = ("email", "postcode")

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        customer = shop.find_customer(session, slot_text(tracker, "email"))
        orders = customer.orders[:5] if customer else []
        if not orders:
            dispatcher.utter_message(response="utter_no_orders")
            return forget_task()
        lines = [
            f"{order.number}: {', '.join(map(shop.describe, order.items))} ({order.status})"
            for order in orders
        ]
        buttons = [
            {
                "title": f"Order {order.number}",
                "payload": f'/order_status{{"order_number": "{order.number}"}}',
            }
            for order in orders
        ]
        dispatcher.utter_message(response="utter_orders", orders="\n".join(lines), buttons=buttons)
        return forget_task()


class CancelOrder(ShopAction):
    """Cancel an order that has not left yet."""

    action_name = "action_cancel_order"
    changes = True
    needs = ("order_number", "email", "confirmed")

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        order = order_of(session, tracker)
        if order is None or not tracker.get_slot("confirmed"):
            dispatcher.utter_message(response="utter_left_as_it_was")
            return forget_task()
        with _told(dispatcher, order, "utter_order_is_cancelled", NO_CANCELLING):
            shop.cancel(order)
        return forget_task()


class RefundStatus(ShopAction):
    """How far the returns of an order are."""

    action_name = "action_refund_status"
    needs = ("order_number",)

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        order = order_of(session, tracker)
        returns = order.returns if order else []
        if order and not returns:
            dispatcher.utter_message(response="utter_refund_none", **order_words(order))
        for made in returns:
            paid_on = made.refunded_on or made.opened_on
            dispatcher.utter_message(
                response=REFUND[made.status],
                return_number=made.number,
                item=shop.describe(made.item),
                amount=shop.pounds(made.item.price_pence * made.item.quantity),
                day=shop.spoken(paid_on),
            )
        return forget_task(but=("order_number",))


class ChangeAddress(ShopAction):
    """Deliver an order to another address."""

    action_name = "action_change_address"
    changes = True
    needs = ("order_number", "email", "street", "city", "postcode", "confirmed")

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        order = order_of(session, tracker)
        if order is None or not tracker.get_slot("confirmed"):
            dispatcher.utter_message(response="utter_left_as_it_was")
            return forget_task()
        street, city, postcode = (slot_text(tracker, s) for s in ("street", "city", "postcode"))
        with _told(dispatcher, order, "utter_address_changed", NO_ADDRESS):
            shop.change_address(order, street, city, postcode)
        return forget_task()


class ChangeDeliveryDate(ShopAction):
    """Deliver an order on another day; the form has checked and normalised the day."""

    action_name = "action_change_delivery_date"
    changes = True
    needs = ("order_number", "email", "delivery_date")

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        order = order_of(session, tracker)
        if order is None:
            return forget_task()
        day = read_date(slot_text(tracker, "delivery_date"), this_day())
        if day is None:
            dispatcher.utter_message(response="utter_date_unclear")
            return forget_task()
        with _told(dispatcher, order, "utter_delivery_date_changed", NO_DAY):
            shop.change_delivery_day(order, day)
        return forget_task()


class SendInvoice(ShopAction):
    """Where the invoice of an order lies, and which mail address it goes to."""

    action_name = "action_send_invoice"
    needs = ("order_number",)

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        order = order_of(session, tracker)
        if order is None:
            return forget_task()
        shop.open_ticket(
            session,
            "invoice",
            tracker.sender_id,
            order_number=order.number,
            note=f"Send the invoice again to {order.customer.email}.",
        )
        dispatcher.utter_message(response="utter_invoice", **order_words(order))
        return forget_task(but=("order_number",))


def order_words(order: Order) -> dict[str, Any]:
    """What responses about an order may name in braces."""
    return {
        "number": order.number,
        "items": ", ".join(map(shop.describe, order.items)),
        "total": shop.pounds(order.total_pence),
        "ordered": shop.spoken(order.ordered_on),
        "due": shop.spoken(order.due_on),
        "delivered": shop.spoken(order.delivered_on or order.due_on),
        "mail": shop.hidden(order.customer.email),
        "address": f"{order.street}, {order.city} {order.postcode}",
    }


@contextmanager
def _told(
    dispatcher: CollectingDispatcher, order: Order, done: str, refusals: Mapping[str, str]
) -> Iterator[None]:
    """Say ``done`` after a change of ``order``, or why the shop refused it."""
    try:
        yield
    except shop.Refused as refused:
        done = refusals[refused.reason]
    dispatcher.utter_message(response=done, **order_words(order))
