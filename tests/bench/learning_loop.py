"""The learning loop: what a budget of labels brings, mined and at random.

    python -m tests.bench.learning_loop airline --budgets 200 500

Ten examples of each intent make a first model. A running server hears the training conversations,
whose labels nobody knows; `parley logs read` and `parley logs mine` choose what a reviewer, who
knows the right answer, is asked; `parley rebuild` learns it. A second arm asks as many turns drawn
at random. All are scored on conversations that none of them saw. `--full` also learns every turn
of the stream with its label. Of what is asked, a fifth of the conversations goes to the gate and
is not learned, as in earnest.
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
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from bot.project.load import load_project
from bot.project.markup import write_markup
from bot.project.project import Example
from bot.review.decide import opine
from bot.review.desk import proposed
from bot.review.item import Opinion, ReviewItem
from bot.review.store import Filter
from bot.review.turn import Turn
from bot.store.reviews import open_reviews
from bot.store.shelf import open_shelf
from nlu.bundle import open_bundle
from nlu.parse import Entity
from nlu.registry import Registry
from training.evaluate import Scores, answer, score
from training.publish import build
from training.recipe import load_recipe
from training.versions.learning import reviews_url

from .line import show
from .servers import PARLEY, WEBHOOK, Connection, parley
from .sets import multidogo

SHOTS = 10
EVENTS = 8  # conversations that go on at once
READY = "greet"  # what `answers` asks a server that has just started

Truth = dict[tuple[str, str], Example]  # of a conversation and a text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("domain", choices=multidogo.DOMAINS)
    parser.add_argument("--budgets", type=int, nargs="+", default=[200, 500])
    parser.add_argument("--stream", type=int, default=3000, help="turns that the server hears")
    parser.add_argument("--tests", type=int, default=1500, help="turns that are scored")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--full", action="store_true", help="learn the whole stream, too")
    parser.add_argument("--recipe", default="", help="TOML of what differs from the default")
    chosen = parser.parse_args()
    parts = multidogo.domain(chosen.domain)
    rng = random.Random(chosen.seed)
    tests = rng.sample(parts.test, min(chosen.tests, len(parts.test)))
    told = conversations(parts.train, rng, chosen.stream)
    first = few(parts.train, rng, {example.text for talk in told.values() for example in talk})
    about = {"domain": chosen.domain, "seed": chosen.seed, "tests": len(tests)}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "first"
        write_project(folder, first, chosen.recipe)
        train(folder, first)
        report("first", folder, tests, len(first), about)
        heard_by_server(folder, told)
        truth = {(name, each.text): each for name, talk in told.items() for each in talk}
        for arm in ("mined", "random"):
            shutil.copytree(folder, Path(scratch) / arm)
            learn(Path(scratch) / arm, arm, chosen.budgets, truth, tests, about, chosen.seed)
        if chosen.full:
            everything = [*first, *(each for talk in told.values() for each in talk)]
            full = Path(scratch) / "full"
            write_project(full, everything, chosen.recipe)
            train(full, everything)
            report("full", full, tests, len(everything), about)


def conversations(
    examples: Sequence[Example], rng: random.Random, most: int
) -> dict[str, list[Example]]:
    """Whole conversations, drawn at random, of about ``most`` turns."""
    talks: list[list[Example]] = []
    for example in examples:
        if not example.contexts[0].earlier or not talks:
            talks.append([])
        talks[-1].append(example)
    rng.shuffle(talks)
    found, count = {}, 0
    for number, talk in enumerate(talks):
        if count >= most:
            break
        found[f"c{number}"] = talk
        count += len(talk)
    return found


def few(examples: Sequence[Example], rng: random.Random, heard: set[str]) -> list[Example]:
    """Ten examples of each intent, rather such as the server will not hear."""
    by_intent = defaultdict(list)
    for example in {example.text: example for example in examples}.values():
        by_intent[example.intent].append(example)
    found = []
    for _, same in sorted(by_intent.items()):
        unheard = [each for each in same if each.text not in heard] or same
        found += rng.sample(unheard, min(SHOTS, len(unheard)))
    return found


def write_project(folder: Path, examples: Sequence[Example], recipe: str) -> None:
    """A Rasa project of ``examples``, which answers anything with the same words."""
    intents = sorted({READY, *(each.intent for each in examples)})
    entities = sorted({e.entity for each in examples for e in each.entities})
    by_intent = defaultdict(list)
    for each in examples:
        by_intent[each.intent].append(write_markup(each.text, each.entities))
    files = {
        "config.yml": {
            "version": "3.1",
            "pipeline": [{"name": "DIETClassifier"}],
            "policies": [{"name": "RulePolicy"}],
        },
        "domain.yml": {
            "version": "3.1",
            "intents": intents,
            "entities": entities,
            "responses": {"utter_ok": [{"text": "Go on."}]},
        },
        "data/rules.yml": {
            "version": "3.1",
            "rules": [
                {"rule": name, "steps": [{"intent": name}, {"action": "utter_ok"}]}
                for name in intents
            ],
        },
        "data/nlu.yml": {
            "version": "3.1",
            "nlu": [
                {"intent": name, "examples": "".join(f"- {text}\n" for text in texts)}
                for name, texts in sorted(by_intent.items())
            ],
        },
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))  # JSON is YAML
    (folder / "recipe.toml").write_text(recipe.replace(";", "\n") + "\n")


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


def learn(
    folder: Path,
    arm: str,
    budgets: Sequence[int],
    truth: Truth,
    tests: Sequence[Example],
    about: dict[str, object],
    seed: int,
) -> None:
    """Ask, answer, rebuild and score, for each of the budgets in turn."""
    os.environ["PARLEY_HOME"] = str(folder / "home")
    asked = 0
    for budget in budgets:
        more = budget - asked
        if arm == "mined":
            command(folder, "logs", "mine", "--budget", str(more), "--suspects", "0", "--quiet")
        else:
            draw(folder, more, seed + budget)
        asked += reviewed(folder, truth)
        began = time.monotonic()
        command(folder, "rebuild", "--no-conversations", "--quiet", codes=(0, 1, 2))
        registry = Registry(folder / "models")
        candidate = registry.candidate()
        verdict = json.loads((registry.root / "reports" / f"{candidate}.json").read_text())
        registry.use(str(candidate))
        facts = {
            "asked": asked,
            "gate": verdict["verdict"],
            "rebuild_s": round(time.monotonic() - began),
        }
        learned = registry.manifest(str(candidate)).lineage.sentences
        report(arm, folder, tests, learned, about | facts)


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


def answered(item: ReviewItem, example: Example) -> ReviewItem:
    """``item`` as one answers it who knows what is right."""
    entities = tuple(Entity(e.entity, e.value, e.start, e.end) for e in example.entities)
    opinion = Opinion("intent", "simulated", time.time(), example.intent, entities)
    return opine(item, opinion)


def report(
    arm: str, folder: Path, tests: Sequence[Example], learned: int, about: dict[str, object]
) -> None:
    """A line of the scores of the folder's current model."""
    registry = Registry(folder / "models")
    bundle = open_bundle(registry.folder(str(registry.current())))
    manifest = bundle.manifest
    said = answer(
        bundle.model,
        [each.text for each in tests],
        manifest.intents,
        manifest.labels,
        temperature=manifest.temperature,
    )
    found: Scores = score(tests, said)
    show(
        "learning_loop",
        arm=arm,
        learned=learned,
        intents=found.intent_accuracy,
        interval=found.intent_interval,
        macro_f1=found.intent_macro_f1,
        entity_f1=found.entities.f1,
        entity_interval=found.entity_interval,
        **about,
    )


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
