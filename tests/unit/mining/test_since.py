"""What people have said since the model learned settles doubts, and raises others."""

from __future__ import annotations

import numpy as np
import pytest

from bot.review.turn import Turn
from training.mining.light import fitted
from training.mining.seen import Seen
from training.mining.since import Labelled, margins


def cosines(*degrees: float) -> np.ndarray:
    """Vectors of length 1 in a plane, (degrees, 2)."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def seen(*degrees: float) -> Seen:
    """Turns in these directions, of which the model knows nothing to say."""
    none = np.zeros(len(degrees), np.float32)
    names = ["greet"] * len(degrees)
    return Seen(
        turns=[Turn("c", n, "words") for n in range(len(degrees))],
        intents=names,
        answers=names,
        seconds=names,
        confidences=none,
        margins=none + 0.5,
        inside=none,
        vectors=cosines(*degrees),
        entities=[()] * len(degrees),
        version="v1",
    )


def test_an_answer_settles_what_is_like_it_and_throws_doubt_on_what_it_contradicts():
    first = Labelled(["greet"] * 3 + ["bye"] * 3, cosines(0, 2, 4, 90, 92, 94))
    turns = seen(3, 91, 45)
    before = margins(turns, first)
    assert before[0] > before[2]
    assert before[1] > before[2]
    settled = margins(turns, first + Labelled(["bye"] * 3, cosines(44, 45, 46)))
    assert settled[2] > before[2]
    shaken = margins(turns, first + Labelled(["bye"] * 3, cosines(1, 3, 5)))
    assert shaken[0] < before[0]


@pytest.mark.parametrize("intents", [[], ["greet"], ["greet", "greet"]])
def test_with_fewer_than_two_intents_the_model_is_believed(intents: list[str]):
    known = Labelled(intents, cosines(*range(len(intents))))
    assert margins(seen(1, 2), known).tolist() == [0.5, 0.5]


def test_without_turns_nothing_is_in_doubt():
    assert len(margins(seen(), Labelled(["greet", "bye"], cosines(0, 90)))) == 0


def test_each_sentence_is_judged_by_the_others_alone():
    labels = [0, 0, 0, 1, 1, 0]  # the last lies among the others
    vectors = cosines(0, 2, 4, 90, 92, 91)
    light = fitted(vectors, labels, 2)
    assert light.left_out[5].argmax() == 1
    assert np.allclose(light.says(vectors).sum(axis=1), 1)
    assert light.says(cosines(1, 91)).argmax(axis=1).tolist() == [0, 1]
