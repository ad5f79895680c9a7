"""Other wordings of an example: another value for an entity, other words, a slip of the fingers."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence

import msgspec

from bot.project.project import Example, ExampleEntity, Lookup

Kind = tuple[str, str | None, str | None]
Piece = tuple[str, ExampleEntity | None]

NEIGHBOURS = {
    key: row[max(i - 1, 0) : i] + row[i + 1 : i + 2]
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for i, key in enumerate(row)
}
NUMBER = re.compile(r"\d{3,}")  # an order number's digits say nothing; a size's do


class Augmenter:
    """Varies examples; each call draws anew from ``rng``."""

    def __init__(
        self,
        examples: Sequence[Example],
        lookups: Iterable[Lookup],
        *,
        swap_values: float,
        typos: float,
        substitutions: float = 0.0,
        rng: random.Random,
    ) -> None:
        self._swap_values, self._typos, self._rng = swap_values, typos, rng
        self._substitutions = substitutions
        values: dict[Kind, dict[str, None]] = {}
        for example in examples:
            for entity in example.entities:
                surface = example.text[entity.start : entity.end]
                values.setdefault(_kind(entity), {})[surface] = None
        for lookup in lookups:
            for kind, known in values.items():
                if kind[0] == lookup.name:
                    known.update(dict.fromkeys(lookup.values))
        self._values = {kind: tuple(known) for kind, known in values.items()}

    def vary(self, example: Example, substitutes: Sequence[Example] = ()) -> Example:
        """``example``, or one of its ``substitutes``, with some of its values swapped, and perhaps
        a typo."""
        if substitutes and self._rng.random() < self._substitutions:
            example = self._rng.choice(substitutes)
        pieces = [self._swap(*piece) for piece in _pieces(example)]
        if self._rng.random() < self._typos:
            pieces = self._slip(pieces)
        return _joined(example, pieces)

    def _swap(self, text: str, entity: ExampleEntity | None) -> Piece:
        if entity is None or self._rng.random() >= self._swap_values:
            return text, entity
        value = self._rng.choice(self._values[_kind(entity)])
        return NUMBER.sub(self._digits, value), entity

    def _digits(self, number: re.Match[str]) -> str:
        return "".join(self._rng.choice("0123456789") for _ in number[0])

    def _slip(self, pieces: list[Piece]) -> list[Piece]:
        """One letter outside the entities dropped, doubled, swapped or replaced by a neighbour."""
        places = [
            (p, i)
            for p, (text, entity) in enumerate(pieces)
            if entity is None
            for i in range(1, len(text))
            if text[i - 1].isalpha() and text[i].isalpha()
        ]
        if not places:
            return pieces
        p, i = self._rng.choice(places)
        text = pieces[p][0]
        match self._rng.randrange(4):
            case 0:
                slipped = text[:i] + text[i + 1 :]
            case 1:
                slipped = text[:i] + text[i - 1] + text[i:]
            case 2:
                slipped = text[: i - 1] + text[i] + text[i - 1] + text[i + 1 :]
            case _:
                near = NEIGHBOURS.get(text[i].lower(), text[i])
                slipped = text[:i] + self._rng.choice(near) + text[i + 1 :]
        return [*pieces[:p], (slipped, None), *pieces[p + 1 :]]


def _kind(entity: ExampleEntity) -> Kind:
    return entity.entity, entity.role, entity.group


def _pieces(example: Example) -> list[Piece]:
    """The text cut at its entities."""
    pieces: list[Piece] = []
    at = 0
    for entity in sorted(example.entities, key=lambda e: e.start):
        if entity.start < at:  # overlapping annotations stay inside the first
            continue
        pieces += [(example.text[at : entity.start], None)]
        pieces += [(example.text[entity.start : entity.end], entity)]
        at = entity.end
    return [*pieces, (example.text[at:], None)]


def _joined(example: Example, pieces: Sequence[Piece]) -> Example:
    text = ""
    entities: list[ExampleEntity] = []
    for piece, entity in pieces:
        if entity is not None:
            end = len(text) + len(piece)
            moved = msgspec.structs.replace(entity, start=len(text), end=end, value=piece)
            entities.append(moved)
        text += piece
    return msgspec.structs.replace(example, text=text, entities=tuple(entities))
