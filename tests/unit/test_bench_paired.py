"""Scores with intervals over conversations, and their differences."""

from __future__ import annotations

import pytest

from bot.project.project import Example, ExampleEntity
from nlu.parse import Entity
from tests.bench.paired import Said, difference, scored
from training.evaluate import Answer


def said(talk: str, right: str, told: str, *, there: bool = False, found: bool = False) -> Said:
    spans = (ExampleEntity(0, 4, "city", "Rome"),) if there else ()
    entities = (Entity("city", "Rome", 0, 4),) if found else ()
    return Said(talk, Example("Rome", right, spans), Answer(told, 0, (), entities))


def test_scores_are_those_of_all_turns():
    found = scored(
        [
            said("c1", "a", "a", there=True, found=True),
            said("c1", "a", "b", there=True),
            said("c2", "b", "b"),
            said("c2", "b", "b", found=True),
        ]
    )
    assert found["intents"] == 75.0
    assert found["macro_f1"] == pytest.approx(100 * (2 / 3 + 4 / 5) / 2, abs=0.1)
    assert found["entity_f1"] == 50.0


def test_an_interval_is_as_wide_as_conversations_are_few():
    alike = [said(f"c{n // 20}", "a", "a" if n < 20 else "b") for n in range(40)]
    apart = [said(f"c{n}", "a", "a" if n < 20 else "b") for n in range(40)]
    assert scored(alike)["intents_interval"] == [0.0, 100.0]
    low, high = scored(apart)["intents_interval"]
    assert 30 < low < 50 < high < 70


def test_models_that_say_the_same_do_not_differ():
    one = [said(f"c{n}", "a", "ab"[n % 2], there=True, found=n % 3 > 0) for n in range(12)]
    assert set(map(str, difference(one, one).values())) == {"0.0", "[0.0, 0.0]"}


def test_a_difference_is_of_the_same_conversations():
    other = [said(f"c{n}", "a", "ab"[n % 2]) for n in range(40)]
    better = [said(f"c{n}", "a", "ab"[n % 2 and n > 10]) for n in range(40)]
    found = difference(better, other)
    assert found["intents"] == 12.5
    low, high = found["intents_interval"]
    assert 0 < low < 12.5 < high
