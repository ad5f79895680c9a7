"""Annotations that a model cannot learn as they stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.project.project import Example
from nlu.tokenizer import Tokenizer

SHOWN = 5  # of those that are told one by one


def told(examples: Iterable[Example], tokenizer: Tokenizer) -> Iterator[str]:
    """A line for each of the first annotations that cut a word, and how many more there are.

    A model tags whole words; where an annotation ends within one, it learns the whole of it.
    """
    count = 0
    for line in _cuts(examples, tokenizer):
        count += 1
        if count <= SHOWN:
            yield line
    if count > SHOWN:
        yield f"{count - SHOWN} more annotations are of a part of a word."


def _cuts(examples: Iterable[Example], tokenizer: Tokenizer) -> Iterator[str]:
    for example in examples:
        if not example.entities:
            continue
        words = [word for window in tokenizer.windows(example.text) for word in window.words]
        for entity in example.entities:
            within = [(s, e) for s, e in words if s < entity.end and entity.start < e]
            if not within:  # nothing that is read
                continue
            start, end = min(within)[0], max(within)[1]
            part = example.text[entity.start : entity.end].strip()
            whole = example.text[start:end]
            if part != whole and len(part) < len(whole):
                place = f"{example.file}:{example.line}: " if example.file else ""
                yield (
                    f"{place}'{part}' ({entity.entity}) is a part of '{whole}'; the model learns "
                    "and finds the whole."
                )
