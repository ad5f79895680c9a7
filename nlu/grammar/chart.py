"""Rules over neighbouring tokens, and what they make of a text.

A rule is a sequence of kinds and a function of their values. A text is read from its last token to
its first: what starts later is complete before it is needed, so one pass finds every reading. The
first reading of a kind at a place counts, and none is longer than ``MOST_TOKENS``: the time is
linear in the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from nlu.grammar.tokens import Token, tokens_of

MOST_TOKENS = 20
"""The longest reading; ``from half past three in the afternoon on the first monday in may to …``
has more, and loses its end."""


class Item(NamedTuple):
    """A reading of the tokens from ``start`` up to ``end``."""

    kind: str
    value: Any
    start: int
    end: int


class Made(NamedTuple):
    """What a rule makes of its parts."""

    kind: str
    value: Any


Make = Callable[..., Made | None]


class _Node:
    """Rules that begin alike share their first nodes."""

    __slots__ = ("following", "makes")

    def __init__(self) -> None:
        self.following: dict[str, _Node] = {}
        self.makes: list[Make] = []


class Rules:
    """Sequences of kinds, each with what it makes of the values."""

    def __init__(self) -> None:
        self.root = _Node()
        self.words: set[str] = set()
        """The words and phrases that patterns name themselves."""

    def add(self, *patterns: str) -> Callable[[Make], Make]:
        """Decorates a function with the sequences it understands.

        A pattern's kinds are divided by spaces; ``a|b`` is either, ``[a|b]`` may be missing, and
        ``=from_now`` is a word or phrase itself. The function is handed the values of the kinds
        that are no words.
        """

        def added(make: Make) -> Make:
            for pattern in patterns:
                for kinds in _spelled_out(pattern.split()):
                    self._add(kinds, make)
            return make

        return added

    def _add(self, kinds: Sequence[str], make: Make) -> None:
        node = self.root
        for kind in kinds:
            node = node.following.setdefault(kind, _Node())
            if kind.startswith("="):
                self.words.add(kind)
        node.makes.append(make)


def _spelled_out(parts: Sequence[str]) -> list[tuple[str, ...]]:
    """Every sequence that a pattern stands for."""
    found: list[tuple[str, ...]] = [()]
    for part in parts:
        optional = part.startswith("[")
        kinds = part.strip("[]").split("|")
        longer = [(*before, kind) for before in found for kind in kinds]
        found = [*found, *longer] if optional else longer
    return found


class Lexicon:
    """Words and phrases with their kinds and values; a phrase may have several."""

    def __init__(self, entries: Iterable[tuple[str, str, Any]], words: Iterable[str] = ()) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], Made]]] = {}
        literal = ((word[1:].replace("_", " "), word, None) for word in sorted(words))
        for phrase, kind, value in (*entries, *literal):
            words = tuple(token.text for token in tokens_of(phrase))
            self._by_first.setdefault(words[0], []).append((words, Made(kind, value)))

    def at(self, tokens: Sequence[Token], start: int) -> list[Item]:
        """Every entry that begins at the token ``start``, the longest first."""
        entries = self._by_first.get(tokens[start].text)
        if not entries:
            return []
        found = []
        for words, made in entries:
            end = start + len(words)
            if len(words) == 1 or tuple(token.text for token in tokens[start:end]) == words:
                found.append(Item(made.kind, made.value, start, end))
        if len(found) > 1:
            found.sort(key=lambda item: -item.end)
        return found


Reader = Callable[[str, Sequence[Token], int], Iterable[Item]]
"""Reads what begins at a token and follows no list of words: numbers, 19:30, 2026-11-22."""


def read(
    text: str,
    tokens: Sequence[Token],
    *,
    lexicon: Lexicon,
    readers: Mapping[str, Sequence[Reader]],
    rules: Rules,
) -> list[Item]:
    """Every reading of every stretch of ``tokens``.

    ``readers`` are those for digits (key ``0``), Chinese characters (``一``) and words (``a``).
    """
    chart: list[list[Item]] = [[] for _ in range(len(tokens) + 1)]
    for start in range(len(tokens) - 1, -1, -1):
        waiting = lexicon.at(tokens, start)
        for reader in readers.get(_class(tokens[start].text[0]), ()):
            waiting.extend(reader(text, tokens, start))
        if waiting:
            _complete(chart, start, waiting, rules.root)
    return [item for items in chart for item in items]


def _class(char: str) -> str:
    if "0" <= char <= "9":
        return "0"
    return "一" if char >= "〇" else "a"


def _complete(chart: list[list[Item]], start: int, waiting: list[Item], root: _Node) -> None:
    """Fill the chart at ``start`` with what begins there, and all that rules make of it."""
    seen: set[tuple[str, int]] = set()
    here = chart[start]
    for item in waiting:  # grows while it is read
        key = item.kind, item.end
        if key in seen:
            continue
        seen.add(key)
        here.append(item)
        if node := root.following.get(item.kind):
            values = () if item.kind[0] == "=" else (item.value,)
            _extend(chart, waiting, node, start, item.end, values)


def _extend(
    chart: list[list[Item]],
    waiting: list[Item],
    node: _Node,
    start: int,
    end: int,
    values: tuple[Any, ...],
) -> None:
    """What becomes of a rule that has been read up to ``end``."""
    made = (make(*values) for make in node.makes)
    waiting.extend(Item(each.kind, each.value, start, end) for each in made if each)
    if not node.following:
        return
    for item in chart[end]:
        following = node.following.get(item.kind)
        if following and item.end - start <= MOST_TOKENS:
            longer = values if item.kind[0] == "=" else (*values, item.value)
            _extend(chart, waiting, following, start, item.end, longer)
