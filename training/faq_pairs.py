"""What an encoder can learn from an FAQ: wordings belong to each other and to their answer."""

from __future__ import annotations

from collections.abc import Sequence

from nlu.ranking.entry import FaqEntry


def faq_pairs(entries: Sequence[FaqEntry]) -> tuple[list[str], list[str], list[int]]:
    """Two texts of one entry in each pair, and the entry's number.

    A wording goes with the question as it is written first, and with that and its answer as one
    text, the two things that it will be compared with; the first wording with the answer alone.
    """
    lefts, rights, numbers = [], [], []

    def add(number: int, left: str, right: str) -> None:
        lefts.append(left)
        rights.append(right)
        numbers.append(number)

    for number, entry in enumerate(entries):
        first, *others = entry.questions
        add(number, first, entry.answer)
        for other in others:
            add(number, other, first)
            add(number, other, f"{first} {entry.answer}")
    return lefts, rights, numbers
