"""A log looked through once, in bounded memory: counts of all of it, a sample of each window."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from bot.model.rollout import FALLBACKS
from bot.review.turn import Turn
from training.watch.report import Day, Span

DAY_S = 86_400.0
HANDOFF = "action_human_handoff"
UNKNOWN = "unknown"
MOST_CHANNELS = 50  # that are told apart; a client may name its own


@dataclass(frozen=True, slots=True)
class Plan:
    """Which time is looked at: ``windows`` of ``window_s`` seconds up to ``until``, and
    ``reference_s`` before them. ``most`` turns of each window are read by the model, and twice as
    many of the reference."""

    until: float
    window_s: float = 7 * DAY_S
    windows: int = 4
    reference_s: float = 28 * DAY_S
    most: int = 1000

    def spans(self) -> list[Span]:
        """The reference, then the windows."""
        begin = self.until - self.windows * self.window_s
        starts = [begin + number * self.window_s for number in range(self.windows)]
        return [
            Span(begin - self.reference_s, begin),
            *(Span(start, start + self.window_s) for start in starts),
        ]


@dataclass(slots=True)
class Gathered:
    """What was found: ``samples`` and ``spans`` begin with the reference."""

    spans: list[Span]
    samples: list[list[Turn]]
    days: list[Day]
    undated: int = 0


@dataclass(slots=True)
class _Sample:
    """The turns with the lowest hashes: the same of the same log, in whatever order it is read."""

    most: int
    seen: int = 0
    _heap: list[tuple[int, int, Turn]] = field(default_factory=list)

    def put(self, turn: Turn) -> None:
        self.seen += 1
        drawn = sha256(repr(turn.key).encode()).digest()
        entry = (-int.from_bytes(drawn[:8]), self.seen, turn)
        if len(self._heap) < self.most:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def turns(self) -> list[Turn]:
        return sorted((turn for _, _, turn in self._heap), key=lambda turn: turn.key)


def gather(
    turns: Iterable[Turn], plan: Plan, *, watch: Callable[[int], None] = lambda turns: None
) -> Gathered:
    """Look through ``turns``, those of a conversation one after another."""
    spans = plan.spans()
    samples = [_Sample(plan.most * (2 if number == 0 else 1)) for number in range(len(spans))]
    days, undated = _Days(spans[0].begin, plan.until), 0
    for number, turn in enumerate(turns, 1):
        if not turn.at:
            undated += 1
            continue
        days.put(turn)
        for span, sample in zip(spans, samples, strict=True):
            if span.begin <= turn.at < span.end:
                sample.put(turn)
        if number % 1000 == 0:
            watch(number)
    days.end()
    found = [sample.turns() for sample in samples]
    told = [
        msgspec.structs.replace(span, turns=sample.seen, sampled=len(kept))
        for span, sample, kept in zip(spans, samples, found, strict=True)
    ]
    return Gathered(told, found, days.told(), undated)


class _Days:
    """Counts by day and channel; of a conversation it knows no more than the one at hand."""

    def __init__(self, begin: float, end: float) -> None:
        self._begin, self._end = begin, end
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._channels: dict[str, str] = {}
        self._open: tuple[str, str] | None = None
        self._place = ("", "")
        self._is_handed = False

    def put(self, turn: Turn) -> None:
        if not self._begin <= turn.at < self._end:
            return
        place = _day(turn.at), self._channel(turn.channel)
        if self._open != turn.key[:2]:
            self.end()
            self._open, self._place = turn.key[:2], place
            self._counts[*place, "conversations"] += 1
        self._counts[*place, "turns"] += 1
        self._counts[*place, "fallbacks"] += _fell_back(turn)
        self._is_handed |= bool(turn.agent) or HANDOFF in turn.actions

    def end(self) -> None:
        """No more comes of the conversation at hand."""
        if self._open:
            self._counts[*self._place, "handoffs"] += self._is_handed
        self._open, self._is_handed = None, False

    def told(self) -> list[Day]:
        places = sorted({(day, channel) for day, channel, _ in self._counts})
        names = ("turns", "fallbacks", "conversations", "handoffs")
        return [
            Day(day, channel, *(self._counts[day, channel, name] for name in names))
            for day, channel in places
        ]

    def _channel(self, name: str) -> str:
        if name not in self._channels and len(self._channels) < MOST_CHANNELS:
            self._channels[name] = name or UNKNOWN
        return self._channels.get(name, "other")


def _fell_back(turn: Turn) -> bool:
    return turn.fell_back or any(
        action in FALLBACKS and action != HANDOFF for action in turn.actions
    )


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def most_of(values: Sequence[str], most: int) -> list[str]:
    """The values that are there most often."""
    return [value for value, _ in Counter(values).most_common(most)]
