"""From examples to a model as it is served: keep some back, train, export, fit confidences."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import msgspec

from bot.project.project import Example, Lookup
from nlu.chain import Chain, write_chain
from nlu.model import Model
from nlu.scope import Scope
from nlu.scope_file import write_scope
from nlu.sentiment import SentimentHead, write_sentiment
from nlu.session import Session
from nlu.tokenizer import Tokens
from training.calibration import told
from training.checkpoint import Checkpoint
from training.confidence import Confidence, fit_confidence
from training.context import ContextDraw, first_context
from training.evaluate import Answer, answer, top_columns
from training.export import check_agreement, export
from training.guesser import WordGuesser, open_guesser
from training.recipe import Recipe
from training.scope import outside_intent
from training.sentiment import calibrated, served_head
from training.step import half
from training.substitutes import substitutes_of
from training.teachers import is_bundle
from training.teaching import first_recipe, teacher_in, trained_teacher
from training.torchscript import FILE as TORCHSCRIPT
from training.torchscript import write_torchscript
from training.train import Step, Trained, open_tokenizer, train

Report = Callable[[str], None]

COMPARED = 300  # about so many training sentences are asked of float32 and int8
MEASURED = 300  # so many training sentences, or all, give the int8 graph its scales
ENOUGH = 8  # examples an intent needs before any is kept back
SCOPE = "scope.npz"
CHAIN = "chain.npz"
SENTIMENT = "sentiment.npz"


@dataclass(frozen=True, slots=True)
class Made:
    """A model as it was trained, and as it will be served; ``seconds`` is what training took.

    ``apart`` is the one that was trained without ``kept_back`` where this one has learnt that too.
    """

    trained: Trained
    float32: Model
    int8: Model
    confidence: Confidence
    fitting: Sequence[Example]
    kept_back: Sequence[Example]
    seconds: float
    apart: Made | None = None
    sentiment: SentimentHead | None = None

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
    """Train on ``examples`` and write the graph in int8 and what it needs into ``folder``.

    A small set is trained on twice: without what is kept back, which tells what confidences mean,
    and then with it. Without entities its lower layers learn less: sentences teach them little,
    words do.

    Args:
        split: Stands between the intents of an example that has several.
    """
    run = _Run.of(examples, recipe, lookups, split, report)
    fitting, kept_back = run.parts(examples)
    report(f"training on {len(fitting)} examples, {len(kept_back)} kept back")
    if not (run.small and kept_back):
        made = run.once(fitting, kept_back, folder, watch, checkpoint)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            apart = run.once(fitting, kept_back, Path(scratch), half(watch, 0), checkpoint)
        report(f"training on all {len(examples)}")
        again = checkpoint and checkpoint.another("all")
        made = run.again(apart, examples, folder, half(watch, 1), again)
    if made.confidence.scope:
        write_scope(folder / SCOPE, made.confidence.scope)
    if made.sentiment:
        write_sentiment(folder / SENTIMENT, made.sentiment)
    if made.confidence.thresholds:
        report(told(made.confidence.thresholds))
    return made


def help_make(
    examples: Sequence[Example],
    recipe: Recipe,
    *,
    lookups: Sequence[Lookup] = (),
    split: str = "",
    checkpoint: Checkpoint | None = None,
) -> None:
    """What ``make`` trains, and nothing else: the part of a process that does not lead its team."""
    run = _Run.of(examples, recipe, lookups, split, lambda line: None)
    fitting, kept_back = run.parts(examples)
    trained, _ = run.train(fitting, lambda step: None, checkpoint, judge=kept_back)
    if run.small and kept_back:
        again = checkpoint and checkpoint.another("all")
        run.second(trained.epochs, examples, lambda step: None, again)


@dataclass(frozen=True, slots=True)
class _Run:
    """What is the same for every training of a set. A ``small`` one is trained on twice."""

    recipe: Recipe
    lookups: Sequence[Lookup]
    split: str
    small: bool
    frozen: float
    report: Report

    @classmethod
    def of(
        cls,
        examples: Sequence[Example],
        recipe: Recipe,
        lookups: Sequence[Lookup],
        split: str,
        report: Report,
    ) -> _Run:
        small = len(examples) <= recipe.small
        words = any(example.entities for example in examples)
        frozen = 0.0
        if small and not words:
            frozen = recipe.small_frozen
            recipe = msgspec.structs.replace(recipe, layer_decay=recipe.small_decay, small_steps=0)
        return cls(recipe, lookups, split, small, frozen, report)

    def parts(self, examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
        """What is trained on first, and what is kept back, each in one context."""
        recipe = self.recipe
        share = recipe.small_holdout if self.small else recipe.holdout
        fitting, kept_back = hold_out(examples, share, recipe.seed)
        draw = ContextDraw(recipe.context_dropout, random.Random(recipe.seed))
        return fitting, [draw(example) for example in kept_back]

    def second(
        self,
        epochs: int,
        examples: Sequence[Example],
        watch: Callable[[Step], None],
        checkpoint: Checkpoint | None,
    ) -> tuple[Trained, float]:
        """On all ``examples``, of which the first training was best after ``epochs``."""
        recipe = self.recipe
        if recipe.patience:  # nothing is left to go by, so as long as the first did best
            recipe = msgspec.structs.replace(recipe, epochs=epochs)
        return self.train(examples, watch, checkpoint, recipe=recipe)

    def once(
        self,
        fitting: Sequence[Example],
        kept_back: Sequence[Example],
        folder: Path,
        watch: Callable[[Step], None],
        checkpoint: Checkpoint | None,
    ) -> Made:
        """Train on ``fitting``; confidences are fitted on ``kept_back``."""
        trained, seconds = self.train(fitting, watch, checkpoint, judge=kept_back)
        float32, int8 = self._export(trained, fitting, folder)
        confidence = fit_confidence(int8, fitting, kept_back, trained.labels, self.recipe)
        sentiment = _sentiment(trained)
        return Made(
            trained,
            float32,
            int8,
            confidence,
            fitting,
            kept_back,
            seconds,
            sentiment=sentiment and calibrated(sentiment, int8, kept_back),
        )

    def again(
        self,
        apart: Made,
        examples: Sequence[Example],
        folder: Path,
        watch: Callable[[Step], None],
        checkpoint: Checkpoint | None,
    ) -> Made:
        """Train on all ``examples``; what confidences mean is as ``apart`` found."""
        trained, seconds = self.second(apart.trained.epochs, examples, watch, checkpoint)
        float32, int8 = self._export(trained, examples, folder)
        confidence = apart.confidence.moved(int8, examples, trained.labels, self.recipe)
        sentiment = _sentiment(trained)
        if sentiment and apart.sentiment:
            sentiment = replace(sentiment, temperature=apart.sentiment.temperature)
        return Made(
            trained,
            float32,
            int8,
            confidence,
            examples,
            apart.kept_back,
            apart.seconds + seconds,
            apart,
            sentiment,
        )

    def train(
        self,
        examples: Sequence[Example],
        watch: Callable[[Step], None],
        checkpoint: Checkpoint | None,
        *,
        recipe: Recipe | None = None,
        judge: Sequence[Example] = (),
    ) -> tuple[Trained, float]:
        started, recipe = time.monotonic(), recipe or self.recipe
        learn = partial(
            train,
            examples,
            lookups=self.lookups,
            split=self.split,
            frozen=self.frozen,
            judge=judge,
            report=self.report,
        )
        teacher = teacher_in(Path(recipe.teacher)) if is_bundle(recipe.teacher) else None
        guesser = self._guesser(recipe)
        substitutes: list[list[Example]] = []
        if first := first_recipe(recipe):
            self.report(f"training {first.encoder} first")
            own = checkpoint and checkpoint.another("first")
            knowing = learn(first, watch=half(watch, 0), checkpoint=own, going_on=True)
            watch, before = half(watch, 1), trained_teacher(knowing, first)
            teacher = teacher or (before if recipe.teacher else None)
            if guesser:
                says = partial(before.intent_of_each, several=knowing.labels.several)
                substitutes = substitutes_of(
                    examples, guesser, says, seed=recipe.seed, report=self.report
                )
        trained = learn(
            recipe, watch=watch, checkpoint=checkpoint, teacher=teacher, substitutes=substitutes
        )
        return trained, time.monotonic() - started

    def _guesser(self, recipe: Recipe) -> WordGuesser | None:
        """What finds other words. Opened before anything is trained, so that one without a head is
        refused at once."""
        if not recipe.substitutions:
            return None
        return open_guesser(recipe.guesser or recipe.encoder, recipe.max_tokens)

    def _export(
        self, trained: Trained, examples: Sequence[Example], folder: Path
    ) -> tuple[Model, Model]:
        """The float32 graph, and the int8 graph as it is written into ``folder``."""
        path = folder / "model.onnx"
        with tempfile.TemporaryDirectory() as scratch:
            whole = Path(scratch) / "float32.onnx"
            sentences = typical(examples, trained, self.recipe)
            export(trained.model, whole, path, sentences=sentences)
            float32, int8 = (_open(graph, trained, self.recipe) for graph in (whole, path))
        (folder / "tokenizer.json").write_text(trained.tokenizer_json, "utf-8")
        if chain := trained.model.chain:
            write_chain(folder / CHAIN, *chain.scores())
        self.report(f"exported: {path.stat().st_size / 1e6:.1f} MB")
        if self.recipe.torchscript:
            write_torchscript(trained.model, folder / TORCHSCRIPT)
        some = examples[:: max(1, len(examples) // COMPARED)]
        said = (ask(model, some, trained) for model in (float32, int8))
        check_agreement(*top_columns(*said, several=trained.labels.several is not None))
        return float32, int8


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


def _sentiment(trained: Trained) -> SentimentHead | None:
    head = trained.model.sentiment_head
    return served_head(head, trained.labels.sentiments) if head else None


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
