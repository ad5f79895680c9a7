"""From a project to a bundle in its registry: split, train, export, score, publish."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from bot.errors import ProjectError
from bot.project.hashes import read_hash
from bot.project.multi_intents import split_of
from bot.project.project import Example, Lookup, NluData, Project
from nlu.chain import Chain, write_chain
from nlu.folder import MANIFEST, file_hashes
from nlu.manifest import Extractors, Manifest
from nlu.model import Model
from nlu.registry import Registry, new_version
from nlu.scope import Scope
from nlu.scope_file import write_scope
from nlu.session import Session
from nlu.tokenizer import Tokens
from training.calibration import calibration, told
from training.checkpoint import Checkpoint
from training.confidence import Confidence, fit_confidence
from training.context import ContextDraw, first_context, with_contexts
from training.dedupe import Pair, near_duplicates, without
from training.evaluate import Answer, Scores, answer, score, top_columns
from training.export import check_agreement, export
from training.recipe import Recipe
from training.scope import outside_intent
from training.train import Step, Trained, open_tokenizer, overlap, train

Report = Callable[[str], None]

COMPARED = 300  # about so many training sentences are asked of float32 and int8
MEASURED = 300  # so many training sentences, or all, give the int8 graph its scales
ENOUGH = 8  # examples an intent needs before any is kept back
SCOPE = "scope.npz"
CHAIN = "chain.npz"


def build(
    project: Project,
    recipe: Recipe,
    registry: Registry,
    *,
    tests: Sequence[Example] = (),
    watch: Callable[[Step], None] = lambda step: None,
    report: Report = lambda line: None,
    checkpoint: Checkpoint | None = None,
) -> Manifest:
    """Train on ``project`` and publish the model as the current one of ``registry``.

    Args:
        tests: Sentences for the final scores only. Without them, those kept back for the
            temperature are scored instead, and the scores say so.
        report: Told what is going on, a line at a time.
        checkpoint: Where a training that was killed goes on; gone when the model is published.
    """
    examples = examples_of(project, recipe)
    if not examples:
        raise ProjectError("nlu: no examples. Training needs at least one.")
    dropped = near_duplicates(examples, tests, recipe.near_duplicate)
    examples = without(examples, dropped)
    if dropped:
        report(f"{len(dropped)} examples left out: the tests repeat them.")
    with registry.draft() as draft:
        made = make(
            examples,
            recipe,
            draft,
            lookups=project.nlu.lookups,
            split=split_of(project.config.pipeline),
            watch=watch,
            report=report,
            checkpoint=checkpoint,
        )
        judged = tests or made.kept_back
        answers = {
            name: made.ask(judged, model=model)
            for name, model in (("float32", made.float32), ("int8", made.int8))
        }
        scores = {name: score(judged, said) for name, said in answers.items()}
        facts = {
            "scored": "tests" if tests else "kept back",
            **msgspec.to_builtins(scores),
            "training": {
                "examples": len(made.fitting),
                "kept_back": len(made.kept_back),
                "seconds": round(made.seconds, 1),
            },
            "calibration_error": _errors(judged, answers["int8"], made),
            "thresholds": msgspec.to_builtins(made.confidence.thresholds),
            "overlap": _overlap(made.fitting, tests, dropped, recipe),
        }
        _write_json(draft / "scores.json", facts)
        _write_json(draft / "extractors.json", extractors(project.nlu))
        (draft / "recipe.toml").write_text(recipe.toml(), "utf-8")
        manifest = _manifest(draft, project, recipe, made, scores)
        _write_json(draft / MANIFEST, manifest)
        registry.publish(draft, manifest.version)
    if checkpoint:
        checkpoint.remove()
    return manifest


def examples_of(project: Project, recipe: Recipe) -> list[Example]:
    """What there is to train on, in contexts where the recipe reads them."""
    if recipe.context_tokens:
        return with_contexts(project, recipe.seed)
    return list(project.nlu.examples)


@dataclass(frozen=True, slots=True)
class Made:
    """A model as it was trained, and as it will be served; ``seconds`` is what training took."""

    trained: Trained
    float32: Model
    int8: Model
    confidence: Confidence
    fitting: Sequence[Example]
    kept_back: Sequence[Example]
    seconds: float

    @property
    def temperature(self) -> float:
        """What divides the intent logits before they are probabilities."""
        return self.confidence.temperature

    def sureness(self, said: Answer) -> float:
        """The probability of the intent that was answered."""
        return self.confidence.of(said, self.trained.labels)

    def ask(self, examples: Sequence[Example], *, model: Model | None = None) -> list[Answer]:
        """What the int8 graph, or ``model``, makes of each of ``examples``, as it is served."""
        return ask(
            model or self.int8,
            examples,
            self.trained,
            self.temperature,
            scope=self.confidence.scope,
        )


def make(
    examples: Sequence[Example],
    recipe: Recipe,
    folder: Path,
    *,
    lookups: Sequence[Lookup] = (),
    split: str = "",
    watch: Callable[[Step], None] = lambda step: None,
    report: Report = lambda line: None,
    checkpoint: Checkpoint | None = None,
) -> Made:
    """Train on ``examples`` and write the graph in int8 and the tokenizer into ``folder``.

    ``split`` stands between the intents of an example that has several.
    """
    started = time.monotonic()
    fitting, kept_back = hold_out(examples, recipe.holdout, recipe.seed)
    draw = ContextDraw(recipe.context_dropout, random.Random(recipe.seed))
    kept_back = [draw(example) for example in kept_back]
    report(f"training on {len(fitting)} examples, {len(kept_back)} kept back")
    trained = train(
        fitting,
        recipe,
        lookups=lookups,
        split=split,
        watch=watch,
        report=report,
        checkpoint=checkpoint,
    )
    seconds = time.monotonic() - started

    path = folder / "model.onnx"
    with tempfile.TemporaryDirectory() as scratch:
        float32 = Path(scratch) / "float32.onnx"
        export(trained.model, float32, path, sentences=typical(fitting, trained, recipe))
        before, after = (_open(graph, trained, recipe) for graph in (float32, path))
    (folder / "tokenizer.json").write_text(trained.tokenizer_json, "utf-8")
    if chain := trained.model.chain:
        write_chain(folder / CHAIN, *chain.scores())
    report(f"exported: {path.stat().st_size / 1e6:.1f} MB")
    some = fitting[:: max(1, len(fitting) // COMPARED)]
    said = (ask(model, some, trained) for model in (before, after))
    check_agreement(*top_columns(*said, several=trained.labels.several is not None))
    confidence = fit_confidence(after, fitting, kept_back, trained.labels, recipe)
    if confidence.scope:
        write_scope(folder / SCOPE, confidence.scope)
    if confidence.thresholds:
        report(told(confidence.thresholds))
    return Made(trained, before, after, confidence, fitting, kept_back, seconds)


def hold_out(
    examples: Sequence[Example], share: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """What to train on, and ``share`` of each intent's examples, but none of an intent with few.

    A share of less than an example is that chance of giving one: one of every ten would be much.
    """
    rng = random.Random(seed)
    by_intent: dict[str, list[int]] = {}
    for index, example in enumerate(examples):
        by_intent.setdefault(example.intent, []).append(index)
    back: set[int] = set()
    for indices in by_intent.values():
        if share and len(indices) >= ENOUGH:
            back.update(rng.sample(indices, int(len(indices) * share + rng.random())))
    return (
        [example for index, example in enumerate(examples) if index not in back],
        [examples[index] for index in sorted(back)],
    )


def typical(examples: Sequence[Example], trained: Trained, recipe: Recipe) -> list[Tokens]:
    """Some examples as they are read, drawn by the recipe's seed, each in its first context."""
    drawn = random.Random(recipe.seed).sample(examples, min(len(examples), MEASURED))
    tokenizer = open_tokenizer(trained.tokenizer_json, recipe)
    return [tokenizer.encode(example.text, first_context(example)) for example in drawn]


