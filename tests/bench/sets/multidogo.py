"""MultiDoGO: customers of an airline, a bank, two shops (Peskov and others 2019).

The published split is by turn, so that a conversation lies in all its parts. Here its turns are put
together again and conversations are split. Agents' turns are not there: what went before a turn is
what the customer said before.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import groupby

from bot.project.project import Example, ExampleEntity
from nlu.parse import Context

from .parts import Parts, path_of

SET = "multidogo"
DOMAINS = ("airline", "fastfood", "finance", "software")
EARLIER = 8  # turns kept as context; a recipe reads fewer

Row = dict[str, str]


def domain(name: str, *, conversations: int | None = None) -> Parts:
    """One of ``DOMAINS``: seven tenths of its conversations to train on, two to test.

    Args:
        conversations: Of those to train on, the first so many.
    """
    kept: list[list[list[Example]]] = [[], [], []]
    for key, turns in sorted(_conversations(name).items()):
        tenth = int(sha256(key.encode()).hexdigest(), 16) % 10
        kept[0 if tenth < 7 else 1 if tenth == 7 else 2].append(list(_examples(turns)))
    train, valid, test = kept
    return Parts(*([example for told in part for example in told] for part in (
        train[:conversations], test, valid,
    )))  # fmt: skip


def _conversations(name: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for part in ("train", "dev", "test"):
        path = path_of(SET, "turn_level", name, f"{part}.tsv.gz")
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if row["intent"] and row["slot-labels"] and row["utterance"].strip():
                    found.setdefault(row["conversationId"], []).append(row)
    return found


def _examples(rows: Sequence[Row]) -> Iterator[Example]:
    """The turns of a conversation in order; of several intents the first counts."""
    before: list[str] = []
    for row in sorted(rows, key=lambda row: float(row["turnNumber"])):
        words = row["utterance"].split()
        text = " ".join(words)
        labels = row["slot-labels"].split()
        if len(labels) == len(words):  # of 1 in 100 they are not, and nobody knows what they label
            yield Example(
                text=text,
                intent=row["intent"].split("<div>")[0],
                entities=tuple(_entities(text, words, labels)),
                contexts=(Context(earlier=tuple(before[-EARLIER:][::-1])),),
            )
        before.append(text)


def _entities(text: str, words: Sequence[str], labels: Sequence[str]) -> Iterator[ExampleEntity]:
    """Neighbours of one label are one span."""
    at = 0
    for label, same in groupby(zip(words, labels, strict=True), key=lambda pair: pair[1]):
        length = len(" ".join(word for word, _ in same))
        if label != "O":
            yield ExampleEntity(at, at + length, label, text[at : at + length])
        at += length + 1
