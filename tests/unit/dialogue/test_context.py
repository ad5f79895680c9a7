from __future__ import annotations

from bot.dialogue.context import TURNS, context_of
from bot.dialogue.domain import Domain, Slot
from bot.dialogue.events import BotUttered, Event, SessionStarted, SlotSet, UserUttered
from bot.dialogue.tracker import Tracker
from nlu.parse import NO_CONTEXT, Context

DOMAIN = Domain(slots={"requested_slot": Slot("requested_slot")})


def after(*events: Event) -> Tracker:
    return Tracker.start("anna", DOMAIN).apply_all(events)


def test_a_message_is_understood_by_what_was_said_and_asked():
    tracker = after(
        UserUttered(text="hello"),
        BotUttered(text="Hi!"),
        UserUttered(text="a shirt"),
        SlotSet(name="requested_slot", value="size"),
        BotUttered(text="Which size?"),
    )
    assert context_of(tracker) == Context("Which size?", "size", ("a shirt", "hello"))


def test_a_conversation_that_begins_has_no_context():
    assert context_of(after()) == NO_CONTEXT
    old = (UserUttered(text="hello"), BotUttered(text="Hi!"), SessionStarted())
    assert context_of(after(*old)) == NO_CONTEXT


def test_payloads_are_no_words_and_what_was_said_long_ago_is_not_told():
    turns = [UserUttered(text=str(number)) for number in range(20)]
    found = context_of(after(*turns, UserUttered(text="/affirm"), UserUttered(text=None)))
    assert found.earlier == tuple(str(number) for number in range(19, 19 - TURNS, -1))
