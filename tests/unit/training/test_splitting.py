"""What is judged by was not learned: whole conversations, by chance or by time, and no twins."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz
from typer.testing import CliRunner

from bot.review.item import ReviewItem
from bot.store.reviews import open_reviews
from tests.command import write
from training.cli import register
from training.dedupe import normalised
from training.gate.sentences import of_dataset
from training.versions.dataset import Dataset, Row
from training.versions.learning import reviews_url
from training.versions.making import make_dataset
from training.versions.splitting import ALIKE, TESTED, by_time, split_of, subject_of

from .test_versions import item, project

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def turn(number: int, conversation: int, at: float, words: str = "", **more: str) -> ReviewItem:
    text = words or sha256(str(number).encode()).hexdigest()[:24]  # unlike all others
    return item(text, conversation=f"c{conversation}", id=f"i{number}", at=at, **more)


turns = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 40), st.sampled_from(["person", "weak"])),
    max_size=40,
).map(
    lambda drawn: [
        turn(number, conversation, float(at), kind=kind)
        for number, (conversation, at, kind) in enumerate(drawn)
    ]
)


def made(items: list[ReviewItem], parent: Dataset | None = None) -> Dataset:
    return make_dataset(project(), items, now=NOW, parent=parent, split="time")


def of_users(dataset: Dataset, part: str) -> list[Row]:
    return [row for row in dataset.rows if row.subject and row.part == part]


@given(turns)
def test_by_time_all_that_is_learned_is_older_than_all_that_is_judged_by(items: list[ReviewItem]):
    dataset = made(items)
    learned, judged = (of_users(dataset, part) for part in ("train", "test"))
    assert not {row.subject for row in learned} & {row.subject for row in judged}
    assert all(old.at < new.at for old in learned for new in judged)
    assert all(row.by == "person" for row in judged)


@given(turns)
def test_the_newest_fifth_judges_at_most_and_some_where_any_is_newer(items: list[ReviewItem]):
    parts = by_time(items, now=NOW.timestamp())
    begun: dict[str, float] = {}
    for each in items:
        subject = subject_of(each.conversation_id)
        begun[subject] = min(each.at, begun.get(subject, each.at))
    judging = {subject for subject, at in begun.items() if parts.part(subject, at) == "test"}
    newest = [subject for subject, at in begun.items() if at == max(begun.values())]
    assert len(judging) <= max(TESTED * len(begun), len(newest))
    if len(newest) * 2 <= len(begun):
        assert judging >= set(newest)
    assert len(judging) < len(begun) or not begun


@given(turns, st.integers(0, 40))
def test_what_was_learned_once_never_judges(items: list[ReviewItem], until: int):
    before = made([each for each in items if each.at <= until])
    after = made(items, parent=before)
    assert after.cut >= before.cut
    learned = {row.origin for row in of_users(before, "train")}
    assert not learned & {row.origin for row in of_users(after, "test")}


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 9), st.text("ab ", min_size=1, max_size=12)),
        max_size=25,
    ),
    st.sampled_from(["time", "conversation"]),
)
def test_nothing_nearly_the_same_is_on_both_sides(drawn: list[tuple[int, int, str]], split: str):
    items = [
        item(f"{text}.", conversation=f"c{number}", id=f"i{at}", at=float(when))
        for at, (number, when, text) in enumerate(drawn)
    ]
    dataset = make_dataset(project(), items, now=NOW, split=split)  # type: ignore[arg-type]
    learned, judged = dataset.of("train"), dataset.of("test")
    twins = [row for row in dataset.rows if row.part == "twin" and row.subject]
    for row in judged:
        near = [each for each in learned if _alike(each, row) >= ALIKE]
        assert near == []
        # Nor by way of a third, but for what is left out for being of a learned conversation.
        reached = [twin for twin in twins if any(_alike(twin, each) >= ALIKE for each in learned)]
        assert not any(_alike(row, twin) >= ALIKE for twin in reached if _is_whole(dataset, twin))


def _alike(one: Row, other: Row) -> float:
    return fuzz.ratio(*(normalised(row.text) or row.text for row in (one, other)))


def _is_whole(dataset: Dataset, row: Row) -> bool:
    """Whether it was to judge: nothing of its conversation was learned."""
    return row.subject not in {each.subject for each in dataset.of("train")}


def test_a_group_of_twins_is_on_one_side_though_its_ends_are_not_alike():
    chain = ["abcdefghijklmnopqrst"]
    for at in range(4):
        chain.append(chain[-1][: 3 * at] + "XYZ"[: at + 1] + chain[-1][3 * at + at + 1 :])
    old = [turn(0, 0, 0.0, "nothing of the kind"), item(chain[0], id="old", at=1.0)]
    new = [item(text, conversation="new", id=text, at=9.0) for text in chain[1:]]
    many = [turn(number, number, 2.0) for number in range(2, 12)]
    dataset = made([*old, *many, *new])
    found = {row.text: row.part for row in dataset.rows}
    ratios = [fuzz.ratio(one.lower(), chain[0]) for one in chain]
    reached = [
        text
        for text, before in zip(chain[1:], chain, strict=False)
        if fuzz.ratio(text.lower(), before.lower()) >= ALIKE
    ]
    assert min(ratios) < ALIKE
    assert len(reached) >= 2
    assert all(found[text] == "twin" for text in reached[:2])


def test_what_a_learned_conversation_says_later_is_neither_learned_nor_judged_by():
    items = [turn(n, n, float(n)) for n in range(10)]
    later = turn(77, 1, 20.0)
    dataset = made([*items, later])
    parts = {row.origin: row.part for row in dataset.rows if row.subject}
    assert parts["review:i77"] == "twin"
    assert parts["review:i1"] == "train"
    assert parts["review:i9"] == "test"
    assert split_of(dataset).part(subject_of("c1"), 30.0) == "twin"
    assert split_of(dataset).part(subject_of("c99"), 30.0) == "test"


def test_one_conversation_is_learned_and_the_next_one_judges():
    first = made([turn(1, 1, 5.0), turn(2, 1, 6.0)])
    assert {row.part for row in first.rows} == {"train"}
    assert msgspec.json.decode(msgspec.json.encode(first), type=Dataset) == first
    second = made([turn(1, 1, 5.0), turn(2, 1, 6.0), turn(3, 2, 8.0)], parent=first)
    assert {row.origin for row in second.of("test")} == {"review:i3"}


def test_a_clock_that_was_wrong_keeps_nothing_from_judging_later():
    wrong = turn(1, 1, 9e12)
    first = made([wrong, *(turn(n, n, float(n)) for n in range(2, 12))])
    assert first.cut <= NOW.timestamp()
    later = [turn(n, n, NOW.timestamp() + n) for n in range(20, 40)]
    again = make_dataset(
        project(),
        [wrong, *later],
        now=datetime.fromtimestamp(NOW.timestamp() + 100, UTC),
        parent=first,
        split="time",
    )
    assert {row.origin for row in again.of("test")} >= {"review:i39"}


@pytest.mark.parametrize("first", ["time", "conversation"])
def test_after_a_change_of_the_split_nothing_judges_that_the_current_model_learned(first: str):
    items = [turn(n, n, float(n)) for n in range(60)]
    other = "conversation" if first == "time" else "time"
    before, after = (
        make_dataset(project(), items, now=NOW, split=split)  # type: ignore[arg-type]
        for split in (first, other)
    )
    learned = {row.origin.removeprefix("review:") for row in before.of("train")}
    tests = of_dataset(after, before).tests
    assert tests
    assert not learned & {each.id for each in tests}
    assert len(of_dataset(after, None).tests) > len(tests)


def test_of_what_waits_for_a_label_only_what_would_judge_can_decide():
    dataset = made([turn(n, n, float(n)) for n in range(20)])
    waiting = [turn(100, 1, 50.0), turn(101, 70, 3.0), turn(102, 71, 50.0)]
    pool = of_dataset(dataset, None, waiting=waiting).pool
    assert [each.id for each in pool] == ["i102"]


def test_the_gates_recipe_says_how_a_version_is_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "home"))
    folder = write(tmp_path)
    (folder / "gate.toml").write_text('split = "time"\n')
    url = reviews_url(folder)

    async def fill() -> None:
        async with open_reviews(url) as reviews:
            await reviews.propose([turn(n, n, 1e9 + n) for n in range(10)])

    asyncio.run(fill())
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, ["dataset", "make", "--project", str(folder)])
    assert result.exit_code == 0, result.output
    assert "learned up to 2001-09-09 01:46 UTC; newer ones judge" in result.output
    assert "test       2, labelled by person" in result.output
