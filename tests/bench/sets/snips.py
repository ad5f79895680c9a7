"""SNIPS: seven intents and 39 kinds of slots (Coucke and others 2018), in the usual split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.project.project import Example, ExampleEntity

from .parts import Parts, path_of

SET = "snips"


def joint() -> Parts:
    """Intents and slots: 13,084 sentences to train on, 700 to validate, 700 to test."""
    return Parts(train=_rows("train"), valid=_rows("valid"), test=_rows("test"))


def _rows(part: str) -> list[Example]:
    texts, tags, intents = (
        path_of(SET, part, name).read_text("utf-8").splitlines()
        for name in ("seq.in", "seq.out", "label")
    )
    return [
        tagged(text.split(), marks.split(), intent.strip())
        for text, marks, intent in zip(texts, tags, intents, strict=True)
    ]


def tagged(words: Sequence[str], tags: Sequence[str], intent: str) -> Example:
    """Words joined by spaces, with an entity for each run of B-, I- ... of one name."""
    text = " ".join(words)
    entities = tuple(
        ExampleEntity(start, end, name, text[start:end]) for start, end, name in _spans(words, tags)
    )
    return Example(text=text, intent=intent, entities=entities)


def _spans(words: Sequence[str], tags: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Start and end of each entity in the joined text. An I- without its B- opens one."""
    open_name, start, end, at = "", 0, 0, 0
    for word, tag in zip(words, tags, strict=True):
        kind, _, name = tag.partition("-")
        if open_name and (kind != "I" or name != open_name):
            yield start, end, open_name
            open_name = ""
        if name and not open_name:
            open_name, start = name, at
        end = at + len(word)
        at = end + 1
    if open_name:
        yield start, end, open_name
