"""Wrong labels planted, suspected, set right: what it costs and what it brings.

    python tests/bench/label_noise.py --seeds 7

All of BANKING77's training part, or so many sentences of each intent (`--shots`); of a tenth of
their labels another is put, any or one of the five nearest (`--near`). A reviewer looks at the
first 15 % that are suggested and sets right what is wrong there. Three models learn the wrong
labels, those set right, and the clean ones; each answers the 3,080 test sentences. Intervals are
95 %, of a difference by a bootstrap over sentences.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from line import show
from mining import encoded
from sets import banking77

from bot.project.project import Example
from training.evaluate import wilson
from training.make import make
from training.mining.suspects import suspects
from training.recipe import load_recipe

LOOKED_AT = 0.15
NOISE = 0.1
# Two of six layers learn, nothing is kept back: three models in minutes, all alike.
SMALLER = {
    "small": 20_000,
    "small_frozen": 0.67,
    "small_decay": 1.0,
    "small_holdout": 0.0,
    "out_of_scope": 0.0,
}

Rights = npt.NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shots", type=int, default=1000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--near", action="store_true", help="labels of the nearest intents")
    wanted = parser.parse_args()
    for seed in wanted.seeds:
        one_draw(wanted, seed)


def one_draw(wanted: argparse.Namespace, seed: int) -> None:
    """Three models of one draw."""
    parts, rng = banking77.full(), random.Random(seed)
    clean = drawn(parts.train, wanted.shots, rng)
    vectors = encoded([each.text for each in clean])
    noisy, wrong = planted(clean, vectors, rng, near=wanted.near)
    looked_at = [one.index for one in suspects(noisy, vectors)][: int(LOOKED_AT * len(noisy))]
    mended = list(noisy)
    for index in looked_at:
        mended[index] = clean[index]
    found = len(wrong & set(looked_at))
    kind = "near" if wanted.near else "any"
    about = {"seed": seed, "kind": kind, "sentences": len(clean), "wrong": len(wrong)}
    show("label_noise", **about, looked_at=len(looked_at), found=found)
    right = {
        name: rights(examples, parts.test, wanted.epochs, seed, name)
        for name, examples in (("clean", clean), ("noisy", noisy), ("mended", mended))
    }
    for name, one in right.items():
        low, high = wilson(int(one.sum()), len(one))
        interval = [round(100 * low, 1), round(100 * high, 1)]
        accuracy = round(100 * float(one.mean()), 1)
        less = difference(one, right["clean"])
        show("label_noise", **about, arm=name, accuracy=accuracy, interval=interval, **less)


def drawn(examples: Sequence[Example], shots: int, rng: random.Random) -> list[Example]:
    """``shots`` of each intent, or all it has."""
    by_intent = defaultdict(list)
    for each in examples:
        by_intent[each.intent].append(each)
    return [
        each
        for _, same in sorted(by_intent.items())
        for each in rng.sample(same, min(shots, len(same)))
    ]


def planted(
    examples: Sequence[Example], vectors: npt.NDArray[np.float32], rng: random.Random, *, near: bool
) -> tuple[list[Example], set[int]]:
    """The examples with wrong labels among them, and where these are."""
    names = sorted({each.intent for each in examples})
    labels = np.array([names.index(each.intent) for each in examples])
    centres = np.stack([vectors[labels == one].mean(axis=0) for one in range(len(names))])
    alike = np.argsort(-(centres @ centres.T), axis=1)
    noisy, wrong = list(examples), set(rng.sample(range(len(examples)), int(NOISE * len(examples))))
    for index in sorted(wrong):
        others = [int(one) for one in alike[labels[index]] if one != labels[index]]
        name = names[rng.choice(others[:5] if near else others)]
        noisy[index] = Example(examples[index].text, name)
    return noisy, wrong


def rights(
    examples: Sequence[Example], tests: Sequence[Example], epochs: int, seed: int, name: str
) -> Rights:
    """Which of ``tests`` a model of ``examples`` answers rightly."""
    recipe = msgspec.structs.replace(load_recipe(seed=seed), epochs=epochs, **SMALLER)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        said = make(examples, recipe, Path(scratch)).ask(tests)
    print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return np.array([each.intent == one.intent for each, one in zip(tests, said, strict=True)])


def difference(one: Rights, other: Rights) -> dict[str, object]:
    """``one`` less ``other`` in points."""
    differs = one.astype(float) - other
    drawn = np.random.default_rng(0).integers(len(differs), size=(2000, len(differs)))
    low, high = np.quantile(differs[drawn].mean(axis=1), (0.025, 0.975))
    return {
        "less_clean": round(100 * float(differs.mean()), 1),
        "less_clean_interval": [round(100 * float(low), 1), round(100 * float(high), 1)],
    }


if __name__ == "__main__":
    main()
