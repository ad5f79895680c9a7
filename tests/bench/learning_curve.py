"""What a budget of labels brings, mined and at random, cheaply: several domains, several seeds.

    python -m tests.bench.learning_curve finance software --seeds 0 1 --budgets 200 500 --full

As `learning_loop`, but no server hears the conversations, no gate judges and nothing is kept back
for one: the turns go straight to the miners of `parley logs mine`, and all that was asked is
learnt. Who is asked says what such words mostly mean, in either arm. A line for each model, and for
each budget one of mined less random on the same turns; intervals are of a bootstrap over
conversations. `--valid` scores the conversations that are there to choose by, in place of the
tests.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bot.project.load import load_project
from bot.project.project import Example
from bot.review.item import ReviewItem, new_id
from bot.review.turn import Turn
from nlu.bundle import Bundle, open_bundle
from nlu.registry import Registry
from training.mining.budget import Split, at_random
from training.mining.mine import Known, chosen, mine
from training.mining.seen import see, vectors_of
from training.mining.since import Labelled
from training.publish import build
from training.recipe import load_recipe
from training.versions.learning import learned_by
from training.versions.making import make_dataset

from .learning_parts import (
    SETS,
    Place,
    answered,
    asked_of,
    conversations,
    few,
    parts_of,
    told_in,
    write_project,
)
from .line import show
from .paired import Said, difference, scored

SPLIT = Split(random=0.2, uncertain=0.8, suspects=0.0)

Choose = Callable[["Arm", int], Sequence[Place]]


@dataclass
class Arm:
    """One way to choose what is asked: what it has been told, and the model that made of it."""

    first: Sequence[Example]
    turns: dict[Place, Example]
    seed: int
    step: int
    bundle: Bundle
    told: dict[Place, Example] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("domains", nargs="+", choices=SETS)
    parser.add_argument("--budgets", type=int, nargs="+", default=[200, 500])
    parser.add_argument("--stream", type=int, default=2000, help="turns that are heard")
    parser.add_argument("--tests", type=int, default=1500, help="turns that are scored")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--step", type=int, default=40, help="items that wait at once, mined")
    parser.add_argument("--full", action="store_true", help="learn the whole stream, too")
    parser.add_argument("--valid", action="store_true", help="score what is there to choose by")
    parser.add_argument("--recipe", default="", help="TOML of what differs from the default")
    wanted = parser.parse_args()
    for name in wanted.domains:
        for seed in wanted.seeds:
            one_domain(name, seed, wanted)


def one_domain(name: str, seed: int, wanted: argparse.Namespace) -> None:
    """Every arm on one draw of a domain."""
    parts = parts_of(name)
    rng = random.Random(seed)
    tests = conversations(parts.valid if wanted.valid else parts.test, rng, wanted.tests)
    heard = conversations(parts.train, rng, wanted.stream)
    turns = told_in(heard)
    first = few(parts.train, rng, {each.text for each in turns.values()})

    def tell(arm: str, learned: Sequence[Example], bundle: Bundle, **facts: object) -> list[Said]:
        said = asked_of(bundle, tests)
        about = {"domain": name, "seed": seed, "arm": arm, "learned": len(learned)}
        show("learning_curve", **about, **facts, turns=len(said), **scored(said))
        return said

    begin = trained(first, (), wanted.recipe)
    tell("first", first, begin)
    found: dict[tuple[str, int], list[Said]] = {}
    for how, choose in ARMS.items():
        arm = Arm(first, turns, seed, wanted.step, begin)
        for budget in wanted.budgets:
            for place in choose(arm, budget - len(arm.told)):
                arm.told[place] = turns[place]
            learned = [*first, *arm.told.values()]
            arm.bundle = trained(first, [*arm.told.values()], wanted.recipe)
            found[how, budget] = tell(how, learned, arm.bundle, asked=len(arm.told))
    for budget in wanted.budgets:
        differs = difference(found["mined", budget], found["random", budget])
        show("mined less random", domain=name, seed=seed, asked=budget, **differs)
    if wanted.full:
        everything = [*first, *turns.values()]
        tell("full", everything, trained(first, [*turns.values()], wanted.recipe))


def trained(first: Sequence[Example], told: Sequence[Example], recipe: str) -> Bundle:
    """A model of a project of ``first`` and what ``told`` of it, as `parley rebuild` has it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, began = Path(scratch), time.monotonic()
        write_project(folder, first, recipe)
        project, registry = load_project(folder), Registry(folder / "models")
        # Without a conversation all is learnt, and nothing kept back to judge by.
        items = [answered(ReviewItem(new_id(), each.text), each) for each in told]
        dataset = make_dataset(project, items, now=datetime.now(UTC))
        project = learned_by(project, dataset)
        made = build(project, load_recipe(folder / "recipe.toml"), registry)
        seconds = time.monotonic() - began
        print(f"{len(project.nlu.examples)} learnt in {seconds:.0f} s", file=sys.stderr)
        return open_bundle(registry.folder(made.version))


def mined(arm: Arm, count: int) -> Sequence[Place]:
    """What `parley logs mine --waiting STEP` would propose, step by step."""
    turns = [Turn(talk, seq, each.text) for (talk, seq), each in arm.turns.items()]
    seen = see(turns, arm.bundle)
    with tempfile.TemporaryDirectory() as scratch:
        write_project(Path(scratch), arm.first, "")
        data = load_project(Path(scratch)).nlu
    known = Known(data, vectors_of([each.text for each in data.examples], arm.bundle))
    found, places = mine(seen, known), list[Place]()
    by_place = dict(zip(arm.turns, seen.vectors, strict=True))

    def are_new(items: Sequence[ReviewItem]) -> Sequence[ReviewItem]:
        taken = {*arm.told, *places}
        return [item for item in items if place_of(item) not in taken]

    while len(places) < count:
        told = [*arm.told, *places] if places else []
        heeded = Labelled(
            [arm.turns[place].intent for place in told],
            np.array([by_place[place] for place in told], np.float32),
        )
        items = chosen(
            *(seen, found, replace(known, answers=heeded if told else None)),
            budget=min(arm.step, count - len(places)),
            split=SPLIT,
            scrub="",
            seed=arm.seed,
            are_new=are_new,
        )
        places += [place_of(item) for item in items]
    return places


def drawn(arm: Arm, count: int) -> Sequence[Place]:
    """Turns drawn at random, each at most once."""
    left = [place for place in arm.turns if place not in arm.told]
    return [left[at] for at in at_random(len(left), count, arm.seed + len(arm.told))]


ARMS: dict[str, Choose] = {"mined": mined, "random": drawn}


def place_of(item: ReviewItem) -> Place:
    return item.conversation_id or "", item.seq


if __name__ == "__main__":
    main()
