"""What a report tells."""

from __future__ import annotations

import msgspec

from training.watch.drift import Alarm, Shift


class Span(msgspec.Struct, frozen=True):
    """A stretch of time, in seconds since 1970; how many turns it has, how many were looked at."""

    begin: float
    end: float
    turns: int = 0
    sampled: int = 0


class Day(msgspec.Struct, frozen=True):
    """How a channel's conversations went that began on a day (UTC), and its turns of that day.

    ``handoffs`` are conversations that were given to a person; the others were contained.
    ``fallbacks`` are turns that the bot did not understand, or gave up on.
    """

    day: str
    channel: str
    turns: int = 0
    fallbacks: int = 0
    conversations: int = 0
    handoffs: int = 0


class Share(msgspec.Struct, frozen=True):
    """An intent's part of the turns looked at, in the reference and in the latest window, and its
    part of the stability index."""

    intent: str
    reference: float
    latest: float
    index: float


class Confused(msgspec.Struct, frozen=True):
    """How often the model said the one and people the other."""

    said: str
    right: str
    count: int


class Reviewed(msgspec.Struct, frozen=True):
    """Of what people labelled: how much, and how much the model had right. ``by_chance`` counts
    those alone that were drawn at random, which speak for all that is written."""

    labels: int = 0
    right: int = 0
    by_chance: int = 0
    by_chance_right: int = 0


class Report(msgspec.Struct, frozen=True):
    """All of it. ``windows`` are in order, the latest last; ``undated`` turns are in none."""

    created: str
    model: str
    reference: Span
    windows: tuple[Span, ...]
    days: tuple[Day, ...]
    shifts: tuple[Shift, ...]
    alarms: tuple[Alarm, ...]
    shares: tuple[Share, ...]
    reviewed: Reviewed
    confused: tuple[Confused, ...]
    undated: int = 0
