"""What went before a text, as a model reads it behind the text."""

from __future__ import annotations

from tokenizers import Tokenizer as Pieces

from nlu.parse import NO_CONTEXT, Context

CHARACTERS = 8  # of a part that may become one token at most; what is before them is not looked at


class ContextPieces:
    """Turns contexts into pieces.

    Args:
        pieces: Splits texts, and cuts none off.
        separator: Ends every part.
        most: Tokens of a context, separators included.
        turns: How many of the user's earlier turns are read.
    """

    def __init__(self, pieces: Pieces, separator: list[int], *, most: int, turns: int) -> None:
        self._pieces, self._separator = pieces, separator
        self._most, self._turns = most, turns

    def ids(self, context: Context) -> list[int]:
        """The pieces of ``context``: the slot in words, what the bot said, earlier turns.

        Of what is too long together the last parts are cut, which are the oldest; of one part its
        beginning, since a question stands at the end.
        """
        ids: list[int] = []
        if context == NO_CONTEXT:
            return ids
        slot = str(context.requested_slot or "").replace("_", " ")
        for part in (slot, context.bot_text or "", *context.earlier[: self._turns]):
            room = self._most - len(ids) - len(self._separator)
            if part and room > 0:
                end = part[-CHARACTERS * self._most :].encode("utf-8", "replace").decode()
                ids += self._pieces.encode(end, add_special_tokens=False).ids[-room:]
                ids += self._separator
        return ids
