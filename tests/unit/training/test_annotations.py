from __future__ import annotations

import pytest

from bot.project.project import Example, ExampleEntity
from nlu.tokenizer import Tokenizer
from training.annotations import SHOWN, told

from .conftest import pieces


@pytest.fixture
def tokenizer() -> Tokenizer:
    return Tokenizer(pieces().to_str().encode(), max_tokens=12)


def annotated(text: str, start: int, end: int) -> Example:
    return Example(text, "order", (ExampleEntity(start, end, "time", ""),), file="nlu.yml", line=3)


def test_an_annotation_of_a_part_of_a_word_is_told_with_its_place(tokenizer: Tokenizer):
    [line] = told([annotated("at 8pm", 3, 4)], tokenizer)
    assert line == "nlu.yml:3: '8' (time) is a part of '8pm'; the model learns and finds the whole."


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("send me 8pm", 8, 11),  # whole words
        ("red-blue?", 4, 8),  # marks are words of their own
        ("send  red ", 5, 10),  # blanks belong to nothing
        ("a " * 40 + "red", 80, 83),  # beyond the first window
        ("red", 0, 0),
    ],
)
def test_an_annotation_of_whole_words_is_right(
    tokenizer: Tokenizer, text: str, start: int, end: int
):
    assert list(told([annotated(text, start, end)], tokenizer)) == []


def test_of_many_the_first_are_told_and_the_rest_counted(tokenizer: Tokenizer):
    lines = list(told([annotated("at 8pm", 4, 6)] * (SHOWN + 3), tokenizer))
    assert len(lines) == SHOWN + 1
    assert lines[-1] == "3 more annotations are of a part of a word."
