"""A text longer than the model reads is read in windows, and nothing of it is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.bundle import open_bundle
from nlu.model import Reading
from nlu.pipeline import Nlu, Pipeline, serve
from nlu.tokenizer import Tokenizer, Tokens
from nlu.windows import direction, shares, tags, words_of

from .conftest import MakeBundle, tiny_tokenizer

LIMIT = 12


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(tiny_tokenizer().to_str().encode(), max_tokens=LIMIT)


@pytest.fixture(scope="module")
def roomy() -> Tokenizer:
    return Tokenizer(tiny_tokenizer().to_str().encode(), max_tokens=5000)


def read(tokenizer: Tokenizer, text: str) -> list[str]:
    return [text[word.start : word.end] for word in words_of(tokenizer.windows(text))]


def test_a_short_text_has_one_window(tokenizer: Tokenizer):
    [tokens] = tokenizer.windows("hello, tea")
    assert tokens == tokenizer.encode("hello, tea")


def test_windows_overlap_by_a_quarter(tokenizer: Tokenizer):
    first, second = tokenizer.windows("tea " * 14)[:2]
    assert (len(first.ids), len(second.ids)) == (12, 9)
    assert first.words[-3:] == second.words[:3]


def test_every_window_is_framed_by_the_special_tokens(tokenizer: Tokenizer):
    for window in tokenizer.windows("tea " * 40):
        assert (window.ids[0], window.ids[-1]) == (2, 3)
        assert len(window.ids) <= LIMIT


@given(st.lists(st.sampled_from(["tea", "orders", ",", "cafe\u0301", "🎉", "berlin"]), max_size=60))
def test_the_words_are_those_of_a_model_that_reads_it_at_once(written: list[str]):
    text = " ".join(written)
    short, long = (
        Tokenizer(tiny_tokenizer().to_str().encode(), max_tokens=limit) for limit in (LIMIT, 5000)
    )
    assert [(w.start, w.end) for w in words_of(short.windows(text))] == list(
        long.encode(text).words
    )


def test_a_word_is_read_where_it_stands_further_inside(tokenizer: Tokenizer):
    text = "tea " * 14
    windows = tokenizer.windows(text)
    where = [word.window for word in words_of(windows)]
    # Of the three words that both windows hold, the first two are nearer to the first's middle.
    assert where == [0] * 9 + [1] * 5


def test_a_word_longer_than_what_windows_share_is_one_word():
    windows = [
        Tokens(ids=[2, 9, 9, 9, 3], firsts=[1], words=((0, 30),)),
        Tokens(ids=[2, 9, 9, 9, 3], firsts=[1], words=((20, 50),)),
        Tokens(ids=[2, 9, 9, 5, 3], firsts=[1, 3], words=((40, 60), (61, 64))),
    ]
    assert [(w.start, w.end, w.window, w.position) for w in words_of(windows)] == [
        (0, 60, 0, 1),
        (61, 64, 2, 3),
    ]


def test_tags_come_from_the_window_a_word_is_read_in(tokenizer: Tokenizer):
    windows = tokenizer.windows("tea " * 14)
    logits = [np.full((LIMIT, 2), float(index)) for index in range(2)]
    assert tags(words_of(windows), logits)[:, 0].tolist() == [0.0] * 9 + [1.0] * 5


def test_windows_weigh_by_their_words(tokenizer: Tokenizer):
    windows = tokenizer.windows("tea " * 14)
    assert shares(windows).tolist() == pytest.approx([10 / 17, 7 / 17])


def test_the_sentence_has_length_one():
    vectors = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    mean = direction(vectors, np.array([0.75, 0.25], dtype=np.float32))
    assert float(np.linalg.norm(mean)) == pytest.approx(1.0)
    assert mean[0] > mean[1] > 0


def test_opposite_windows_make_no_division_by_zero():
    vectors = np.array([[1.0], [-1.0]], dtype=np.float32)
    assert direction(vectors, np.array([0.5, 0.5], dtype=np.float32)).tolist() == [0.0]


async def test_what_stands_behind_the_first_window_is_understood(make_bundle: MakeBundle):
    text = "cafe, " * 30 + "order green tea to new york"
    async with serve(open_bundle(make_bundle())) as served:
        parse = await Nlu(Pipeline(), served).parse(text)
    assert parse.intent.name == "order"
    assert [(e.entity, e.value) for e in parse.entities] == [
        ("item", "green"),
        ("item", "tea"),
        ("city", "new york"),
    ]
    assert all(text[e.start : e.end] == e.value for e in parse.entities)
    assert len(parse.text_tokens) == 66


async def test_a_long_text_is_answered_alike_alone_and_beside_others(make_bundle: MakeBundle):
    model = open_bundle(make_bundle()).model
    texts = ["hello", "cafe, " * 30 + "order tea", "bye", "tea " * 20]
    together = model.read([Reading(text, model.tokenizer) for text in texts])
    for text, beside in zip(texts, together, strict=True):
        [alone] = model.read([Reading(text, model.tokenizer)])
        assert alone.words == beside.words
        assert np.allclose(alone.intents, beside.intents)
        assert np.allclose(alone.tags, beside.tags)
