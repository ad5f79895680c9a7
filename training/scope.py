"""Learning what is out of scope, mostly from sentences that are in scope.

Sentences that were kept back from training tell what a text in scope looks like to the model. What
one out of scope looks like is told by leaving out intents: without an intent's column, centre and
sentences, its own kept-back sentences are about something the bot does not know. A project that
has examples of an ``out_of_scope`` intent adds what was kept back of those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bot.project.project import Example
from nlu.decode import softmax
from nlu.model import Model, Reading
from nlu.scope import SIGNS, Float32, Float64, Floats, Scope
from training.calibration import Thresholds, thresholds
from training.context import first_context

OUTSIDE = ("out_of_scope", "nlu_fallback")  # Rasa's names for what a bot is not for
FOLDS = 5  # into which intents are divided to be left out
MOST_VECTORS = 1500  # to be near to: each costs a serving core 384 multiplications a message
BATCH = 16

# Where signs lie of sentences in scope, and how far apart, in sets of 300 to 15,000 sentences
# (tests/bench/RESULTS.md, "What is out of scope"). They count as so many sentences of a project's
# own, so that a project with none to keep back has them alone.
TYPICAL_MEAN = np.array([-0.5, -0.5, 0.89])
TYPICAL_SCALE = np.array([0.85, 0.8, 0.1])
COUNTS_AS = 20
# The regression's own start, from which few sentences move it little.
TYPICAL_WEIGHTS = np.array([0.6, 1.0, 0.6])
TYPICAL_BIAS = 5.0
TYPICAL_SHARE = 0.15  # of messages out of scope, for which it is meant
TRUST = 50.0  # precision of that start: intents left out are easier to tell than real strangers

SHRUNK = 5  # sentences of its own that an intent's height needs to count half


@dataclass(frozen=True, slots=True)
class Readings:
    """What the model made of sentences: logits (n, intents), vectors (n, hidden), and the column
    of each sentence's intent (n,)."""

    logits: Float32
    vectors: Float32
    columns: np.ndarray

    def of(self, chosen: np.ndarray) -> Readings:
        """The readings that ``chosen`` picks."""
        return Readings(self.logits[chosen], self.vectors[chosen], self.columns[chosen])


def read_all(model: Model, examples: Sequence[Example], intents: Sequence[str]) -> Readings:
    """What ``model`` makes of ``examples``, whose intents are among ``intents``."""
    if not examples:
        none = np.zeros((0, 1), np.float32)
        return Readings(none, none, np.zeros(0, np.int64))
    column = {name: number for number, name in enumerate(intents)}
    logits, vectors = outputs_of(model, examples)
    return Readings(logits, vectors, np.array([column[e.intent] for e in examples], dtype=np.int64))


def outputs_of(model: Model, examples: Sequence[Example]) -> tuple[Float32, Float32]:
    """The logits (n, intents) and vectors (n, hidden) of one example or more, shorter ones read
    first in batches of about one length."""
    tokenizer = model.tokenizer
    readings = [Reading(each.text, tokenizer, first_context(each)) for each in examples]
    order = sorted(range(len(readings)), key=lambda i: len(readings[i].tokens.ids))
    logits: dict[int, Float32] = {}
    vectors: dict[int, Float32] = {}
    for begin in range(0, len(order), BATCH):
        part = order[begin : begin + BATCH]
        for i, scores in zip(part, model.read([readings[i] for i in part]), strict=True):
            logits[i], vectors[i] = scores.intents, scores.sentence
    every = range(len(examples))
    return (
        np.array([logits[i] for i in every], dtype=np.float32).reshape(len(examples), -1),
        np.array([vectors[i] for i in every], dtype=np.float32).reshape(len(examples), -1),
    )


def outside_intent(intents: Sequence[str]) -> str:
    """The project's own intent for what it is not for, without retrieval answer; else empty."""
    bases = {name.partition("/")[0] for name in intents}
    return next((name for name in OUTSIDE if name in bases), "")


@dataclass(frozen=True, slots=True)
class Fitted:
    """A scope, and what it was fitted on: ``inside`` are sentences in scope, of which the model was
    so sure (n,), with what lead (n,), and right or not; of the others it was ``outside`` sure."""

    scope: Scope
    sure: Float64
    lead: Float64
    right: np.ndarray
    outside: Float64

    @property
    def thresholds(self) -> Thresholds | None:
        """What they suggest for config.yml."""
        return thresholds(self.sure[self.right], self.lead[self.right], self.outside)


