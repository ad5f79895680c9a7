from __future__ import annotations

import pytest

from bot.dialogue.domain import Domain, EntitySpec, IntentSpec, Slot, SlotType
from bot.dialogue.states import SlotShape, State, UserState, feature, visible


def seen(type_: SlotType, value: object, **more: object) -> object:
    return feature(SlotShape.of(Slot("x", type_, **more)), value)


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("text", None, None),
        ("text", "", (1.0,)),
        ("text", "anything", (1.0,)),
        ("list", [], None),
        ("list", ["a"], (1.0,)),
        ("bool", True, (1.0, 1.0)),
        ("bool", False, (1.0, 0.0)),
        ("bool", "FALSE", (1.0, 0.0)),
        ("bool", "1", (1.0, 1.0)),
        ("bool", "nonsense", None),
        ("bool", "²", None),  # a number, but not to Python's float
        ("bool", "\uff11", (1.0, 1.0)),
        ("float", "much", None),
        ("any", "anything", None),
    ],
)
def test_policies_see_that_a_slot_is_set_not_what_to(type_, value, expected):
    assert seen(type_, value) == expected


def test_a_categorical_slot_shows_its_value_or_that_it_is_another():
    values = ("S", "l")
    assert seen("categorical", "s", values=values) == (1.0, 0.0, 0.0)
    assert seen("categorical", "L", values=values) == (0.0, 1.0, 0.0)
    assert seen("categorical", "xxl", values=values) == (0.0, 0.0, 1.0)


def test_a_float_is_scaled_between_its_bounds():
    assert seen("float", 5, max_value=10.0) == (1.0, 0.5)
    assert seen("float", 99, max_value=10.0) == (1.0, 1.0)
    assert seen("float", 0, max_value=10.0) == (1.0, 0.0)


def test_a_slot_without_influence_is_invisible():
    assert seen("text", "x", influence_conversation=False) is None


def test_entities_are_hidden_as_the_domain_says():
    domain = Domain(
        intents={
            "go": IntentSpec("go", ignore_entities=("mood",)),
            "one": IntentSpec("one", ("city",)),
        },
        entities={
            "city": EntitySpec("city", roles=("from",)),
            "mood": EntitySpec("mood"),
            "noise": EntitySpec("noise", influence_conversation=False),
        },
    )
    names = ("city", "city#from", "city#nowhere", "mood", "noise", "unknown")

    def kept(intent: str) -> tuple[str, ...]:
        state = visible(State(UserState(intent, names)), domain)
        assert state.user is not None
        return state.user.entities

    assert kept("go") == ("city", "city#from")
    assert kept("one") == ("city", "city#from")
    assert kept("not of the domain") == names
