"""NLU data as the YAML that Rasa 3 reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from bot.project.markup import write_markup
from bot.project.project import Example, NluData
from bot.project.scalar import resolve

PLAIN = re.compile(r"[A-Za-z_][\w/+.-]*(?: [\w/+.-]+)*")


def nlu_yaml(data: NluData) -> str:
    """``data`` as a file: intents, synonyms, regexes, lookups, each in the order they came."""
    return "\n".join(['version: "3.1"', "nlu:", *_items(data)]) + "\n"


def scalar(text: str) -> str:
    """``text`` on one line, in quotes where YAML would read something else."""
    if PLAIN.fullmatch(text) and resolve(text) == text:
        return text
    return quoted(text)


def quoted(text: str) -> str:
    """``text`` in double quotes; what cannot be seen is escaped, as YAML escapes it."""
    seen = (
        c if c.isprintable() else f"\\U{ord(c):08X}" for c in json.dumps(text, ensure_ascii=False)
    )
    return "".join(seen)


def _items(data: NluData) -> Iterator[str]:
    by_intent: dict[str, list[Example]] = {}
    for example in data.examples:
        by_intent.setdefault(example.intent, []).append(example)
    for intent, examples in by_intent.items():
        yield f"- intent: {scalar(intent)}"
        if all(_fits_a_line(example) for example in examples):
            yield from _block(write_markup(each.text, each.entities) for each in examples)
        else:
            yield "  examples:"
            for example in examples:
                yield from _listed(example)
    by_value: dict[str, list[str]] = {}
    for surface, value in data.synonyms.items():
        if surface != value:
            by_value.setdefault(value, []).append(surface)
    yield from _named("synonym", by_value.items())
    yield from _named("regex", ((regex.name, regex.patterns) for regex in data.regexes))
    yield from _named("lookup", ((lookup.name, lookup.values) for lookup in data.lookups))


def _fits_a_line(example: Example) -> bool:
    text = write_markup(example.text, example.entities)
    return not example.metadata and text == text.strip() and text.isprintable()


def _listed(example: Example) -> Iterator[str]:
    text = write_markup(example.text, example.entities)
    yield f"  - text: {quoted(text)}"
    if example.metadata:
        yield f"    metadata: {json.dumps(example.metadata, ensure_ascii=False)}"


def _named(kind: str, items: Iterable[tuple[str, Iterable[str]]]) -> Iterator[str]:
    for name, texts in items:
        texts = list(texts)
        yield f"- {kind}: {scalar(name)}"
        if all(text == text.strip() and text.isprintable() for text in texts):
            yield from _block(texts)
        else:
            yield "  examples:"
            yield from (f"  - {quoted(text)}" for text in texts)


def _block(lines: Iterable[str]) -> Iterator[str]:
    yield "  examples: |"
    yield from (f"    - {line}" for line in lines)
