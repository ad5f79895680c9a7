from bot.dialogue.events import ActionExecuted, SessionStarted, SlotSet, UserUttered
from bot.dialogue.sessions import sessions


def test_a_session_begins_with_the_action_that_starts_it():
    start = (ActionExecuted(name="action_session_start"), SessionStarted())
    first, second = UserUttered(text="a"), UserUttered(text="b")
    carried = SlotSet(name="session_started_metadata")
    assert sessions([*start, first, carried, *start, second]) == [
        [*start, first, carried],
        [*start, second],
    ]


def test_a_session_may_begin_without_its_action():
    first, second = UserUttered(text="a"), UserUttered(text="b")
    assert sessions([first, SessionStarted(), second]) == [[first], [SessionStarted(), second]]


def test_of_no_events_there_is_no_session():
    assert sessions([]) == []
