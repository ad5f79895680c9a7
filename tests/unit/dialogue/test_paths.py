from __future__ import annotations

from bot.dialogue.domain import Domain, EntitySpec, Mapping, Slot
from bot.dialogue.events import ActionExecuted, ActiveLoop, Event, SlotSet, UserUttered
from bot.dialogue.paths import (
    MOST_PATHS,
    are_too_many,
    rule_events,
    story_events,
    told_stories,
    told_value,
)
from bot.dialogue.stories import (
    ActionStep,
    CheckpointStep,
    LoopStep,
    OrStep,
    SlotStep,
    Story,
    StoryEntity,
    UserStep,
)

DOMAIN = Domain(
    entities={"city": EntitySpec("city")},
    slots={"city": Slot("city", "text", (Mapping("from_entity", entity="city"),))},
)


def told(*stories: Story) -> list[list[str]]:
    return [[_short(event) for event in events] for events in story_events(stories, DOMAIN)]


def _short(event: Event) -> str:
    match event:
        case UserUttered():
            return f"*{event.intent or event.text}"
        case ActionExecuted():
            return str(event.name)
        case SlotSet():
            return f"{event.name}={event.value}"
        case ActiveLoop():
            return f"loop={event.name}"
        case _:
            return "?"


def test_the_bot_listens_before_every_message_and_at_the_end():
    story = Story("s", (UserStep("hi"), ActionStep("utter_hi"), UserStep("bye"), ActionStep("a")))
    assert told(story) == [
        ["action_listen", "*hi", "utter_hi", "action_listen", "*bye", "a", "action_listen"]
    ]


def test_alternatives_are_told_one_by_one():
    either = OrStep((UserStep("yes"), UserStep("sure")))
    story = Story("s", (either, ActionStep("a"), either, ActionStep("b")))
    assert [[each for each in path if each[0] == "*"] for path in told(story)] == [
        ["*yes", "*yes"],
        ["*yes", "*sure"],
        ["*sure", "*yes"],
        ["*sure", "*sure"],
    ]


def test_checkpoints_join_stories_and_a_circle_ends():
    begin = Story("b", (UserStep("hi"), CheckpointStep("c")))
    go_on = Story("g", (CheckpointStep("c"), ActionStep("a")))
    again = Story("r", (CheckpointStep("c"), UserStep("more"), CheckpointStep("c")))
    assert [path[1:-1] for path in told(begin, go_on, again)] == [
        ["*hi", "a"],
        ["*hi", "action_listen", "*more", "a"],
    ]


def test_a_checkpoint_with_a_slot_joins_only_stories_that_set_it():
    plain = Story("p", (UserStep("hi"), CheckpointStep("c")))
    setting = Story("s", (UserStep("yo"), SlotStep("city", "Rome"), CheckpointStep("c")))
    go_on = Story("g", (CheckpointStep("c", (SlotStep("city", "Rome"),)), ActionStep("a")))
    assert [path[1:-1] for path in told(plain, setting, go_on)] == [["*yo", "city=Rome", "a"]]


def test_the_entities_of_a_message_fill_slots_as_they_do_when_talking():
    story = Story("s", (UserStep("go", (StoryEntity("city", "Rome"),)), ActionStep("a")))
    assert told(story)[0][1:3] == ["*go", "city=Rome"]


def test_a_rule_may_begin_anywhere_and_marks_what_must_not_be():
    rule = Story(
        "r",
        (UserStep("hi"), ActionStep("a")),
        is_rule=True,
        condition=(LoopStep(None), SlotStep("city", None)),
        wait_for_user_input=False,
    )
    (events,) = rule_events(rule, DOMAIN)
    assert [_short(event) for event in events] == [
        "loop=should_not_be_set", "city=should_not_be_set", "...",
        "action_listen", "*hi", "a", "...",
    ]  # fmt: skip


def test_checkpoints_that_lead_nowhere_come_to_an_end():
    begin = Story("b", (UserStep("hi"), CheckpointStep("c")))
    circles = [
        Story(str(number), (CheckpointStep("c"), ActionStep(str(number)), CheckpointStep("c")))
        for number in range(20)
    ]
    assert told(begin, *circles) == []


def test_a_story_of_countless_alternatives_is_cut_off():
    either = OrStep((UserStep("yes"), UserStep("no")))
    assert len(told(Story("s", (either,) * 40))) == MOST_PATHS


def test_a_checkpoint_between_steps_is_an_end_and_a_beginning():
    first = Story("f", (UserStep("hi"), CheckpointStep("c"), UserStep("go"), ActionStep("a")))
    other = Story("o", (UserStep("yo"), CheckpointStep("c")))
    third = Story("t", (CheckpointStep("c"), ActionStep("b")))
    assert [path[1:-1] for path in told(first, other, third)] == [
        ["*hi", "action_listen", "*go", "a"],
        ["*hi", "b"],
        ["*yo", "action_listen", "*go", "a"],
        ["*yo", "b"],
    ]


def test_a_story_with_a_loose_end_is_told_and_does_not_listen():
    begin = Story("b", (UserStep("hi"), ActionStep("a"), CheckpointStep("nobody begins here")))
    assert told(begin) == [["action_listen", "*hi", "a"]]


def test_the_slot_of_a_checkpoint_may_come_from_an_entity():
    begin = Story("b", (UserStep("go", (StoryEntity("city", "Rome"),)), CheckpointStep("c")))
    go_on = Story("g", (CheckpointStep("c", (SlotStep("city", "Rome"),)), ActionStep("a")))
    other = Story("o", (CheckpointStep("c", (SlotStep("city", "Oslo"),)), ActionStep("b")))
    assert [path[-2] for path in told(begin, go_on, other)] == ["a"]


def test_of_too_many_ways_whole_ones_are_told():
    rows = [
        Story(
            f"{row}{way}",
            (
                *([CheckpointStep(str(row))] if row else []),
                UserStep(str(way)),
                *([CheckpointStep(str(row + 1))] if row < 9 else []),
            ),
        )
        for row in range(10)
        for way in range(3)
    ]
    assert MOST_PATHS / 2 < len(told(*rows)) < MOST_PATHS
    assert are_too_many(rows, DOMAIN)
    assert not are_too_many(rows[-6:], DOMAIN)


def test_the_teller_of_an_event_is_the_story_it_stands_in():
    begin = Story("b", (UserStep("hi"), ActionStep("a"), CheckpointStep("c")))
    go_on = Story("g", (CheckpointStep("c"), UserStep("go"), ActionStep("b")))
    (way,) = told_stories((begin, go_on), DOMAIN)
    assert [way.teller(n).name for n in range(len(way.events))] == [
        "b",
        "b",
        "b",
        "g",
        "g",
        "g",
        "g",
    ]


def test_only_a_text_or_list_slot_can_be_set_by_its_name_alone():
    slots = (Slot("t", "text"), Slot("l", "list"), Slot("b", "bool"), Slot("f", "float"))
    domain = Domain(slots={slot.name: slot for slot in slots})
    values = [told_value(SlotStep(slot.name, has_value=False), domain) for slot in slots]
    assert values == ["...", ["..."], None, None]
