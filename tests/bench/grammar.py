"""What the grammar finds in public data, and how long it takes.

    python tests/bench/grammar.py            # parts to choose by
    python tests/bench/grammar.py --test     # parts to report

One JSON line for each set: of the spans people marked, how many are found exactly and how many at
all; of what is found, how much touches a mark. Words such as ``at``, ``on`` or ``for`` at the
beginning of a find are left out of the comparison, since Duckling counts them in and the marks do
not. Then a line with the CPU of one message, in milliseconds.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from bot.project.project import Example
from nlu.grammar.calendar import Reference
from nlu.grammar.languages import grammar_for
from tests.bench.line import quantiles, show
from tests.bench.sets import crosswoz, restaurant8k, xsid
from tests.bench.sets.parts import MissingSetError

NOW = Reference(datetime(2018, 8, 1, 9, 0), UTC)  # noqa: DTZ001
LEADING = re.compile(r"(?:(?:on|at|in|by|for|from|around|about|@)\s+)?(?:the\s+)?", re.IGNORECASE)
TWELVE_WORDS = (
    "please book me a table for two tomorrow at 7pm near home",
    "hello there can you tell me where my last order has gone",
    "i would like to move my booking to half past six on friday",
    "could i get a refund of twenty-five euros for the broken lamp",
    "what is the weather going to be like in rome next week",
    "我想预订明天晚上七点半两个人的桌子谢谢",
)


class Task(NamedTuple):
    """A set's sentences, which of their entities are meant, and what finds them."""

    name: str
    locale: str
    examples: Sequence[Example]
    entities: Collection[str]
    dimensions: tuple[str, ...]


def tasks(*, test: bool) -> list[Task]:
    booking = restaurant8k.spans(0)
    asked = booking.test if test else booking.train
    found = [Task("restaurant8k", "en", asked, ("date", "time"), ("time",))]
    for language in ("en", "zh"):
        parts = xsid.slots(language)
        said = parts.test if test else parts.valid
        marks = ("datetime", "recurring_datetime")
        found.append(Task(f"xsid {language}", language, said, marks, ("time",)))
    trips = crosswoz.acts()
    told = trips.test if test else [*trips.train, *trips.valid]
    prices = ("Inform|餐馆|人均消费", "Inform|酒店|价格", "Inform|景点|门票")
    lengths = ("Inform|景点|游玩时间",)
    found.append(Task("crosswoz prices", "zh", told, prices, ("amount-of-money",)))
    found.append(Task("crosswoz visits", "zh", told, lengths, ("duration",)))
    return found


def measure(task: Task) -> dict[str, float]:
    """How much of what is marked is found, and of what is found is marked, in percent."""
    marked = exact = touched = found = meant = 0
    grammar = grammar_for(task.locale)
    for example in task.examples:
        gold = [
            _trimmed(example.text, entity.start, entity.end)
            for entity in example.entities
            if entity.entity in task.entities
            and _is_amount(example.text[entity.start : entity.end])
        ]
        finds = grammar.find(example.text, NOW, task.dimensions)
        spans = [_trimmed(example.text, find.start, find.end) for find in finds]
        marked, found = marked + len(gold), found + len(spans)
        exact += sum(span in spans for span in gold)
        touched += sum(_touches(span, spans) for span in gold)
        meant += sum(_touches(span, gold) for span in spans)
    return {
        "sentences": len(task.examples),
        "marked": marked,
        "exact": _percent(exact, marked),
        "found": _percent(touched, marked),
        "precision": _percent(meant, found),
    }


def cpu_ms(texts: Iterable[str]) -> dict[str, float]:
    """Of one text, the least of three rounds."""
    grammar = grammar_for("en")
    spent = []
    for text in texts:
        rounds = []
        for _ in range(3):
            began = time.process_time_ns()
            grammar.find(text, NOW)
            rounds.append((time.process_time_ns() - began) / 1e6)
        spent.append(min(rounds))
    return quantiles(spent)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without words and signs that some count in and others do not."""
    inside = text[start:end]
    first = LEADING.match(inside)
    start += first.end() if first else 0
    start += len(text[start:end]) - len(text[start:end].lstrip())
    return start, start + len(text[start:end].rstrip(" .,?!"))


def _is_amount(text: str) -> bool:
    return text not in ("免费", "不免费")  # a price, but no amount


def _touches(span: tuple[int, int], others: Iterable[tuple[int, int]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in others)


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--test", action="store_true", help="the parts to report, not to choose by")
    test = parser.parse_args().test
    try:
        chosen = tasks(test=test)
    except MissingSetError as missing:
        raise SystemExit(str(missing)) from missing
    for task in chosen:
        show(f"grammar {task.name}", part="test" if test else "to choose by", **measure(task))
    show(
        "grammar, CPU of twelve words", ms=cpu_ms(text for text in TWELVE_WORDS for _ in range(50))
    )
    said = [example.text for example in chosen[0].examples]
    show("grammar, CPU of restaurant8k", ms=cpu_ms(said))


if __name__ == "__main__":
    main()
