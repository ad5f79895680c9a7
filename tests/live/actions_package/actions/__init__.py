"""One action for each thing that rasa-sdk can do; unmodified rasa-sdk 3.6 and 3.21 run it."""

import asyncio
import sys
import time
from datetime import datetime

from rasa_sdk import Action, FormValidationAction, ValidationAction
from rasa_sdk.events import (
    ActionExecuted,
    ActionReverted,
    AllSlotsReset,
    FollowupAction,
    ReminderCancelled,
    ReminderScheduled,
    SlotSet,
)
from rasa_sdk.interfaces import ActionExecutionRejection

try:
    from rasa_sdk.events import SessionEnded
except ImportError:  # rasa-sdk 3.6 has none
    SessionEnded = None


class Hello(Action):
    def name(self):
        return "action_hello"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text=f"Hello from {tracker.sender_id}.")
        dispatcher.utter_message(response="utter_named", what="something", name="Ada")
        dispatcher.utter_message(
            text="All of it",
            image="https://example.org/a.png",
            buttons=[{"title": "Two", "payload": "/two"}],
            json_message={"card": {"id": 7}},
        )
        return [SlotSet("name", "Ada")]


class AskDomain(Action):
    def name(self):
        return "action_ask_domain"

    async def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text="{} actions".format(len((domain or {}).get("actions", []))))
        return []


class Follow(Action):
    def name(self):
        return "action_follow"

    def run(self, dispatcher, tracker, domain):
        return [FollowupAction("action_followed")]


class Followed(Action):
    def name(self):
        return "action_followed"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text="Followed.")
        return [FollowupAction("action_listen")]


class Refuse(Action):
    def name(self):
        return "action_refuse"

    def run(self, dispatcher, tracker, domain):
        raise ActionExecutionRejection(self.name(), "not today")


class Fail(Action):
    def name(self):
        return "action_fail"

    def run(self, dispatcher, tracker, domain):
        raise ValueError("the stove is off")


class Everything(Action):
    def name(self):
        return "action_everything"

    def run(self, dispatcher, tracker, domain):
        when = datetime.fromisoformat("2100-01-01T00:00:00")
        return [
            AllSlotsReset(),
            SlotSet("name", "Grace"),
            ReminderScheduled("hello", when, name="later", kill_on_user_message=True),
            ReminderCancelled(name="later"),
            ActionExecuted("action_followed"),
            ActionReverted(),
        ]


class Slow(Action):
    def name(self):
        return "action_slow"

    async def run(self, dispatcher, tracker, domain):
        await asyncio.sleep(3600)
        return []


class Block(Action):
    def name(self):
        return "action_block"

    def run(self, dispatcher, tracker, domain):
        time.sleep(1)
        dispatcher.utter_message(text="Blocked.")
        return []


class Leave(Action):
    """Ends the process it runs in, if it is let."""

    def name(self):
        return "action_leave"

    def run(self, dispatcher, tracker, domain):
        sys.exit(3)


class Stream(Action):
    def name(self):
        return "action_stream"

    async def run(self, dispatcher, tracker, domain):
        if not hasattr(dispatcher, "stream_start"):  # rasa-sdk 3.6
            for text in ("One ", "two."):
                dispatcher.utter_message(text=text)
            return []
        await dispatcher.stream_start()
        await dispatcher.stream_chunk(text="One ")
        await dispatcher.stream_chunk(text="two.")
        await dispatcher.stream_end()
        return []


class End(Action):
    def name(self):
        return "action_end"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text="Goodbye.")
        return [SessionEnded()] if SessionEnded else []


class Large(Action):
    def name(self):
        return "action_large"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text="a" * (9 * 1024 * 1024))
        return []


class Odd(Action):
    """What no store can keep, and no channel can say."""

    def name(self):
        return "action_odd"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text="null \x00 and half a \ud83d pair")
        dispatcher.utter_message(text=42)
        return [SlotSet("name", "\x00")]


class ValidateSlots(ValidationAction):
    async def extract_shouted(self, dispatcher, tracker, domain):
        return {"shouted": (tracker.latest_message.get("text") or "").upper()}


class ValidateTable(FormValidationAction):
    def name(self):
        return "validate_table_form"

    def validate_people(self, value, dispatcher, tracker, domain):
        if not str(value).isdigit():
            dispatcher.utter_message(text="A number, please.")
            return {"people": None}
        return {"people": int(value)}

    def validate_room(self, value, dispatcher, tracker, domain):
        return {"room": str(value).title()}
