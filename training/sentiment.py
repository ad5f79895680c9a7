"""How users feel, learnt beside what they want: what examples say of it, and the head's numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from bot.errors import ProjectError
from bot.project.hashes import SENTIMENT
from bot.project.project import Example
from nlu.model import Model
from nlu.sentiment import SentimentHead
from training.calibration import fit_temperature
from training.scope import outputs_of

UNTOLD = -100  # what cross_entropy passes over: examples that say nothing of it


class SentimentScores(msgspec.Struct, frozen=True):
    """Over the sentences that have a sentiment: how often it was told, and the mean over the
    sentiments of how often each was."""

    sentences: int
    accuracy: float
    macro_recall: float


def sentiment_of(example: Example) -> str | None:
    """What ``example`` says of how its user feels; raises ProjectError for what is no name."""
    named = example.metadata.get(SENTIMENT)
    if named is None or (isinstance(named, str) and named.strip()):
        return named.strip() if named else None
    raise ProjectError(
        f"{SENTIMENT} is {named!r}.",
        file=example.file,
        line=example.line or None,
        suggestion="Give a name, such as negative, neutral or positive.",
    )


def sentiments_of(examples: Sequence[Example]) -> tuple[str, ...]:
    """The sentiments to tell apart, sorted; none where the examples have fewer than two."""
    named = sorted({name for example in examples if (name := sentiment_of(example))})
    return tuple(named) if len(named) > 1 else ()


@torch.no_grad()
def begin(head: nn.Linear, vectors: torch.Tensor, columns: torch.Tensor, *, scale: float) -> None:
    """Set ``head`` to scale x cosine with what tells a sentiment's sentences from the others.

    Args:
        vectors: Of the sentences, (sentences, hidden).
        columns: Of each sentence, (sentences,); UNTOLD where it says nothing.
    """
    known = columns != UNTOLD
    vectors, columns = vectors[known], columns[known]
    sums = torch.zeros_like(head.weight).index_add_(0, columns, vectors)
    counts = torch.bincount(columns, minlength=head.out_features)[:, None].clamp(min=1)
    apart = sums / counts - (sums / counts).mean(0)
    head.weight.copy_(scale * normalize(apart, dim=-1))
    head.bias.copy_(-(head.weight @ (sums / counts).mean(0)))


def loss(logits: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """The mean cross-entropy of the (B, sentiments) logits over the examples that have one."""
    total = cross_entropy(logits.float(), columns, ignore_index=UNTOLD, reduction="sum")
    return total / (columns != UNTOLD).sum().clamp(min=1)  # there may be none in a whole batch


def served_head(head: nn.Linear, names: tuple[str, ...]) -> SentimentHead:
    """``head`` as it is served, not calibrated yet."""
    weight, bias = (each.detach().float().numpy() for each in (head.weight, head.bias))
    return SentimentHead(names, weight, bias)


def calibrated(head: SentimentHead, model: Model, kept_back: Sequence[Example]) -> SentimentHead:
    """``head``, as sure of what ``model`` reads as it is right on ``kept_back``."""
    names, weight, bias = head.names, head.weight, head.bias
    told = [example for example in kept_back if sentiment_of(example) in names]
    vectors = outputs_of(model, told)[1] if told else np.zeros((0, weight.shape[1]), np.float32)
    columns = [names.index(sentiment_of(example) or "") for example in told]
    temperature = fit_temperature(vectors @ weight.T + bias, columns, smoothing=0.0)
    return SentimentHead(names, weight, bias, temperature)


def score_sentiment(
    head: SentimentHead, model: Model, examples: Sequence[Example]
) -> SentimentScores | None:
    """How right ``head`` is on ``examples``; None where none of them has a sentiment it knows."""
    told = [example for example in examples if sentiment_of(example) in head.names]
    if not told:
        return None
    of, right = Counter[str](), Counter[str]()
    for example, vector in zip(told, outputs_of(model, told)[1], strict=True):
        name = sentiment_of(example) or ""
        of[name] += 1
        right[name] += head.of(vector).name == name
    return SentimentScores(
        sentences=len(told),
        accuracy=round(right.total() / len(told), 4),
        macro_recall=round(sum(right[name] / of[name] for name in of) / len(of), 4),
    )
