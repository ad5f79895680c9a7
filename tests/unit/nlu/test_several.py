"""Messages with several intents."""

from __future__ import annotations

import itertools
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.bundle import open_bundle
from nlu.errors import BundleError
from nlu.pipeline import Nlu, Pipeline, serve
from nlu.several import EVERY, Several, parts_of
from tests.unit.nlu.conftest import tiny_graph

SEVERAL = Several(("greet", "order", "bye"), ("greet", "order", "bye", "bye+greet"), "+")


def told(logits, *, several=SEVERAL, most=10):
    return [(i.name, i.confidence) for i in several.ranking(np.array(logits), most=most)]


def test_what_is_likely_is_in_the_message():
    [(name, confidence), *_] = told([3.0, 2.0, -4.0])
    assert name == "greet+order"
    sigmoids = [1 / (1 + math.exp(-x)) for x in (3.0, 2.0, 4.0)]
    assert confidence == pytest.approx(math.prod(sigmoids))


def test_a_combination_the_project_knows_has_its_name_and_a_new_one_that_of_its_parts():
    assert told([3.0, -3.0, 3.0])[0][0] == "bye+greet"
    assert told([3.0, 3.0, 3.0])[0][0] == "greet+order+bye"


def test_where_nothing_is_likely_the_ranking_is_of_what_is_least_unlikely_and_not_sure_of_it():
    [(name, confidence), *_] = told([-2.0, -3.0, -4.0])
    assert name == "greet"
    assert confidence < 0.15


@given(st.lists(st.floats(-8, 8), min_size=1, max_size=6))
def test_the_ranking_is_that_of_all_combinations_by_their_probability(logits):
    several = Several(tuple("abcdef"[: len(logits)]), (), "+")
    found = told(logits, several=several, most=0)
    chances = [1 / (1 + math.exp(-x)) for x in logits]
    every = sorted(
        (
            math.prod(p if inside else 1 - p for p, inside in zip(chances, flags, strict=True))
            for flags in itertools.product((True, False), repeat=len(logits))
            if any(flags)
        ),
        reverse=True,
    )
    assert [confidence for _, confidence in found] == pytest.approx(every[:EVERY], abs=1e-9)
    assert len({name for name, _ in found}) == len(found)


@given(st.lists(st.floats(width=32), min_size=1, max_size=60), st.integers(0, 12))
def test_any_numbers_at_all_give_confidences_that_make_at_most_one(logits, most):
    several = Several(tuple(f"i{number}" for number in range(len(logits))), (), "+")
    confidences = [confidence for _, confidence in told(logits, several=several, most=most)]
    assert 1 <= len(confidences) <= (most or EVERY)
    assert all(0 <= each <= 1 for each in confidences)
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("greet", ["greet"]),
        ("greet+order", ["greet", "order"]),
        ("greet+greet", ["greet"]),
        ("+greet+", ["greet"]),
        ("+", ["+"]),
        ("", []),
    ],
)
def test_a_name_is_taken_apart(name, parts):
    assert parts_of(name, "+") == parts


async def test_a_bundle_of_several_intents_answers_with_combinations(make_bundle):
    folder = make_bundle(
        graph=tiny_graph(offset=-3.0),
        split="+",
        combinations=("greet", "order", "greet+order"),
    )
    async with serve(open_bundle(folder)) as served:
        nlu = Nlu(Pipeline(), served)
        assert (await nlu.parse("hello, order tea")).intent.name == "greet+order"
        unheard = await nlu.parse("hello order bye")
        assert set((unheard.intent.name or "").split("+")) == {"greet", "order", "bye"}
        assert (await nlu.parse("tea")).intent.confidence < 0.3


def test_combinations_of_what_is_no_intent_are_refused(make_bundle):
    folder = make_bundle(split="+", combinations=("greet+gret",))
    with pytest.raises(BundleError, match="combinations name 'gret', which is none of the intents"):
        open_bundle(folder)


def test_a_manifest_from_before_has_no_combinations(make_bundle):
    folder = make_bundle()
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    for name in ("split", "combinations", "scope", "outside"):
        del manifest[name]
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    bundle = open_bundle(folder)
    assert bundle.several is None
    assert bundle.scope is None
