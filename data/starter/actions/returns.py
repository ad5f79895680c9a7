"""Sending things back, for money or for another one."""

from __future__ import annotations

from rasa_sdk import Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.orm import Session

from . import shop
from .answers import NO_RETURN
from .desk import ShopAction, forget_task, order_of, slot_text
from .forms import REASONS
from .models import Item


class SubmitReturn(ShopAction):
    """Write a return; the same item again gives the same return number."""

    action_name = "action_submit_return"
    changes = True
    needs = ("order_number", "item", "return_reason", "confirmed")

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        item = _item(session, tracker)
        if item is None or not tracker.get_slot("confirmed"):
            dispatcher.utter_message(response="utter_left_as_it_was")
            return forget_task()
        _book(dispatcher, session, item, slot_text(tracker, "return_reason"), None)
        return forget_task(but=("order_number",))


class SubmitExchange(ShopAction):
    """Write a return whose item is replaced instead of refunded."""

    action_name = "action_submit_exchange"
    changes = True
    needs = ("order_number", "item", "replacement", "confirmed")

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        item = _item(session, tracker)
        if item is None or not tracker.get_slot("confirmed"):
            dispatcher.utter_message(response="utter_left_as_it_was")
            return forget_task()
        said = slot_text(tracker, "return_reason")
        reason = said if said in REASONS else "exchange"
        _book(dispatcher, session, item, reason, slot_text(tracker, "replacement"))
        return forget_task(but=("order_number",))


def _item(session: Session, tracker: Tracker) -> Item | None:
    order = order_of(session, tracker)
    return shop.find_item(order, slot_text(tracker, "item")) if order else None


def _book(
    dispatcher: CollectingDispatcher,
    session: Session,
    item: Item,
    reason: str,
    replacement: str | None,
) -> None:
    try:
        made = shop.open_return(session, item, reason, replacement)
    except shop.Refused as refused:
        dispatcher.utter_message(response=NO_RETURN[refused.reason], number=item.order_number)
        return
    dispatcher.utter_message(
        response="utter_exchange_booked" if made.replacement else "utter_return_booked",
        return_number=made.number,
        item=shop.describe(item),
        replacement=made.replacement,
        mail=shop.hidden(item.order.customer.email),
    )
