"""What all of Fernway's actions share: reaching the shop, and forgetting a finished task."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from . import shop
from .calls import call_key, once
from .database import shop_session
from .models import Order

log = logging.getLogger(__name__)

TASK_SLOTS = (
    "order_number",
    "item",
    "return_reason",
    "replacement",
    "street",
    "city",
    "postcode",
    "delivery_date",
    "problem",
    "confirmed",
)


def forget_task(*, but: tuple[str, ...] = ()) -> list[EventType]:
    """Empty the slots of the task that ended, so that the next one asks anew."""
    return [SlotSet(slot, None) for slot in TASK_SLOTS if slot not in but]


class ShopAction(Action, ABC):
    """An action that works on the shop; without the shop it says so and changes nothing.

    ``changes`` the shop: then a call that comes again is answered as the first was (``calls``).
    ``needs`` are slots that a form has filled. A form that ended early (the order cannot be sent
    back, say) has told the user why and left one of them empty: nothing is done then.
    """

    action_name: str
    changes = False
    needs: tuple[str, ...] = ()

    def name(self) -> str:
        return self.action_name

    def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        if any(tracker.get_slot(slot) is None for slot in self.needs):
            return forget_task()
        try:
            if self.changes and (key := call_key(self.action_name, tracker)):
                return once(
                    key, dispatcher, lambda session: self.work(dispatcher, tracker, session)
                )
            with shop_session() as session:
                return self.work(dispatcher, tracker, session)
        except (SQLAlchemyError, OSError):
            log.exception("%s: the shop database failed", self.action_name)
            dispatcher.messages.clear()
            dispatcher.utter_message(response="utter_shop_down")
            return []

    @abstractmethod
    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        """Do it, say so, and return the events."""


def slot_text(tracker: Tracker, slot: str) -> str:
    """The value of a slot as text, empty when unset. A payload may have put anything into it."""
    value = tracker.get_slot(slot)
    return "" if value is None else str(value)


def order_of(session: Session, tracker: Tracker) -> Order | None:
    """The order that the conversation is about."""
    return shop.find_order(session, slot_text(tracker, "order_number"))


def entities(tracker: Tracker, entity: str) -> list[str]:
    """The values of one entity in the latest message."""
    found = tracker.latest_message.get("entities") or []
    return [str(e["value"]) for e in found if e.get("entity") == entity]


def active_form(tracker: Tracker) -> str | None:
    """The form that is waiting for an answer."""
    return (tracker.active_loop or {}).get("name")


def intent(tracker: Tracker) -> str | None:
    """The intent of the latest message."""
    return (tracker.latest_message.get("intent") or {}).get("name")
