"""Public sets: our accuracy as served, in float32, and what others published, in one table.

    python tests/bench/nlu_accuracy.py --sets banking77-10 clinc150 --seeds 7 8 9 [--recipe FILE]

Trains the recipe once for each set and seed, and asks both graphs the test sentences one by one.
``--out NAME`` writes NAME.md and NAME.json; runs the JSON already holds are kept, so that a table
can be made in several sittings. Nothing is chosen here: what a recipe says was chosen elsewhere,
on sentences to train or validate on.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from nlu_sets import SETS, Asked, Entry, Metrics
from sets.parts import MissingSetError

from training.make import Made, make
from training.recipe import Recipe, load_recipe


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One model: of one set, recipe and seed."""

    set: str
    recipe: str  # its file's name; "default" without one
    recipe_hash: str
    seed: int
    int8: Metrics
    float32: Metrics
    seconds: float  # of training, wall
    cpu_seconds: float  # the same, all threads
    parameters: int
    megabytes: float  # of the graph that is served


def main() -> None:
    asked = _arguments()
    found = _before(asked.out)
    for name in asked.sets:
        for seed in asked.seeds:
            recipe = load_recipe(asked.recipe, seed=seed)
            if any((r.set, r.recipe_hash) == (name, recipe.hash) for r in found):
                continue
            try:
                found.append(measure(name, SETS[name], recipe, _named(asked.recipe)))
            except MissingSetError as missing:
                print(f"{name}: skipped, {missing}", file=sys.stderr)
                break
            print(msgspec.json.encode(found[-1]).decode(), flush=True)
            _write(asked.out, found)
    print(table(found))


def measure(name: str, entry: Entry, recipe: Recipe, recipe_name: str) -> Run:
    """Train, and score both graphs."""
    parts = entry.parts()
    with tempfile.TemporaryDirectory() as scratch:
        cpu = time.process_time()
        made = make(parts.train, recipe, Path(scratch), split=entry.split)
        cpu = time.process_time() - cpu
        megabytes = (Path(scratch) / "model.onnx").stat().st_size / 1e6
        int8, float32 = (
            entry.score(Asked(made, model, parts, recipe)) for model in (made.int8, made.float32)
        )
    return Run(
        set=name,
        recipe=recipe_name,
        recipe_hash=recipe.hash,
        seed=recipe.seed,
        int8=int8,
        float32=float32,
        seconds=round(made.seconds, 1),
        cpu_seconds=round(cpu, 1),
        parameters=_parameters(made),
        megabytes=round(megabytes, 1),
    )


def table(runs: Sequence[Run]) -> str:
    """Markdown: a row for each set, recipe and metric; the mean, and how far seeds lie apart."""
    lines = [
        "| set | recipe | metric | int8 | float32 | published | seeds | s | CPU s | million |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.set, run.recipe), []).append(run)
    for (name, recipe), group in groups.items():
        published = SETS[name].published
        for metric in group[0].int8:
            cells = (
                name,
                recipe,
                metric,
                spread([run.int8[metric] for run in group]),
                spread([run.float32[metric] for run in group]),
                published.get(metric, "—"),
                " ".join(str(run.seed) for run in group),
                f"{statistics.mean(run.seconds for run in group):.0f}",
                f"{statistics.mean(run.cpu_seconds for run in group):.0f}",
                f"{group[0].parameters / 1e6:.1f}",
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def spread(values: Sequence[float]) -> str:
    """The mean, and the sample standard deviation where there are two or more."""
    mean = f"{statistics.mean(values):.2f}"
    return f"{mean} ± {statistics.stdev(values):.2f}" if len(values) > 1 else mean


def _parameters(made: Made) -> int:
    return sum(weights.numel() for weights in made.trained.model.parameters())


def _named(recipe: Path | None) -> str:
    return recipe.stem if recipe else "default"


def _before(out: Path | None) -> list[Run]:
    path = out and out.with_suffix(".json")
    return msgspec.json.decode(path.read_bytes(), type=list[Run]) if path and path.exists() else []


def _write(out: Path | None, runs: Sequence[Run]) -> None:
    if out is None:
        return
    values: Any = msgspec.to_builtins(list(runs))
    out.with_suffix(".json").write_text(json.dumps(values, indent=1) + "\n", "utf-8")
    out.with_suffix(".md").write_text(table(runs), "utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sets",
        nargs="+",
        metavar="SET",
        choices=sorted(SETS),
        default=sorted(SETS),
        help=f"default: all of {', '.join(sorted(SETS))}",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[7, 8, 9])
    parser.add_argument("--recipe", type=Path, help="a TOML file; otherwise the default recipe")
    parser.add_argument("--out", type=Path, help="without its suffix: .md and .json are written")
    return parser.parse_args()


if __name__ == "__main__":
    main()
