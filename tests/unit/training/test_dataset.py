from __future__ import annotations

import random

import msgspec
import pytest

from bot.errors import ProjectError
from bot.project.hashes import WEIGHT
from bot.project.project import Example, ExampleEntity
from nlu.manifest import EntityLabel
from nlu.tokenizer import Tokenizer
from training.dataset import (
    IGNORED,
    Encoder,
    Labels,
    Row,
    batches,
    collate,
    weight_of,
)
from training.multi_label import with_names

from .conftest import example, pieces

pytestmark = pytest.mark.torch

COLOUR, FROM, TO = EntityLabel("colour"), EntityLabel("place", "from"), EntityLabel("place", "to")


@pytest.fixture
def encoder() -> Encoder:
    tokenizer = Tokenizer(pieces().to_str().encode(), max_tokens=12)
    return Encoder(tokenizer, Labels(("bye", "order"), (COLOUR, FROM, TO)))


def test_labels_are_sorted_and_roles_are_kinds_of_their_own():
    labels = Labels.of(
        [
            example("order", "from a to b", place__to="b", place__from="a"),
            example("faq/bye", "red", colour="red"),
        ]
    )
    assert labels == Labels(("faq/bye", "order"), (COLOUR, FROM, TO))
    assert labels.tags == 7


def test_a_words_first_piece_carries_its_tag_and_the_rest_are_ignored(encoder: Encoder):
    row = encoder.first(example("order", "order dark red socks", colour="dark red"))
    #                 [CLS]    order  dark ...           red  socks ...          next, [SEP]
    assert row.tags == [
        IGNORED, 0, 1, IGNORED, IGNORED, IGNORED, 2, 0, IGNORED, IGNORED, IGNORED, IGNORED,
    ]  # fmt: skip
    assert row.intent == 1


def test_neighbours_of_one_kind_begin_anew(encoder: Encoder):
    two = Example("red blue", "order", (_colour(0, 3), _colour(4, 8)))
    assert encoder.rows([two])[0].tags == [IGNORED, 1, 1, IGNORED]


def test_roles_have_tags_of_their_own(encoder: Encoder):
    [row] = encoder.rows([example("order", "a b", place__from="b", place__to="a")])
    assert row.tags == [IGNORED, 5, 3, IGNORED]


def test_a_span_that_cuts_a_word_takes_the_whole_word(encoder: Encoder):
    [row] = encoder.rows([Example("order", "order", (_colour(2, 5),))])
    assert row.tags == [IGNORED, 1, IGNORED]


def test_what_does_not_fit_is_in_the_next_row(encoder: Encoder):
    rows = encoder.rows([example("order", "a a a a a a a a a a a a red", colour="red")])
    assert [len(row.ids) for row in rows] == [12, 8]
    assert set(rows[0].tags) == {IGNORED, 0}
    assert rows[1].tags.count(1) == 1
    assert [row.intent for row in rows] == [1, 1]


def test_batches_hold_every_row_once_and_about_one_length():
    rows = [Row([1] * (1 + i % 20), i, [0] * (1 + i % 20)) for i in range(100)]
    found = list(batches(rows, 8, 0, random.Random(3)))
    assert sorted(int(i) for batch in found for i in batch.intents) == list(range(100))
    assert all(len(batch.intents) <= 8 for batch in found)
    padded = sum(batch.ids.numel() for batch in found)
    assert padded < 1.2 * sum(len(row.ids) for row in rows)


def test_padding_is_masked_and_ignored():
    batch = collate([Row([5, 6], 0, [IGNORED, 1]), Row([5], 1, [0])], pad_id=9)
    assert batch.ids.tolist() == [[5, 6], [5, 9]]
    assert batch.mask.tolist() == [[1, 1], [1, 0]]
    assert batch.tags.tolist() == [[IGNORED, 1], [0, IGNORED]]


def _colour(start: int, end: int) -> ExampleEntity:
    return ExampleEntity(start, end, "colour", "")


def test_a_name_of_an_intent_says_nothing_of_entities():
    told = [example("greet+order", "hello"), example("order", "red", colour="red")]
    examples = with_names(told, "+")
    tokenizer = Tokenizer(pieces().to_str().encode(), max_tokens=12)
    rows = Encoder(tokenizer, Labels.of(examples, "+")).rows(examples)
    assert [set(row.tags) == {IGNORED} for row in rows] == [False, False, True, True]


def weighted(weight: object, **more: str) -> Example:
    metadata = {WEIGHT: weight}
    return msgspec.structs.replace(example("order", "red hello", **more), metadata=metadata)


def test_a_guess_counts_less_and_says_nothing_of_entities():
    tokenizer = Tokenizer(pieces().to_str().encode(), max_tokens=12)
    sure, guess = weighted(1, colour="red"), weighted(0.25)
    seen = weighted(0.5, colour="red")
    rows = Encoder(tokenizer, Labels.of([sure, guess])).rows([sure, guess, seen])
    assert [row.weight for row in rows] == [1, 0.25, 0.5]
    assert [set(row.tags) == {IGNORED} for row in rows] == [False, True, False]
    assert collate(rows, 0).weights.tolist() == [1, 0.25, 0.5]


@pytest.mark.parametrize("weight", [0, -1, 2, "much", True, None])
def test_a_weight_that_is_none_is_refused(weight: object):
    with pytest.raises(ProjectError, match="above 0 and at most 1"):
        weight_of(weighted(weight))
