"""A graph and its tokenizer: texts in, numbers about every word out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nlu.parse import NO_CONTEXT, Context
from nlu.session import Float32, Session
from nlu.tokenizer import Tokenizer, Tokens, pad


class Reading:
    """A text waiting to be read; split into tokens when first asked, in the batcher's thread."""

    __slots__ = ("_context", "_tokenizer", "_tokens", "text")

    def __init__(self, text: str, tokenizer: Tokenizer, context: Context = NO_CONTEXT) -> None:
        self.text, self._tokenizer, self._context = text, tokenizer, context
        self._tokens: Tokens | None = None

    @property
    def tokens(self) -> Tokens:
        """The tokens of the text, and of its context if the model reads that."""
        if self._tokens is None:
            self._tokens = self._tokenizer.encode(self.text, self._context)
        return self._tokens


@dataclass(frozen=True, slots=True)
class Scores:
    """What the model says of one text."""

    words: tuple[tuple[int, int], ...]  # start and end of each, in the text
    intents: Float32  # logits, (intents,)
    tags: Float32  # logits, (words, tags)
    sentence: Float32  # what it is about, (hidden,), of length 1


class Model:
    """Reads texts. Not to be used from two threads at once."""

    def __init__(self, session: Session, tokenizer: Tokenizer) -> None:
        self._session, self.tokenizer = session, tokenizer

    def read(self, readings: Sequence[Reading]) -> list[Scores]:
        """Scores of each, in order; all run as one batch."""
        rows = [reading.tokens for reading in readings]
        outputs = self._session.run(pad(rows, pad_id=self.tokenizer.pad_id))
        return [
            Scores(
                words=row.words,
                intents=outputs.intent_logits[index],
                tags=outputs.tag_logits[index, list(row.firsts)],
                sentence=outputs.sentence[index],
            )
            for index, row in enumerate(rows)
        ]
