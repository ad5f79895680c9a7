"""The learning loop: what a budget of labels brings, mined and at random, the whole way.

    python -m tests.bench.learning_loop airline --budgets 200 500

Ten examples of each intent make a first model. A running server hears the training conversations,
whose labels nobody knows; `parley logs read` and `parley logs mine` choose what a reviewer is
asked, who says what such words mostly mean, and the next by what was answered; `parley rebuild`
learns it. A second arm asks as many turns drawn at random. All are scored on conversations that
none of them saw; intervals are of a bootstrap over these. `--full` also learns every turn of the
stream with its label. Of what is asked, a fifth of the conversations goes to the gate and is not
learned, as in earnest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.project.load import load_project
from bot.project.project import Example
from bot.review.desk import proposed
from bot.review.item import ReviewItem
from bot.review.store import Filter
from bot.review.turn import Turn
from bot.store.reviews import open_reviews
from bot.store.shelf import open_shelf
from nlu.bundle import open_bundle
from nlu.registry import Registry
from training.publish import build
from training.recipe import load_recipe
from training.versions.learning import reviews_url

from .learning_parts import (
    SETS,
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
from .servers import PARLEY, WEBHOOK, Connection, parley

EVENTS = 8  # conversations that go on at once

Truth = dict[tuple[str, str], Example]  # of a conversation and a text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("domain", choices=SETS)
    parser.add_argument("--budgets", type=int, nargs="+", default=[200, 500])
    parser.add_argument("--stream", type=int, default=2000, help="turns that the server hears")
    parser.add_argument("--tests", type=int, default=1500, help="turns that are scored")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--step", type=int, default=40, help="items that wait at once, mined")
    parser.add_argument("--full", action="store_true", help="learn the whole stream, too")
    parser.add_argument("--recipe", default="", help="TOML of what differs from the default")
    wanted = parser.parse_args()
    parts, rng = parts_of(wanted.domain), random.Random(wanted.seed)
    tests = conversations(parts.test, rng, wanted.tests)
    heard = conversations(parts.train, rng, wanted.stream)
    turns = told_in(heard)
    first = few(parts.train, rng, {each.text for each in turns.values()})
    truth = {(talk, each.text): each for (talk, _), each in turns.items()}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "first"
        write_project(folder, first, wanted.recipe)
        train(folder, first)
        loop = Loop(wanted, truth, tests)
        loop.report("first", folder, len(first))
        heard_by_server(folder, heard)
        found = {}
        for arm in ("mined", "random"):
            shutil.copytree(folder, Path(scratch) / arm)
            found[arm] = loop.learn(Path(scratch) / arm, arm)
        for budget, mined, drawn in zip(wanted.budgets, *found.values(), strict=True):
            about = {"domain": wanted.domain, "seed": wanted.seed, "asked": budget}
            show("mined less random", **about, **difference(mined, drawn))
        if wanted.full:
            everything, full = [*first, *turns.values()], Path(scratch) / "full"
            write_project(full, everything, wanted.recipe)
            train(full, everything)
            loop.report("full", full, len(everything))


def train(folder: Path, examples: Sequence[Example]) -> None:
    """A model of ``examples``, current in the folder's registry."""
    began = time.monotonic()
    build(load_project(folder), load_recipe(folder / "recipe.toml"), Registry(folder / "models"))
    seconds = time.monotonic() - began
    print(f"{folder.name}: {len(examples)} examples in {seconds:.0f} s", file=sys.stderr)


def heard_by_server(folder: Path, told: dict[str, list[Example]]) -> None:
    """Say every conversation to a running server, then read its log."""

    async def talk(port: int, waiting: list[str]) -> None:
        connection = await Connection.to(port)
        while waiting:
            name = waiting.pop()
            for example in told[name]:
                body = {"sender": name, "message": example.text}
                await connection.post(WEBHOOK, body)

    async def all_of(port: int) -> None:
        waiting = list(told)
        await asyncio.gather(*(talk(port, waiting) for _ in range(EVENTS)))

    with parley(folder, folder) as server:
        asyncio.run(all_of(server.port))
    command(folder, "logs", "read", "--settled", "0", "--quiet")


