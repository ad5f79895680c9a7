"""From turns, a model and people's labels to a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

import numpy as np

from bot.review.item import LOG, ReviewItem
from bot.review.store import Reviews
from bot.review.turn import Turn
from nlu.bundle import Bundle
from training.mining.seen import see
from training.watch.drift import Parts, alarms, shifts
from training.watch.gather import Gathered, most_of
from training.watch.measures import Sample
from training.watch.report import Confused, Report, Reviewed, Share

MOST_CHANNELS = 5
MOST_INTENTS = 8  # in the reference, looked at one by one
MOST_CONFUSED = 50
OUTSIDE = "out of scope"
PAGE = 500


def build(
    gathered: Gathered,
    bundle: Bundle,
    reviewed: tuple[Reviewed, Sequence[Confused]],
    *,
    now: float,
    seed: int = 0,
    watch: Callable[[int], None] = lambda read: None,
) -> Report:
    """The whole report; ``watch`` is told how many texts the model read."""
    samples, intents = _samples(gathered.samples, bundle, watch)
    parts = _parts(gathered.samples, samples, intents)
    found = tuple(shifts(parts, seed=seed))
    return Report(
        created=datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        model=bundle.manifest.version,
        reference=gathered.spans[0],
        windows=tuple(gathered.spans[1:]),
        days=tuple(gathered.days),
        shifts=found,
        alarms=tuple(alarms(found)),
        shares=tuple(_shares(samples, intents)),
        reviewed=reviewed[0],
        confused=tuple(reviewed[1]),
        undated=gathered.undated,
    )


def _samples(
    turns: Sequence[Sequence[Turn]], bundle: Bundle, watch: Callable[[int], None]
) -> tuple[list[Sample], list[str]]:
    """What the model makes of each span's turns, and the names of the intents it found."""
    flat = [turn for span in turns for turn in span]
    seen = see(flat, bundle, watch=watch)
    intents = sorted(set(seen.intents))
    column = {name: number for number, name in enumerate(intents)}
    names = {name: number for number, name in enumerate(dict.fromkeys(t.key[:2] for t in flat))}
    whole = Sample(
        conversations=np.array([names[turn.key[:2]] for turn in flat], np.int64),
        intents=np.array([column[name] for name in seen.intents], np.int64),
        confidences=seen.confidences,
        inside=seen.inside,
        pieces=np.array([_pieces(turn.text, bundle) for turn in flat], np.float64),
        vectors=seen.vectors,
    )
    ends = np.cumsum([len(span) for span in turns])
    return [whole.of(which) for which in np.split(np.arange(len(flat)), ends[:-1])], intents


def _pieces(text: str, bundle: Bundle) -> float:
    """Word pieces of a word."""
    tokens = bundle.model.tokenizer.encode(text)
    special = 2  # one begins a text, one ends it
    return max(len(tokens.ids) - special, 0) / max(len(tokens.words), 1)


def _parts(
    turns: Sequence[Sequence[Turn]], samples: Sequence[Sample], intents: Sequence[str]
) -> Parts:
    """All turns, those of the channels and those of the intents that the reference has most of."""
    parts = {"all": (samples[0], samples[1:])}
    for name in most_of([turn.channel for turn in turns[0]], MOST_CHANNELS):
        which = [np.array([t.channel == name for t in span], np.bool_) for span in turns]
        own = [one.of(mask) for one, mask in zip(samples, which, strict=True)]
        if len(own[0]) < len(samples[0]):
            parts[f"channel {name or 'unknown'}"] = own[0], own[1:]
    for name in most_of([intents[at] for at in samples[0].intents], MOST_INTENTS):
        own = [one.of(one.intents == intents.index(name)) for one in samples]
        parts[f"intent {name}"] = own[0], own[1:]
    return parts


def _shares(samples: Sequence[Sample], intents: Sequence[str]) -> list[Share]:
    """Every intent, that which moved most first."""
    before, after = (
        np.bincount(one.intents, minlength=len(intents)) for one in (samples[0], samples[-1])
    )
    if not before.sum() or not after.sum():
        return []
    old, new = ((count + 0.5) / (count + 0.5).sum() for count in (before, after))
    moved = (new - old) * np.log(new / old)
    return [
        Share(
            intents[at],
            float(before[at] / before.sum()),
            float(after[at] / after.sum()),
            float(moved[at]),
        )
        for at in np.argsort(-moved, kind="stable").tolist()
    ]


async def reviewed(
    reviews: Reviews, *, begin: float, end: float
) -> tuple[Reviewed, list[Confused]]:
    """What people said of what the model said, of turns written between the two times.

    One item is in memory at a time, and how often each pair of intents was confused.
    """
    counts: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    async for item in _decided(reviews):
        decision = item.decision
        if decision is None or decision.kind != "person" or item.origin != LOG:
            continue
        if not item.conversation_id or not begin <= item.at < end:
            continue
        said, right = item.said.intent or OUTSIDE, decision.intent or OUTSIDE
        kinds = ("labels", "by_chance") if item.share == "random" else ("labels",)
        for kind in kinds:
            counts[kind] += 1
            counts["right" if kind == "labels" else "by_chance_right"] += said == right
        if said != right:
            pairs[said, right] += 1
    told = [Confused(*pair, count) for pair, count in pairs.most_common(MOST_CONFUSED)]
    return Reviewed(**counts), told


async def _decided(reviews: Reviews) -> AsyncIterator[ReviewItem]:
    after = 0
    while page := await reviews.decided(after=after, limit=PAGE):
        for item in page:
            yield item
        after = page[-1].revision
