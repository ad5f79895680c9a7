"""What people's corrections do at once, before any rebuild: accuracy with and without them.

    python tests/bench/corrections.py [--logs N ...] [--seed S] [--choose] [--keep FILE]

A model learns ten sentences of each intent of BANKING77. N further training sentences stand for
what users write. A person labels them all, or corrects those alone that the model got wrong; the
model that heeds it is then asked the test part. `--choose` tries other constants of
`nlu.corrections` on the validation part instead. FILE keeps what the model said, so that another
run need not train.

Prints one JSON line and a table.
"""

from __future__ import annotations

import argparse
import itertools
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
from line import show
from sets import banking77

import nlu.corrections
from bot.project.project import Example
from nlu.corrections import Belief, Corrections
from nlu.decode import softmax
from training.make import make
from training.recipe import load_recipe
from training.scope import Readings, read_all

MOST_LOGS = 2000


def main() -> None:
    """Measure."""
    options = _arguments()
    intents, told = heard(options.seed, options.keep)
    if options.choose:
        choose(intents, told)
        return
    logs, test = told["logs"], told["test"]
    rows = {
        f"{size} {what}": measure(intents, logs, test, size, errors=what == "wrong")
        for what in ("wrong", "all")
        for size in options.logs
    }
    print("| looked at; labelled | labels | accuracy | mended | broken |\n|---|---|---|---|---|")
    for name, row in rows.items():
        accuracy = f"{row['before']:.1f} to {row['after']:.1f}"
        print(f"| {name} | {row['labels']} | {accuracy} | {row['mended']} | {row['broken']} |")
    show("corrections", seed=options.seed, **rows)


def measure(
    intents: Sequence[str], logs: Readings, test: Readings, size: int, *, errors: bool
) -> dict[str, float]:
    """Of a model that heeds the labels of the first logs, or those of its errors among them."""
    corrections = Corrections(intents)
    for at in range(size):
        if not errors or logs.logits[at].argmax() != logs.columns[at]:
            corrections.put(str(at), logs.vectors[at], intents[logs.columns[at]])
    before = test.logits.argmax(axis=1) == test.columns
    beliefs = softmax(test.logits)
    mixed = [
        corrections.mixed(Belief(belief), vector).intents.argmax()
        for belief, vector in zip(beliefs, test.vectors, strict=True)
    ]
    after = np.array(mixed) == test.columns
    return {
        "labels": len(corrections),
        "before": 100 * float(before.mean()),
        "after": 100 * float(after.mean()),
        "mended": int((after & ~before).sum()),
        "broken": int((before & ~after).sum()),
    }


def choose(intents: Sequence[str], told: dict[str, Readings]) -> None:
    """Accuracy on the validation part for other constants."""
    for least, warmth in itertools.product((0.3, 0.4, 0.5, 0.6, 0.7), (0.02, 0.05, 0.1)):
        with patch.multiple(nlu.corrections, FROM=least, WARMTH=warmth):
            rows = [
                measure(intents, told["logs"], told["valid"], size, errors=errors)
                for errors in (True, False)
                for size in (200, 1000, 2000)
            ]
        print(
            f"from {least} warmth {warmth}: before {rows[0]['before']:.1f}, after",
            "  ".join(f"{row['after']:.1f} (+{row['mended']} -{row['broken']})" for row in rows),
        )


def heard(seed: int, keep: Path | None) -> tuple[list[str], dict[str, Readings]]:
    """The intents of a model of ten sentences each, and what it says of the logs and the parts."""
    if keep and keep.exists():
        with np.load(keep) as kept:
            parts = ("logs", "valid", "test")
            fields = ("logits", "vectors", "columns")
            return kept["intents"].tolist(), {
                part: Readings(*(kept[f"{part}_{name}"] for name in fields)) for part in parts
            }
    few, full = banking77.few(10), banking77.full()
    with tempfile.TemporaryDirectory() as scratch:
        made = make(few.train, load_recipe(seed=seed), Path(scratch))
        intents = list(made.trained.labels.intents)
        parts = {
            "logs": logs(few.train, few.valid, full.train),
            "valid": few.valid,
            "test": few.test,
        }
        told = {name: read_all(made.int8, part, intents) for name, part in parts.items()}
    if keep:
        arrays = {
            f"{part}_{name}": getattr(readings, name)
            for part, readings in told.items()
            for name in ("logits", "vectors", "columns")
        }
        np.savez(keep, intents=np.array(intents), **arrays)
    return intents, told


def logs(
    train: Sequence[Example], valid: Sequence[Example], full: Sequence[Example]
) -> list[Example]:
    """Sentences of the train part that the model has not learnt, nor will be chosen by."""
    seen = {example.text for example in (*train, *valid)}
    rest = [example for example in full if example.text not in seen]
    return random.Random(0).sample(rest, MOST_LOGS)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--logs", nargs="+", type=int, default=[100, 500, 1000, 2000], metavar="N")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--choose", action="store_true", help="on the validation part")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="an .npz file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
