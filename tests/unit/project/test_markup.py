"""Entity markup: what is read, what is written, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.project.markup import MarkupError, read_markup, write_markup
from bot.project.project import ExampleEntity

words = st.text(
    st.characters(exclude_characters="[]", exclude_categories=("Cs",)), min_size=1, max_size=12
)
labels = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8).filter(
    str.strip
)
plain = st.text(st.characters(exclude_characters="[]", exclude_categories=("Cs",)), max_size=12)


@st.composite
def annotated(draw: st.DrawFn) -> tuple[str, tuple[ExampleEntity, ...]]:
    """A text and entities on spans of it, some spans with several."""
    text = draw(plain)
    entities: list[ExampleEntity] = []
    for surface in draw(st.lists(words, max_size=4)):
        start = len(text)
        text += surface
        entities += [
            ExampleEntity(
                start=start,
                end=len(text),
                entity=draw(labels),
                value=draw(st.one_of(st.just(surface), labels)),
                role=draw(st.none() | labels),
                group=draw(st.none() | labels),
            )
            for _ in range(draw(st.integers(1, 2)))
        ]
        # What follows must not begin an annotation of its own.
        text += " " + draw(plain)
    return text, tuple(entities)


@given(annotated())
def test_what_is_written_is_read_back(case: tuple[str, tuple[ExampleEntity, ...]]) -> None:
    text, entities = case
    assert read_markup(write_markup(text, entities)) == (text, entities)


@given(st.text())
def test_any_text_is_read_or_refused_with_a_reason(marked: str) -> None:
    try:
        text, entities = read_markup(marked)
    except MarkupError:
        return
    assert all(0 <= e.start < e.end <= len(text) for e in entities)


def test_offsets_count_code_points() -> None:
    text, (entity,) = read_markup("👋🏽 ça va, [Zoë](name)!")
    assert text == "👋🏽 ça va, Zoë!"
    assert text[entity.start : entity.end] == "Zoë"
    assert entity.start == 10


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("[soup](dish)", ExampleEntity(0, 4, "dish", "soup")),
        ("[chips](dish:fries)", ExampleEntity(0, 5, "dish", "fries")),
        ('[x]{"entity": "e", "value": "a}b"}', ExampleEntity(0, 1, "e", "a}b")),
        ('[x]{"entity": "e", "group": 1}', ExampleEntity(0, 1, "e", "x", None, "1")),
        ("[soup](dish)[salad]", ExampleEntity(0, 4, "dish", "soup")),
        ("a [b [soup](dish)", ExampleEntity(5, 9, "dish", "soup")),
    ],
)
def test_an_annotation_is_read(marked: str, expected: ExampleEntity) -> None:
    assert read_markup(marked)[1] == (expected,)


@pytest.mark.parametrize(
    "text", ["[sic]", "a [b] (c)", "[](x)", "[a](", "[a]()", "[a][b]", "]x[", "[[[[", "array[0]"]
)
def test_brackets_without_an_annotation_are_text(text: str) -> None:
    assert read_markup(text) == (text, ())


@pytest.mark.parametrize(
    ("marked", "reason"),
    [
        ('[x]{"entity": "e"', "not JSON"),
        ('[x]{"entity": "e"} [y]{"entty": "e"}', "key 'entty'"),
        ('[x]{"value": "v"}', "names no entity"),
        ('[x]{"entity": ["e"]}', "not a text"),
        ('[x][{"entity": "e"}, 3]', "not a JSON object"),
        ('[x]{"entity": "\\ud800"}', "surrogate"),
        ('[x]{"entity": ' + "[" * 100_000, "nested too deep"),
    ],
)
def test_a_wrong_annotation_is_refused(marked: str, reason: str) -> None:
    with pytest.raises(MarkupError, match=reason):
        read_markup(marked)
