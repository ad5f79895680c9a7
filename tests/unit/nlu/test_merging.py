"""The one rule by which the finds of several extractors become one list."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from nlu.extractors.base import merge
from nlu.parse import Entity

TEXT = "x" * 12
NAMES = ("time", "number", "city")


class Given:
    """Finds what it is told to."""

    def __init__(self, exact: bool, found: Sequence[Entity]) -> None:
        self.exact, self._found = exact, list(found)

    def extract(self, text: str) -> list[Entity]:
        return self._found


@st.composite
def entities(draw: st.DrawFn, by: str, apart: bool = False) -> list[Entity]:
    found: list[Entity] = []
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(TEXT) - 1))
        end = draw(st.integers(start + 1, len(TEXT)))
        entity = Entity(draw(st.sampled_from(NAMES)), f"{start}-{end}", start, end, extractor=by)
        if not apart or not any(overlap(entity, other) for other in found):
            found.append(entity)
    return found


def overlap(one: Entity, other: Entity) -> bool:
    return one.start < other.end and other.start < one.end


def without_role(entity: Entity) -> Entity:
    return msgspec.structs.replace(entity, role=None)


finds = st.tuples(
    entities("model", apart=True), entities("pattern"), entities("list"), entities("measure")
)


def merged(given: tuple[list[Entity], ...]) -> tuple[Entity, ...]:
    model, patterns, listed, measures = given
    return merge(TEXT, model, (Given(True, patterns), Given(False, listed)), measures)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(finds)
def test_no_two_overlap_but_a_measure_and_a_find_of_another_name(
    given: tuple[list[Entity], ...],
) -> None:
    for one, other in combinations(merged(given), 2):
        if overlap(one, other):
            assert one.entity != other.entity
            assert "measure" in (one.extractor, other.extractor)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(finds)
def test_nothing_is_made_up_and_all_is_in_order(given: tuple[list[Entity], ...]) -> None:
    result = merged(given)
    assert all(without_role(e) in [each for part in given for each in part] for e in result)
    assert [(e.start, e.end) for e in result] == sorted((e.start, e.end) for e in result)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(finds)
def test_what_nothing_overlaps_stays_and_what_goes_gave_way(
    given: tuple[list[Entity], ...],
) -> None:
    result = merged(given)
    for part in given:
        for entity in part:
            if entity not in result:
                assert any(overlap(entity, other) for other in result)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(finds)
def test_a_measure_gives_way_only_to_a_measure_of_its_name(
    given: tuple[list[Entity], ...],
) -> None:
    result = merged(given)
    for measure in given[3]:
        if measure not in result:
            rivals = [e for e in result if e.extractor == "measure" and overlap(e, measure)]
            assert any(rival.entity == measure.entity for rival in rivals)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(finds)
def test_the_model_never_gives_way_to_a_list(given: tuple[list[Entity], ...]) -> None:
    model, _, listed, _ = given
    kept = merge(TEXT, model, (Given(False, listed),))
    assert all(entity in kept for entity in model)


def test_a_measure_takes_the_place_and_the_role_of_the_models_find_of_its_name() -> None:
    text = "from monday to friday"
    model = [Entity("time", "monday", 5, 11, role="start"), Entity("day", "friday", 15, 21)]
    measures = [
        Entity("time", "2026-11-23", 5, 11, extractor="GrammarEntityExtractor"),
        Entity("time", "2026-11-27", 15, 21, extractor="GrammarEntityExtractor"),
    ]
    assert [(e.entity, e.value, e.role) for e in merge(text, model, (), measures)] == [
        ("time", "2026-11-23", "start"),
        ("day", "friday", None),
        ("time", "2026-11-27", None),
    ]
