"""xSID 0.7: SNIPS and the Facebook set in Chinese and English (van der Goot and others 2021)."""

from __future__ import annotations

from bot.project.project import Example, ExampleEntity

from .parts import Parts, path_of

SET = "xsid"


def slots(language: str) -> Parts:
    """300 sentences to validate, 500 to test, none to train on; ``zh`` or ``en``."""
    return Parts(train=[], valid=_rows(language, "valid"), test=_rows(language, "test"))


def _rows(language: str, part: str) -> list[Example]:
    blocks = path_of(SET, f"{language}.{part}.conll").read_text("utf-8").strip().split("\n\n")
    return [_example(block.splitlines(), "" if language == "zh" else " ") for block in blocks]


def _example(lines: list[str], space: str) -> Example:
    """The words of a sentence, joined, with an entity for each run of B-, I- ... of one name."""
    text, intent = "", ""
    found: list[ExampleEntity] = []
    for line in lines:
        if line.startswith("#"):
            continue
        _, word, intent, tag = line.split("\t")[:4]
        text += space if text else ""
        start, text = len(text), text + word
        kind, _, name = tag.partition("-")
        if kind == "B":
            found.append(ExampleEntity(start, len(text), name, word))
        elif kind == "I" and found:
            first = found.pop()
            found.append(ExampleEntity(first.start, len(text), first.entity, text[first.start :]))
    return Example(text=text, intent=intent, entities=tuple(found))
