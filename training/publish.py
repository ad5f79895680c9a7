"""From a project to a bundle in its registry: split, train, export, score, publish."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from bot.errors import ProjectError
from bot.project.hashes import read_hash
from bot.project.multi_intents import split_of
from bot.project.project import Example, NluData, Project
from nlu.folder import MANIFEST, file_hashes
from nlu.manifest import NO_LINEAGE, Extractors, Lineage, Manifest
from nlu.registry import Registry, new_version
from training.calibration import calibration
from training.checkpoint import Checkpoint
from training.confidence import Confidence
from training.context import with_contexts
from training.dedupe import Pair, near_duplicates, without
from training.evaluate import Answer, Scores, score
from training.make import CHAIN, SCOPE, SENTIMENT, Made, help_make, make
from training.recipe import Recipe
from training.scope import outside_intent
from training.sentiment import score_sentiment
from training.teachers import with_teacher
from training.train import Step, overlap

Report = Callable[[str], None]


def build(
    project: Project,
    recipe: Recipe,
    registry: Registry,
    *,
    tests: Sequence[Example] = (),
    watch: Callable[[Step], None] = lambda step: None,
    report: Report = lambda line: None,
    checkpoint: Checkpoint | None = None,
    lineage: Lineage = NO_LINEAGE,
    use: bool = True,
) -> Manifest:
    """Train on ``project`` and publish the model as the current one of ``registry``.

    Args:
        use: Make it the current one.
        lineage: What the manifest says of where it comes from.
        tests: Sentences for the final scores only. Without them, those kept back for the
            temperature are scored instead, and the scores say so.
        report: Told what is going on, a line at a time.
        checkpoint: Where a training that was killed goes on; gone when the model is published.
    """
    examples, dropped = learned_of(project, recipe, tests)
    if dropped:
        report(f"{len(dropped)} examples left out: the tests repeat them.")
    lineage = msgspec.structs.replace(lineage, sentences=len(examples))
    lineage = with_teacher(lineage, recipe.teacher)
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
        judge = made if tests else made.apart or made  # who has not learnt them
        answers = {
            name: judge.ask(judged, model=model)
            for name, model in (("float32", judge.float32), ("int8", judge.int8))
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
            "calibration_error": _errors(judged, answers["int8"], judge),
            **_sentiment(judged, judge),
            "thresholds": msgspec.to_builtins(made.confidence.thresholds),
            "overlap": _overlap(made.fitting, tests, dropped, recipe),
        }
        _write_json(draft / "scores.json", facts)
        _write_json(draft / "extractors.json", extractors(project.nlu))
        (draft / "recipe.toml").write_text(recipe.toml(), "utf-8")
        manifest = _manifest(draft, project, recipe, made, scores, lineage)
        _write_json(draft / MANIFEST, manifest)
        registry.publish(draft, manifest.version, use=use)
    if checkpoint:
        checkpoint.remove()
    return manifest


def help_build(
    project: Project,
    recipe: Recipe,
    *,
    tests: Sequence[Example] = (),
    checkpoint: Checkpoint | None = None,
) -> None:
    """The part in ``build`` of a process that does not lead its team: its share of the training."""
    examples, _ = learned_of(project, recipe, tests)
    help_make(
        examples,
        recipe,
        lookups=project.nlu.lookups,
        split=split_of(project.config.pipeline),
        checkpoint=checkpoint,
    )


def learned_of(
    project: Project, recipe: Recipe, tests: Sequence[Example]
) -> tuple[list[Example], dict[int, Pair]]:
    """The examples to train on, and those that are not as ``tests`` repeat them."""
    examples = examples_of(project, recipe)
    if not examples:
        raise ProjectError("nlu: no examples. Training needs at least one.")
    dropped = near_duplicates(examples, tests, recipe.near_duplicate)
    return without(examples, dropped), dropped


def examples_of(project: Project, recipe: Recipe) -> list[Example]:
    """What there is to train on, in contexts where the recipe reads them."""
    if recipe.context_tokens:
        return with_contexts(project, recipe.seed)
    return list(project.nlu.examples)


def extractors(nlu: NluData) -> Extractors:
    """The project's tables, as the server reads them."""
    return Extractors(
        regexes={regex.name: regex.patterns for regex in nlu.regexes},
        lookups={lookup.name: lookup.values for lookup in nlu.lookups},
        synonyms=dict(nlu.synonyms),
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


def _sentiment(judged: Sequence[Example], made: Made) -> dict[str, Any]:
    scores = made.sentiment and score_sentiment(made.sentiment, made.int8, judged)
    return {"sentiment": msgspec.to_builtins(scores)} if scores else {}


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
    lineage: Lineage,
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
        sentiment=SENTIMENT if made.sentiment else "",
        sentiments=made.sentiment.names if made.sentiment else (),
        outside=outside_intent(labels.intents),
        split=labels.several.split if labels.several else "",
        combinations=labels.intents if labels.several else (),
        parley=_parley(),
        lineage=lineage,
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
