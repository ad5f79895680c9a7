"""One NLU file trained on, another scored: `parley test nlu --train FILE --test FILE`."""

from __future__ import annotations

import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bot.project.project import Example
from bot.version import VERSION
from nlu.decode import softmax
from nlu.model import Model
from training.calibration import Calibration, calibration
from training.data import Data, DataFile
from training.dedupe import near_duplicates
from training.evaluate import Answer, Confusion, Prf, Scores, score
from training.loop import pick_device
from training.make import Made, make
from training.recipe import Recipe
from training.roc import Roc, roc
from training.train import Step

LIBRARIES = ("torch", "transformers", "onnxruntime", "tokenizers", "numpy")
MOST_ERRORS = 200  # in the report: those of which the model was surest


class Intents(msgspec.Struct, frozen=True):
    """How often the intent was right. The interval is Wilson's, 95 %."""

    accuracy: float
    interval: tuple[float, float]
    macro_f1: float  # of the intents that occur in the test
    weighted_f1: float
    by_intent: dict[str, Prf]


class Entities(msgspec.Struct, frozen=True):
    """Strict: start, end and name must be right. ``interval``: of F1, bootstrap over sentences."""

    micro: Prf
    interval: tuple[float, float]
    macro_f1: float
    by_entity: dict[str, Prf]
    role_accuracy: float | None


class Judged(msgspec.Struct, frozen=True):
    """The scores of one graph. ``sentence_accuracy``: the intent and all entities right."""

    intents: Intents
    entities: Entities
    sentence_accuracy: float
    calibration: Calibration
    roc: Roc


class Mistake(msgspec.Struct, frozen=True):
    """A sentence taken for another intent, and how sure the model was."""

    text: str
    expected: str
    answered: str
    confidence: float


class TrialReport(msgspec.Struct, frozen=True, kw_only=True):
    """What ``report.json`` holds. ``scores`` has ``int8``, which is what is served, and
    ``float32``; everything after it is of int8."""

    created: str
    versions: dict[str, str]
    machine: dict[str, Any]
    train: DataFile
    test: DataFile
    kept_back: int  # of the training examples, to fit the temperature
    near_duplicates: int  # training examples that the test repeats, all of them trained on
    recipe: dict[str, Any]
    recipe_hash: str
    seed: int
    temperature: float
    model_bytes: int
    seconds: dict[str, float]
    scores: dict[str, Judged]
    labels: tuple[str, ...]
    counts: tuple[tuple[str, str, int], ...]  # expected, answered, how often
    confusions: tuple[Confusion, ...]
    mistakes: tuple[Mistake, ...]  # the surest first


def run_trial(
    train: Data,
    test: Data,
    recipe: Recipe,
    *,
    watch: Callable[[Step], None] = lambda step: None,
    report: Callable[[str], None] = lambda line: None,
) -> TrialReport:
    """Train on all of ``train``, score on all of ``test``. Raises ProjectError, SettingsError."""
    started = time.monotonic()
    sentences = list(test.nlu.examples)
    repeated = near_duplicates(train.nlu.examples, sentences, recipe.near_duplicate)
    if repeated:
        report(f"{len(repeated)} training examples are nearly in the test; they stay.")
    with tempfile.TemporaryDirectory() as folder:
        made = make(
            train.nlu.examples,
            recipe,
            Path(folder),
            lookups=train.nlu.lookups,
            watch=watch,
            report=report,
        )
        made_s = time.monotonic() - started
        report(f"scoring {len(sentences)} sentences")
        answers = _ask(made.int8, sentences, made)
        scored_s = time.monotonic() - started - made_s
        judged = {
            "int8": judge(sentences, answers, made),
            "float32": judge(sentences, _ask(made.float32, sentences, made), made),
        }
        size = (Path(folder) / "model.onnx").stat().st_size
    return TrialReport(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=_versions(),
        machine={"processor": platform.machine(), "device": str(pick_device())},
        train=train.described(),
        test=test.described(),
        kept_back=len(made.kept_back),
        near_duplicates=len(repeated),
        recipe=msgspec.to_builtins(recipe),
        recipe_hash=recipe.hash,
        seed=recipe.seed,
        temperature=made.temperature,
        model_bytes=size,
        seconds={
            "training": round(made.seconds, 1),
            "export": round(made_s - made.seconds, 1),
            "scoring": round(scored_s, 1),
        },
        scores=judged,
        labels=tuple(sorted({e.intent for e in sentences} | {a.intent for a in answers})),
        counts=_table(sentences, answers),
        confusions=score(sentences, answers).confusions,
        mistakes=_mistakes(sentences, answers, made),
    )


