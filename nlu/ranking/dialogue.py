"""A dialogue so far, written as one text for an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

# Of Unicode's private use, so that nobody's words hold them; each is a piece of its own in a
# ranker's vocabulary.
USER, AGENT = "\ue000", "\ue001"
_MARKS = {"user": USER, "agent": AGENT}
_UNMARKED = str.maketrans(dict.fromkeys((USER, AGENT), " "))


class Line(msgspec.Struct, frozen=True):
    """What one side said."""

    speaker: Literal["user", "agent"]
    text: str


def context_text(lines: Sequence[Line], *, most_lines: int) -> str:
    """The last lines of a dialogue, the latest first, so that what is cut off is the oldest."""
    return " ".join(_marked(line) for line in lines[-most_lines:][::-1])


def response_text(text: str) -> str:
    """A possible next line of the agent's."""
    return _marked(Line("agent", text))


def _marked(line: Line) -> str:
    return f"{_MARKS[line.speaker]} {line.text.translate(_UNMARKED)}"
