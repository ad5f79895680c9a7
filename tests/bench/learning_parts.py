"""What the benchmarks of the learning loop share: who says what, who knows what is right, and a
project to begin with."""

from __future__ import annotations

import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bot.project.markup import write_markup
from bot.project.project import Example
from bot.review.decide import opine
from bot.review.item import Opinion, ReviewItem
from nlu.bundle import Bundle
from nlu.parse import Entity
from training.dedupe import normalised
from training.evaluate import answer

from .paired import Said
from .sets import multidogo, sgd_turns
from .sets.parts import Parts

SHOTS = 10
READY = "greet"  # what `answers` asks a server that has just started
SETS = (*multidogo.DOMAINS, "sgd")

Place = tuple[str, int]  # a turn's conversation and number


def parts_of(name: str) -> Parts:
    """The turns of users of one of ``SETS``, whole conversations to a part."""
    return sgd_turns.parts() if name == "sgd" else multidogo.domain(name)


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


def told_in(heard: dict[str, list[Example]]) -> dict[Place, Example]:
    """Every turn that was heard, as who is asked labels it."""
    return usual({(talk, at): each for talk, said in heard.items() for at, each in enumerate(said)})


def usual(turns: dict[Place, Example]) -> dict[Place, Example]:
    """``turns`` as one labels them who is asked what such words mean: what they mostly mean there.

    In these sets "ok" may be any intent, by what went before; a model that reads the words alone
    learns nothing from the one time that it was another.
    """
    meanings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in turns.values():
        meanings[normalised(each.text)][each.intent] += 1
    return {
        place: msgspec.structs.replace(
            each, intent=meanings[normalised(each.text)].most_common(1)[0][0]
        )
        for place, each in turns.items()
    }


def answered(item: ReviewItem, example: Example) -> ReviewItem:
    """``item`` as one answers it who knows what is right."""
    entities = tuple(Entity(e.entity, e.value, e.start, e.end) for e in example.entities)
    opinion = Opinion("intent", "simulated", time.time(), example.intent, entities)
    return opine(item, opinion)


def asked_of(bundle: Bundle, tests: dict[str, list[Example]]) -> list[Said]:
    """What the model says of every test; the same words are asked once."""
    texts = list(dict.fromkeys(each.text for talk in tests.values() for each in talk))
    manifest = bundle.manifest
    said = answer(
        *(bundle.model, texts, manifest.intents, manifest.labels), temperature=manifest.temperature
    )
    by_text = dict(zip(texts, said, strict=True))
    return [Said(name, each, by_text[each.text]) for name, talk in tests.items() for each in talk]


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