@dataclass(frozen=True)
class Loop:
    """What is wanted, what is right of each turn that was heard, and the tests."""

    wanted: argparse.Namespace
    truth: Truth
    tests: dict[str, list[Example]]

    def learn(self, folder: Path, arm: str) -> list[list[Said]]:
        """Ask, answer, rebuild and score, for each of the budgets in turn."""
        os.environ["PARLEY_HOME"] = str(folder / "home")
        asked, found = 0, []
        for budget in self.wanted.budgets:
            if arm == "mined":
                asked += self._mined(folder, budget - asked)
            else:
                draw(folder, budget - asked, self.wanted.seed + budget)
                asked += reviewed(folder, self.truth)
            began = time.monotonic()
            command(folder, "rebuild", "--no-conversations", "--quiet", codes=(0, 1, 2))
            seconds = round(time.monotonic() - began)
            registry = Registry(folder / "models")
            candidate = str(registry.candidate())
            verdict = json.loads((registry.root / "reports" / f"{candidate}.json").read_text())
            registry.use(candidate)
            learned = registry.manifest(candidate).lineage.sentences
            facts = {"asked": asked, "gate": verdict["verdict"], "rebuild_s": seconds}
            found.append(self.report(arm, folder, learned, **facts))
        return found

    def _mined(self, folder: Path, budget: int) -> int:
        """Answer what the miners ask, while they watch; how many."""
        asked = 0
        much = ("--budget", str(budget), "--waiting", str(self.wanted.step), "--suspects", "0")
        with subprocess.Popen(
            [PARLEY, "logs", "mine", "--project", str(folder), *much, "--quiet"],
            stdout=subprocess.DEVNULL,
        ) as miner:
            while miner.poll() is None:
                asked += reviewed(folder, self.truth)
                time.sleep(0.5)
        if miner.returncode:
            sys.exit(f"parley logs mine ended with {miner.returncode}")
        return asked + reviewed(folder, self.truth)

    def report(self, arm: str, folder: Path, learned: int, **facts: object) -> list[Said]:
        """What the folder's current model says of the tests, and a line of its scores."""
        registry = Registry(folder / "models")
        said = asked_of(open_bundle(registry.folder(str(registry.current()))), self.tests)
        about = {"domain": self.wanted.domain, "seed": self.wanted.seed, "learned": learned}
        show("learning_loop", arm=arm, **about, **facts, turns=len(said), **scored(said))
        return said


def draw(folder: Path, count: int, seed: int) -> None:
    """Propose turns drawn at random, each at most once."""

    async def propose() -> None:
        with open_shelf(folder / "home" / "turns.db") as shelf:
            turns: list[Turn] = [turn for _, turn in shelf.turns()]
        items = [proposed(turn, share="random") for turn in turns]
        async with open_reviews(reviews_url(folder)) as reviews:
            missing = list(await reviews.missing(items))
            chosen = random.Random(seed).sample(missing, min(count, len(missing)))
            await reviews.propose(chosen)

    asyncio.run(propose())


def reviewed(folder: Path, truth: Truth) -> int:
    """Answer every open item as it is right; how many."""

    async def answer_all() -> int:
        async with open_reviews(reviews_url(folder)) as reviews:
            items = list(await reviews.listed(Filter(state="open"), limit=10_000))
            answered = [each for item in items if (each := right(item, truth))]
            await reviews.keep(answered)
            return len(answered)

    return asyncio.run(answer_all())


def right(item: ReviewItem, truth: Truth) -> ReviewItem | None:
    """``item`` with its label; None for what is not of the stream, such as the first message."""
    example = truth.get((item.conversation_id, item.text))
    return answered(item, example) if example else None


def command(folder: Path, *words: str, codes: Sequence[int] = (0,)) -> None:
    """A command of Parley on the project in ``folder``; other ``codes`` end the benchmark."""
    environ = os.environ | {"PARLEY_HOME": str(folder / "home")}
    done = subprocess.run(
        [PARLEY, *words, "--project", str(folder)], env=environ, capture_output=True, text=True
    )
    if done.returncode not in codes:
        sys.exit(f"parley {' '.join(words)}: {done.stdout[-1000:]} {done.stderr[-1000:]}")


if __name__ == "__main__":
    main()
