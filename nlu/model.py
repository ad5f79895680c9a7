"""A graph and its tokenizer: texts in, numbers about every word out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from nlu import windows
from nlu.chain import Chain
from nlu.parse import NO_CONTEXT, Context
from nlu.session import Float32, Outputs
from nlu.tokenizer import Batch, Tokenizer, Tokens, pad


class Reading:
    """A text waiting to be read; split into tokens when first asked, in the batcher's thread."""

    __slots__ = ("_context", "_tokenizer", "_windows", "text")

    def __init__(self, text: str, tokenizer: Tokenizer, context: Context = NO_CONTEXT) -> None:
        self.text, self._tokenizer, self._context = text, tokenizer, context
        self._windows: list[Tokens] | None = None

    @property
    def words(self) -> tuple[tuple[int, int], ...]:
        """Start and end of each word, in the text."""
        if len(self.windows) == 1:
            return self.tokens.words
        return tuple((word.start, word.end) for word in windows.words_of(self.windows))

    def blanked(self, start: int, end: int) -> Reading:
        """This text, whose words between ``start`` and ``end`` are not known."""
        found = Reading(self.text, self._tokenizer, self._context)
        blank = self._tokenizer.blank_id
        found._windows = [tokens.blanked(start, end, blank) for tokens in self.windows]
        return found

    @property
    def windows(self) -> list[Tokens]:
        """The tokens of the text, and of its context if the model reads that; of a text longer than
        the model reads, in several windows."""
        if self._windows is None:
            self._windows = self._tokenizer.windows(self.text, self._context)
        return self._windows

    @property
    def tokens(self) -> Tokens:
        """Those of the first window, which is all there is of nearly any text."""
        return self.windows[0]

    @property
    def length(self) -> int:
        """How many tokens the model reads, padding between windows included."""
        return len(self.windows) * max(len(window.ids) for window in self.windows)


@dataclass(frozen=True, slots=True)
class Scores:
    """What the model says of one text."""

    words: tuple[tuple[int, int], ...]  # start and end of each, in the text
    intents: Float32  # logits, (intents,)
    tags: Float32  # logits, (words, tags)
    sentence: Float32  # what it is about, (hidden,), of length 1


class Graph(Protocol):
    """What runs a batch: a ``Session``, or in training the model that is yet to be exported."""

    def run(self, batch: Batch) -> Outputs:
        """What it says of every row of ``batch``."""
        ...


class Model:
    """Reads texts. Not to be used from two threads at once.

    ``chain`` is what the tags of its words say of each other, where it has learnt that.
    """

    def __init__(self, session: Graph, tokenizer: Tokenizer, chain: Chain | None = None) -> None:
        self._session, self.tokenizer, self.chain = session, tokenizer, chain

    def read(self, readings: Sequence[Reading]) -> list[Scores]:
        """Scores of each, in order; all run as one batch."""
        texts = [reading.windows for reading in readings]
        rows = [window for text in texts for window in text]
        outputs = self._session.run(pad(rows, pad_id=self.tokenizer.pad_id))
        ends = list(accumulate(len(text) for text in texts))
        return [
            _scores(text, outputs, slice(end - len(text), end))
            for text, end in zip(texts, ends, strict=True)
        ]


def _scores(text: Sequence[Tokens], outputs: Outputs, rows: slice) -> Scores:
    """Of one text, from the ``rows`` of its windows: its intents and its sentence are their mean,
    weighted by how much of the text each is."""
    intents, tags, sentences = (
        part[rows] for part in (outputs.intent_logits, outputs.tag_logits, outputs.sentence)
    )
    if len(text) == 1:
        return Scores(text[0].words, intents[0], tags[0, list(text[0].firsts)], sentences[0])
    words, shares = windows.words_of(text), windows.shares(text)
    return Scores(
        words=tuple((word.start, word.end) for word in words),
        intents=shares @ intents,
        tags=windows.tags(words, list(tags)),
        sentence=windows.direction(sentences, shares),
    )
