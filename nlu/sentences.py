"""What sentences are about, as vectors, for those who cannot wait for the model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from nlu.session import Float32

MOST = 2048  # some 3 MB of vectors of 384 numbers

Read = Callable[[str], Awaitable[Float32]]


class Sentences:
    """The vectors of the texts read last. Lost, they are read again: a text has always the same.

    Args:
        version: Of the bundle that reads; vectors of two bundles do not compare.
        read: The vector of a text, by the model.
        most: So many are kept.
    """

    def __init__(self, version: str, read: Read, *, most: int = MOST) -> None:
        self.version = version
        self._read, self._most = read, most
        self._known: dict[str, Float32] = {}

    def of(self, text: str) -> Float32 | None:
        """The vector of ``text``, (hidden,), of length 1; None if it is not known yet."""
        return self._known.get(text)

    def keep(self, text: str, vector: Float32) -> None:
        """``vector`` is that of ``text``."""
        self._known.pop(text, None)  # what was kept last goes last
        self._known[text] = vector
        while len(self._known) > self._most:
            del self._known[next(iter(self._known))]

    async def know(self, texts: Iterable[str]) -> None:
        """Have those of ``texts`` read that are not known. Raises what the model raises."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        for text, vector in zip(
            missing, await asyncio.gather(*map(self._read, missing)), strict=True
        ):
            self.keep(text, vector)