def judge(examples: Sequence[Example], answers: Sequence[Answer], made: Made) -> Judged:
    """Every score of ``answers``."""
    scores = score(examples, answers)
    right = [example.intent == said.intent for example, said in zip(examples, answers, strict=True)]
    return Judged(
        intents=_intents(scores, examples, answers),
        entities=Entities(
            micro=scores.entities,
            interval=scores.entity_interval,
            macro_f1=scores.entity_macro_f1,
            by_entity=scores.by_entity,
            role_accuracy=scores.role_accuracy,
        ),
        sentence_accuracy=scores.sentence_accuracy,
        calibration=calibration([made.sureness(said) for said in answers], right),
        roc=_roc(examples, answers, right, made),
    )


def _roc(
    examples: Sequence[Example], answers: Sequence[Answer], right: Sequence[bool], made: Made
) -> Roc:
    """Of single intents; of combinations only how sure an answer was."""
    labels = made.trained.labels
    shares = softmax(np.array([said.logits for said in answers]) / made.temperature)
    columns = () if labels.several else labels.columns
    sure = [made.sureness(said) for said in answers]
    return roc(sure, right, shares, columns, [example.intent for example in examples])


def _ask(model: Model, examples: Sequence[Example], made: Made) -> list[Answer]:
    return made.ask(examples, model=model)


def _intents(scores: Scores, examples: Sequence[Example], answers: Sequence[Answer]) -> Intents:
    expected = Counter(example.intent for example in examples)
    answered = Counter(said.intent for said in answers)
    hits = Counter(e.intent for e, a in zip(examples, answers, strict=True) if e.intent == a.intent)
    by_intent = {
        name: Prf(
            precision=_share(hits[name], answered[name]),
            recall=_share(hits[name], expected[name]),
            f1=_share(2 * hits[name], expected[name] + answered[name]),
            support=expected[name],
        )
        for name in sorted(expected)
    }
    weighted = sum(part.f1 * part.support for part in by_intent.values())
    return Intents(
        accuracy=scores.intent_accuracy,
        interval=scores.intent_interval,
        macro_f1=scores.intent_macro_f1,
        weighted_f1=_share(weighted, len(examples)),
        by_intent=by_intent,
    )


def _table(
    examples: Sequence[Example], answers: Sequence[Answer]
) -> tuple[tuple[str, str, int], ...]:
    pairs = Counter((e.intent, a.intent) for e, a in zip(examples, answers, strict=True))
    return tuple((*names, count) for names, count in sorted(pairs.items()))


def _mistakes(
    examples: Sequence[Example], answers: Sequence[Answer], made: Made
) -> tuple[Mistake, ...]:
    wrong = [
        Mistake(example.text, example.intent, said.intent, round(made.sureness(said), 4))
        for example, said in zip(examples, answers, strict=True)
        if example.intent != said.intent
    ]
    return tuple(sorted(wrong, key=lambda mistake: -mistake.confidence)[:MOST_ERRORS])


def _versions() -> dict[str, str]:
    found = {name: version(name) for name in LIBRARIES}
    return {"parley": VERSION, "python": sys.version.split()[0], **found}


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0