def fit_scope(
    learnt: Readings,
    kept_back: Readings,
    intents: Sequence[str],
    *,
    share: float,
    temperature: float,
    seed: int,
) -> Fitted | None:
    """The scope of a model.

    Args:
        learnt: Sentences of the training.
        kept_back: Sentences the model was not trained on; may be none.
        intents: The names of the columns.
        share: Of the messages that a bot gets, how many are expected to be out of scope.
        temperature: Divides the logits; what the model is sure of counts it.

    None where fewer than two intents are in scope.
    """
    known = np.array([name.partition("/")[0] not in OUTSIDE for name in intents])
    if known.sum() < 2 or not known[learnt.columns].any():
        return None
    if not len(kept_back.columns):
        kept_back = learnt.of(kept_back.columns)  # none, but of the right width
    rng = np.random.default_rng(seed)
    scope = place(learnt, known, rng)
    inside = kept_back.of(known[kept_back.columns])
    strangers = _strangers(scope, learnt, kept_back, temperature, rng)
    signs = scope.signs(inside.logits, inside.vectors)
    scope = _weighed(scope, signs, strangers.signs, share)
    ranked = np.sort(softmax(inside.logits / temperature), axis=1)
    believed = scope.probabilities(inside.logits, inside.vectors)
    return Fitted(
        scope=scope,
        sure=ranked[:, -1] * believed,
        lead=(ranked[:, -1] - ranked[:, -2]) * believed,
        right=inside.logits.argmax(axis=1) == inside.columns,
        outside=strangers.sure * scope.believed(strangers.signs),
    )


def place(learnt: Readings, known: np.ndarray, rng: np.random.Generator) -> Scope:
    """Where the intents that are ``known`` lie; how much each sign weighs is as is typical."""
    learnt = learnt.of(known[learnt.columns])
    names = np.flatnonzero(known)
    counts = np.bincount(learnt.columns, minlength=len(known))
    sums = np.zeros((len(known), learnt.vectors.shape[1]))
    np.add.at(sums, learnt.columns, learnt.vectors)
    means = sums / np.maximum(counts, 1)[:, None]
    whitening = whiten(learnt.vectors - means[learnt.columns])
    spread = ((learnt.vectors - means[learnt.columns]) @ whitening) ** 2
    chosen = _chosen(learnt, rng)
    return Scope(
        heights=_heights(learnt, known),
        known=known,
        centres=means[names].astype(np.float32),
        whitening=whitening.astype(np.float32),
        typical=max(float(spread.sum(axis=1).mean()), 1e-6),
        vectors=learnt.vectors[chosen],
        mean=TYPICAL_MEAN,
        scale=TYPICAL_SCALE,
        weights=TYPICAL_WEIGHTS,
        bias=TYPICAL_BIAS,
    )


def whiten(apart: Floats) -> Float64:
    """The inverse square root of the covariance of rows around 0, (hidden, hidden), the covariance
    shrunk as much as fits its size (Ledoit and Wolf 2004, A well-conditioned estimator)."""
    rows, size = apart.shape
    covariance = apart.T @ apart / rows
    even = np.trace(covariance) / size
    far = ((covariance - even * np.eye(size)) ** 2).sum()
    noise = (((apart**2).T @ apart**2).sum() / rows - (covariance**2).sum()) / rows
    shrink = min(1.0, noise / far) if far > 0 else 1.0
    values, vectors = np.linalg.eigh((1 - shrink) * covariance + shrink * even * np.eye(size))
    # float16 holds what is at most 65,504 times as large as 1.
    return np.asarray(vectors / np.sqrt(np.maximum(values, max(even * 1e-6, 1e-8))))


def _heights(learnt: Readings, known: np.ndarray) -> Float32:
    """Each intent's mean highest logit, of few sentences nearer to that of all."""
    top = np.where(known, learnt.logits, -np.inf).max(axis=1)
    counts = np.bincount(learnt.columns, minlength=len(known))
    sums = np.bincount(learnt.columns, weights=top, minlength=len(known))
    return np.asarray((sums + SHRUNK * top.mean()) / (counts + SHRUNK), dtype=np.float32)


