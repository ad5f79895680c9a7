"""The turns of a conversation, out of its events."""

from __future__ import annotations

from collections.abc import Sequence

from bot.dialogue.events import (
    ActionExecuted,
    AgentUttered,
    BotUttered,
    Event,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from bot.review.turn import Turn
from nlu.parse import Intent, Parse
from training.logs.fold import Fold


def turns(events: Sequence[Event]) -> list[Turn]:
    fold = Fold("ann", "log")
    found = [fold.feed(seq, event) for seq, event in enumerate(events, 1)]
    return [turn for turn in (*found, fold.end()) if turn]


def test_a_turn_is_what_the_user_wrote_and_what_came_of_it():
    [turn, last] = turns(
        [
            SessionStarted(),
            ActionExecuted(name="action_listen"),
            UserUttered(text="hi"),
            ActionExecuted(name="utter_greet"),
            BotUttered(text="Hello!"),
            SlotSet(name="a", value=1),
            ActionExecuted(name="action_listen"),
            UserUttered(text="my order"),
        ]
    )
    assert (turn.seq, turn.text, turn.before) == (3, "hi", "")
    assert (turn.actions, turn.replies) == (("utter_greet",), ("Hello!",))
    assert (last.text, last.before, last.actions) == ("my order", "Hello!", ())


def test_a_button_pressed_is_no_turn_but_tells_what_the_one_before_meant():
    payload = UserUttered(text='/order{"n": 1}', parse_data=Parse("", Intent("order", 1.0)))
    [turn] = turns([UserUttered(text="my thing"), payload, UserUttered(text="/other")])
    assert (turn.text, turn.clicked) == ("my thing", "order")


def test_where_nlu_fell_back_the_best_guess_is_kept():
    ranking = (Intent("nlu_fallback", 0.7), Intent("greet", 0.4), Intent("bye", 0.3))
    said = UserUttered(text="hm", parse_data=Parse("hm", ranking[0], intent_ranking=ranking))
    [turn] = turns([said, UserUtteranceReverted()])
    assert (turn.fell_back, turn.is_reverted) == (True, True)
    assert (turn.said.intent, turn.said.confidence, turn.runner_up) == ("greet", 0.4, 0.3)


def test_what_an_agent_wrote_is_kept_apart_from_the_bots_words():
    [turn, last] = turns(
        [
            UserUttered(text="a person please"),
            AgentUttered(text="Eve here."),
            UserUttered(text="thanks"),
        ]
    )
    assert (turn.agent, turn.replies) == (("Eve here.",), ())
    assert last.before == "Eve here."


def test_silence_says_nothing():
    assert turns([UserUttered(text=None), UserUttered(text="  "), BotUttered(text="?")]) == []


def test_a_new_session_begins_without_the_bots_old_words():
    [turn] = turns([BotUttered(text="Bye"), SessionStarted(), UserUttered(text="hi")])
    assert turn.before == ""


def test_a_turn_with_endless_replies_keeps_the_first():
    events = [UserUttered(text="hi"), *(BotUttered(text=str(n)) for n in range(100))]
    [turn] = turns(events)
    assert len(turn.replies) == 20
