import time

import numpy as np
import pytest

from nlu.errors import BundleError
from nlu.tokenizer import MOST_CHARACTERS, Tokenizer, pad, readable


@pytest.fixture
def tokenizer(tiny):
    return Tokenizer(tiny, max_tokens=16)


def words(tokenizer, text):
    return [text[start:end] for start, end in tokenizer.encode(text).words]


def test_a_word_of_several_pieces_is_one_word(tokenizer):
    tokens = tokenizer.encode("orders, bye")
    assert words(tokenizer, "orders, bye") == ["orders", ",", "bye"]
    assert list(tokens.firsts) == [1, 3, 4]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("🎉 tea 👩‍👩‍👧 bye", ["🎉", "tea", "👩‍👩‍👧", "bye"]),
        ("\u202e\u05e9\u05dc\u05d5\u05dd tea", ["\u05e9\u05dc\u05d5\u05dd", "tea"]),
        ("cafe\u0301 tea", ["cafe\u0301", "tea"]),
        ("café tea", ["café", "tea"]),
        ("te\x00a \x07bye", ["te\x00a", "bye"]),
        ("\ud800tea \udfff bye", None),
    ],
)
def test_places_are_code_points_of_the_text_as_written(tokenizer, text, expected):
    spans = tokenizer.encode(text).words
    assert all(0 <= start < end <= len(text) for start, end in spans)
    found = [text[start:end] for start, end in spans]
    assert found == expected if expected else (found[-1] == "bye" and found[0].endswith("tea"))


def test_spaces_before_the_text_move_nothing(tokenizer):
    assert tokenizer.encode(" " * 50_000 + "tea").words == ((50_000, 50_003),)


def test_lone_surrogates_are_replaced_one_for_one():
    assert readable("a\ud800b\udc00😀") == "a\ufffdb\ufffd😀"


def test_a_typed_separator_is_text(tokenizer):
    ids = list(tokenizer.encode("hello [SEP] bye").ids)
    assert ids.count(3) == 1


def test_a_long_text_is_cut_to_max_tokens(tokenizer):
    tokens = tokenizer.encode("tea " * 100)
    assert len(tokens.ids) == 16
    assert len(tokens.words) == 14


def test_a_word_of_ten_thousand_characters_is_one_unknown_word(tokenizer):
    tokens = tokenizer.encode("a" * 10_000)
    assert tokens.words == ((0, MOST_CHARACTERS),)


@pytest.mark.parametrize("text", ["tea " * 250_000, "a" * 1_000_000, "\u0301" * 1_000_000])
def test_a_megabyte_takes_no_longer_than_its_first_page(tokenizer, text):
    tokenizer.encode(text[:MOST_CHARACTERS])
    begun = time.process_time()
    tokenizer.encode(text)
    assert time.process_time() - begun < 0.5


def test_a_batch_is_padded_to_its_longest(tokenizer):
    rows = [tokenizer.encode("tea"), tokenizer.encode("hello green tea")]
    batch = pad(rows, pad_id=tokenizer.pad_id)
    assert batch.ids.shape == (2, 5)
    assert batch.ids.dtype == np.int64
    assert batch.mask.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]


def test_a_file_that_is_no_tokenizer_is_refused():
    with pytest.raises(BundleError, match=r"tokenizer\.json"):
        Tokenizer(b"{}", max_tokens=16)
