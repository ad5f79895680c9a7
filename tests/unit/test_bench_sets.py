"""Public data sets as they are read for the benchmarks."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.bench.sets import banking77, braun, clinc150, crosswoz, hint3, nlupp, snips
from tests.bench.sets.parts import DATASETS

needs_data = pytest.mark.skipif(not DATASETS.is_dir(), reason="shared/datasets is absent")


def test_tags_become_spans_of_the_joined_words():
    example = snips.tagged(
        ["play", "the", "new", "song", "by", "ann", "lee"],
        ["O", "O", "B-album", "I-album", "O", "B-artist", "I-artist"],
        "PlayMusic",
    )
    assert example.text == "play the new song by ann lee"
    assert [(e.entity, e.value) for e in example.entities] == [
        ("album", "new song"),
        ("artist", "ann lee"),
    ]
    assert all(example.text[e.start : e.end] == e.value for e in example.entities)


def test_neighbours_of_one_name_stay_two_and_an_inner_tag_alone_opens_one():
    example = snips.tagged(["a", "b", "c", "d"], ["B-x", "B-x", "I-y", "I-x"], "i")
    assert [(e.entity, e.value) for e in example.entities] == [
        ("x", "a"),
        ("x", "b"),
        ("y", "c"),
        ("x", "d"),
    ]


@needs_data
def test_the_few_examples_of_an_intent_are_none_of_those_validated_or_tested_on():
    for parts in (banking77.few(5), banking77.few(10), banking77.another_few(10, seed=1)):
        counts = {e.intent: 0 for e in parts.train}
        for example in parts.train:
            counts[example.intent] += 1
        assert len(counts) == 77
        assert len(set(counts.values())) == 1
        held = {e.text for e in (*parts.valid, *parts.test)}
        assert not held & {e.text for e in parts.train}


@needs_data
def test_sets_have_the_sizes_their_readme_tells():
    clinc, outside = clinc150.in_scope(), clinc150.out_of_scope()
    assert [len(part) for part in (clinc.train, clinc.valid, clinc.test)] == [15_000, 3_000, 4_500]
    assert [len(part) for part in (outside.train, outside.valid, outside.test)] == [100, 100, 1_000]
    fifty, others = banking77.fifty(), banking77.other_27()
    assert [len(part) for part in (fifty.train, fifty.valid, fifty.test)] == [5758, 1484, 1945]
    assert [len(part) for part in (others.valid, others.test)] == [508, 1025]
    assert not {e.intent for e in fifty.test} & {e.intent for e in others.test}
    turns = nlupp.fold("hotels", 3)
    assert len(turns.train) + len(turns.test) == 1009
    assert all(e.text[s.start : s.end] == s.value for e in turns.test for s in e.entities)
    test = hint3.bot("sofmattress", "v2").test
    assert (len(test), sum(e.intent == hint3.OUTSIDE for e in test)) == (397, 144)
    assert len(braun.corpus("askubuntu").test) == 109


@needs_data
def test_an_entity_counted_wrong_in_its_words_lies_where_its_text_is():
    found = {
        example.text: [e.value for e in example.entities]
        for example in braun.corpus("askubuntu").train + braun.corpus("askubuntu").test
    }
    assert "Ubuntu 9.10" in found["Problem upgrading Ubuntu 9.10"]


@needs_data
def test_crosswoz_turns_mean_all_their_acts_and_dialogues_are_split_as_its_readme_says():
    train, valid, test = crosswoz.turns()
    assert len(train) + len(valid) == 4229
    assert len(test) == 4238
    for turn in (*train, *valid, *test):
        text, found = turn.example.text, turn.example.entities
        spans = [(e.entity, text[e.start : e.end]) for e in found]
        assert crosswoz.meant(turn.example.intent, spans) == turn.acts
        assert all(a.end <= b.start for a, b in pairwise(found))
