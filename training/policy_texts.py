"""What users' words are about, for stories that tell them: read with the project's bundle."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bot.model.policy import told_texts
from bot.project.project import Project
from nlu.bundle import Bundle, open_bundle
from nlu.model import Reading
from nlu.registry import Registry
from nlu.session import Float32

MOST_OTHERS = 500  # sentences with an intent
TOO_ALIKE = 0.95  # cosine with words of a story: to the model they are those words


@dataclass(frozen=True, slots=True)
class Texts:
    """Vectors of length 1, of H numbers: of the words in stories, and of words in none of them."""

    version: str  # of the bundle that read them
    told: Mapping[str, torch.Tensor]  # (H,) each
    others: torch.Tensor  # (N, H), N may be 0

    @property
    def width(self) -> int:
        return self.others.shape[1]


def read_texts(project: Project, bundles: Registry, *, seed: int) -> Texts | None:
    """The vectors that the stories of ``project`` need, by its current bundle.

    None where they need none, or there is no bundle. Raises BundleError.
    """
    told = told_texts(project.stories)
    version = bundles.current()
    if not told or version is None:
        return None
    bundle = open_bundle(bundles.folder(version))
    written = sorted({example.text for example in project.nlu.examples} - {*told, ""})
    chosen = random.Random(seed).sample(written, min(len(written), MOST_OTHERS))
    vectors = _vectors(bundle, (*told, *chosen))
    mine, others = vectors[: len(told)], vectors[len(told) :]
    others = others[(others @ mine.T).max(1) < TOO_ALIKE] if len(others) else others
    return Texts(
        version,
        dict(zip(told, torch.from_numpy(mine), strict=True)),
        torch.from_numpy(others),
    )


def _vectors(bundle: Bundle, texts: Sequence[str]) -> Float32:
    """(texts, H); one at a time, as some graphs answer otherwise in company."""
    model = bundle.model
    return np.stack([model.read([Reading(text, model.tokenizer)])[0].sentence for text in texts])
