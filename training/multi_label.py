"""Learning messages with several intents: each is in a message or not, whatever the others are.

``bot.project.multi_intents`` says which projects want that.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, normalize

from bot.project.project import Example
from nlu.several import Several, parts_of

Float32 = npt.NDArray[np.float32]

NAME = "<the name of an intent>"  # as the file of an example; no file is called so


def several_of(labels: Iterable[str], split: str) -> Several | None:
    """The intents in ``labels``; None where none has more than one.

    They are in the order in which labels name them, on the mean, so that a combination no label
    has is named as a person would.
    """
    names = sorted(set(labels))
    places: dict[str, list[float]] = defaultdict(list)
    for name in names:
        parts = parts_of(name, split) if split else [name]
        for place, part in enumerate(parts):
            if len(parts) > 1:
                places[part].append(place / (len(parts) - 1))
            else:
                places[part] += []
    if not any(places.values()):
        return None
    middle = {part: sum(found) / len(found) if found else 0.5 for part, found in places.items()}
    return Several(
        tuple(sorted(middle, key=lambda part: (middle[part], part))), tuple(names), split
    )


def with_names(examples: Sequence[Example], split: str) -> list[Example]:
    """``examples``, and of each intent that combinations are made of its name, in words.

    Combinations are many, and sentences of one intent alone few, so its name says a lot: on NLU++,
    with a frozen encoder and a hundred sentences, F1 is 69 with names and 63 without.
    """
    several = several_of((example.intent for example in examples), split)
    if several is None:
        return list(examples)
    names = ((name, " ".join(re.findall(r"[^\W_]+", name))) for name in several.intents)
    more = (Example(text=words, intent=name, file=NAME) for name, words in names if words)
    return [*examples, *more]


def is_name(example: Example) -> bool:
    """Whether ``example`` is an intent's name, in which no entity stands and none is missing."""
    return example.file == NAME


@dataclass(frozen=True, slots=True)
class Targets:
    """Which intents each label has, (labels, intents), 1 or 0."""

    members: torch.Tensor

    @classmethod
    def of(cls, several: Several, labels: Sequence[str]) -> Targets:
        """The targets of ``labels``, in their order."""
        members = torch.zeros(len(labels), len(several.intents))
        for row, name in enumerate(labels):
            members[row, sorted(several.members(name))] = 1.0
        return cls(members)

    def to(self, device: torch.device) -> Targets:
        """The same on ``device``."""
        return Targets(self.members.to(device))

    @torch.no_grad()
    def begin(
        self, head: nn.Linear, vectors: torch.Tensor, labels: torch.Tensor, *, scale: float
    ) -> None:
        """Set ``head`` to scale x cosine with what tells an intent's sentences from the others.

        Args:
            vectors: Of the sentences, (sentences, hidden).
            labels: Of each sentence, (sentences,).
            scale: The cosine midway between both means is where an intent is as likely as not.
        """
        wanted = self.members[labels].T  # (intents, sentences)
        own = wanted @ vectors / wanted.sum(1, keepdim=True).clamp(min=1)
        others = (1 - wanted) @ vectors / (1 - wanted).sum(1, keepdim=True).clamp(min=1)
        head.weight.copy_(scale * normalize(own - others, dim=-1))
        head.bias.copy_(-(head.weight * (own + others) / 2).sum(1))

    def losses(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """How far the (B, intents) logits are from the intents that (B,) labels have, (B,).

        The sum over the intents, so that an intent weighs as much as in a softmax. What is not in a
        message is by far the most, so what is easily seen of it counts less, by the square of how
        unsure the model is (Ridnik and others 2021, Asymmetric loss for multi-label
        classification, arXiv 2009.14119). Labels are not smoothed: with that it does harm.
        """
        wanted = self.members.to(logits.device)[labels]  # (B, intents)
        plain = binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        unsure = torch.where(wanted > 0, 1.0, logits.detach().sigmoid().square())
        return (plain * unsure).sum(dim=-1)


def each_apart(
    logits: Float32, members: Sequence[frozenset[int]]
) -> tuple[Float32, npt.NDArray[np.int64]]:
    """Every intent of every sentence as a choice of two, yes or no: logits (n x intents, 2) and
    which of both is right."""
    wrong = np.ones(logits.shape, dtype=np.int64)
    for row, columns in enumerate(members):
        wrong[row, sorted(columns)] = 0
    yes = logits.reshape(-1)
    return np.stack([yes, np.zeros_like(yes)], axis=1), wrong.reshape(-1)