def extractors(nlu: NluData) -> Extractors:
    """The project's tables, as the server reads them."""
    return Extractors(
        regexes={regex.name: regex.patterns for regex in nlu.regexes},
        lookups={lookup.name: lookup.values for lookup in nlu.lookups},
        synonyms=dict(nlu.synonyms),
    )


def _open(path: Path, trained: Trained, recipe: Recipe) -> Model:
    chain = trained.model.chain
    return Model(
        Session(path.read_bytes()),
        open_tokenizer(trained.tokenizer_json, recipe),
        Chain.of(*chain.scores()) if chain else None,
    )


def ask(
    model: Model,
    examples: Sequence[Example],
    trained: Trained,
    temperature: float = 1.0,
    *,
    scope: Scope | None = None,
) -> list[Answer]:
    """What ``model`` makes of each of ``examples``, in its first context."""
    labels = trained.labels
    return answer(
        model,
        [example.text for example in examples],
        labels.intents,
        labels.entities,
        temperature=temperature,
        contexts=[first_context(example) for example in examples],
        scope=scope,
        outside=outside_intent(labels.intents),
        several=labels.several,
    )


def _errors(judged: Sequence[Example], answers: Sequence[Answer], made: Made) -> dict[str, float]:
    """Of confidences as the logits alone would have them, and as they are served."""
    right = [e.intent == said.intent for e, said in zip(judged, answers, strict=True)]
    labels, plain = made.trained.labels, Confidence(1.0)
    bare = [replace(said, inside=1.0) for said in answers]
    return {
        "plain": calibration([plain.of(said, labels) for said in bare], right).ece,
        "served": calibration([made.sureness(said) for said in answers], right).ece,
    }


def _overlap(
    training: Sequence[Example],
    tests: Sequence[Example],
    dropped: dict[int, Pair],
    recipe: Recipe,
) -> dict[str, Any]:
    if not tests:
        return {}
    return {
        "left_out": msgspec.to_builtins(list(dropped.values())),
        "nearest": msgspec.to_builtins(overlap(training, tests, recipe)),
    }


def _manifest(
    draft: Path,
    project: Project,
    recipe: Recipe,
    made: Made,
    scores: dict[str, Scores],
) -> Manifest:
    now, labels = datetime.now(UTC), made.trained.labels
    files = file_hashes(draft)
    return Manifest(
        version=new_version(now, recipe.hash, project.nlu_hash),
        created=now.isoformat(timespec="seconds"),
        language=project.config.language,
        encoder=recipe.encoder,
        intents=labels.columns,
        labels=labels.entities,
        max_tokens=recipe.max_tokens,
        temperature=made.temperature,
        data_hash=read_hash(project, context=recipe.context_tokens > 0),
        recipe_hash=recipe.hash,
        seed=recipe.seed,
        chain=CHAIN if CHAIN in files else "",
        context_tokens=recipe.context_tokens,
        context_turns=recipe.context_turns,
        files=files,
        scope=SCOPE if made.confidence.scope else "",
        outside=outside_intent(labels.intents),
        split=labels.several.split if labels.several else "",
        combinations=labels.intents if labels.several else (),
        parley=_parley(),
        scores={
            name: {
                "sentences": part.sentences,
                "intent_accuracy": part.intent_accuracy,
                "entity_f1": part.entities.f1,
                "entities": part.entities.support,
            }
            for name, part in scores.items()
        },
    )


def _parley() -> str:
    try:
        return version("parley")
    except PackageNotFoundError:
        return "unknown"


def _write_json(path: Path, value: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1))