def _chosen(learnt: Readings, rng: np.random.Generator) -> np.ndarray:
    """Sentences that stand for all: of each intent its share, those farthest from each other
    (the greedy k-centre of Gonzalez 1985)."""
    rows = np.arange(len(learnt.columns))
    if len(rows) <= MOST_VECTORS:
        return rows
    columns, counts = np.unique(learnt.columns, return_counts=True)
    quota = np.maximum(counts * MOST_VECTORS // len(rows), 1)
    picked: list[int] = []
    for column, count in zip(columns, quota, strict=True):
        own = rng.permutation(rows[learnt.columns == column])
        picked += _farthest(learnt.vectors[own], own, int(count))
    return np.array(sorted(picked[:MOST_VECTORS] if len(columns) > MOST_VECTORS else picked))


def _farthest(vectors: Float32, rows: np.ndarray, count: int) -> list[int]:
    nearness = vectors @ vectors.mean(axis=0)
    chosen = [int(nearness.argmax())]  # the most typical
    nearness = vectors @ vectors[chosen[0]]
    while len(chosen) < min(count, len(rows)):
        chosen.append(int(nearness.argmin()))
        nearness = np.maximum(nearness, vectors @ vectors[chosen[-1]])
    return [int(rows[i]) for i in chosen]


@dataclass(frozen=True, slots=True)
class _Strangers:
    """Sentences out of scope: their signs (n, SIGNS), and the likeliest intent's share (n,)."""

    signs: Float64
    sure: Float64


def _strangers(
    scope: Scope,
    learnt: Readings,
    kept_back: Readings,
    temperature: float,
    rng: np.random.Generator,
) -> _Strangers:
    """What was kept back of intents that are out of scope, or are for once."""
    known = scope.known
    folds = np.full(len(known), -1)
    folds[known] = rng.permutation(int(known.sum())) % FOLDS
    signs, sure = [np.zeros((0, SIGNS))], [np.zeros(0)]
    for fold in range(-1, FOLDS):
        rest = known & (folds != fold) if fold >= 0 else known
        out = kept_back.of(folds[kept_back.columns] == fold)
        if not len(out.columns) or not rest[learnt.columns].any():
            continue
        place_of_rest = place(learnt, rest, rng) if fold >= 0 else scope
        signs.append(place_of_rest.signs(out.logits, out.vectors))
        sure.append(softmax(out.logits[:, rest] / temperature).max(axis=1))
    return _Strangers(np.concatenate(signs), np.concatenate(sure))


def _weighed(scope: Scope, inside: Float64, outside: Float64, share: float) -> Scope:
    """``scope`` with the numbers that make a probability of its signs."""
    if not len(inside):
        return replace(scope, bias=scope.bias + _odds(TYPICAL_SHARE) - _odds(share))
    trust = len(inside) / (len(inside) + COUNTS_AS)
    mean = trust * inside.mean(axis=0) + (1 - trust) * TYPICAL_MEAN
    scale = trust * inside.std(axis=0) + (1 - trust) * TYPICAL_SCALE
    scale = np.maximum(scale, TYPICAL_SCALE / 10)
    rows = (np.concatenate([inside, outside]) - mean) / scale
    right = np.r_[np.ones(len(inside)), np.zeros(len(outside))]
    # As if of all messages ``share`` were out of scope.
    counts = np.where(right == 1, 1.0, share / (1 - share) * len(inside) / max(len(outside), 1))
    start = np.r_[TYPICAL_WEIGHTS, TYPICAL_BIAS + _odds(TYPICAL_SHARE) - _odds(share)]
    fitted = regress(rows, right, counts, start)
    return replace(scope, mean=mean, scale=scale, weights=fitted[:-1], bias=float(fitted[-1]))


def _odds(share: float) -> float:
    return float(np.log(share / (1 - share)))


def regress(rows: Float64, right: Float64, counts: Float64, start: Float64) -> Float64:
    """Logistic regression with a normal prior around ``start``; the last number is the bias.

    No sign is let speak for the contrary of what it means: weights below 0 become 0.
    """
    x = np.column_stack([rows, np.ones(len(rows))])
    found = start.copy()
    for _ in range(50):  # Newton's steps; a dozen do
        p: Float64 = 1 / (1 + np.exp(-np.clip(x @ found, -30, 30)))
        slope = x.T @ (counts * (right - p)) - TRUST * (found - start)
        bend = (x * (counts * p * (1 - p))[:, None]).T @ x + TRUST * np.eye(x.shape[1])
        step = np.linalg.solve(bend, slope)
        found = found + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-6:
            break
    return np.asarray([*np.maximum(found[:-1], 0.0), found[-1]], dtype=np.float64)
