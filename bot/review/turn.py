"""What a user wrote, with what went before and what came of it: what is learnt from."""

from __future__ import annotations

import msgspec

from bot.review.item import LOG, Said

Key = tuple[str, str, int]


class Turn(msgspec.Struct, frozen=True, omit_defaults=True):
    """One user turn of a log, without personal data.

    Attributes:
        origin: ``log`` for Parley's own, else the name of the import.
        seq: Of the user event in its conversation; for a file the line. 0 and less of what
            retention had ended before the conversation began anew.
        at: Seconds since 1970; 0 where nobody knows.
        before: What the bot, or the agent, said last before it.
        said: What the model said then, its best guess where it fell back; ``runner_up`` is how
            likely its second guess was.
        fell_back: Whether the intent was ``nlu_fallback``.
        actions: What the bot did then, without listening.
        replies: What it answered.
        agent: What a person answered instead.
        clicked: The intent of the button pressed next, without a word in between.
        is_reverted: Whether the bot took the turn back, as the two-stage fallback does.
        labelled: The intent that the log's author gave it; None in a log of a bot.
        scrub: Version of the rules that it was scrubbed by.
    """

    conversation_id: str
    seq: int
    text: str
    origin: str = LOG
    at: float = 0.0
    channel: str = ""
    before: str = ""
    said: Said = Said()
    runner_up: float = 0.0
    fell_back: bool = False
    actions: tuple[str, ...] = ()
    replies: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()
    clicked: str | None = None
    is_reverted: bool = False
    labelled: str | None = None
    scrub: str = ""

    @property
    def key(self) -> Key:
        """Unlike any other's."""
        return self.origin, self.conversation_id, self.seq


class BadRow(msgspec.Struct, frozen=True):
    """A row of a log that cannot be used: its line in the file, or its number in the conversation,
    and why.

    Nothing of its content is kept: it was not scrubbed.
    """

    origin: str
    line: int
    why: str
    conversation_id: str = ""
