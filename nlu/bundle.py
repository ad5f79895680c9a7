"""A model folder, checked and opened; ``nlu.manifest`` says what is in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from nlu import decode
from nlu.chain import read_chain
from nlu.corrections import Belief
from nlu.errors import BundleError, NluError
from nlu.folder import MANIFEST, check_files, content_of, decoded, unlisted
from nlu.manifest import Extractors, Manifest
from nlu.model import Model, Reading, Scores
from nlu.parse import NO_CONTEXT, Context, Intent
from nlu.scope import Scope
from nlu.scope_file import read_scope
from nlu.sentiment import SentimentHead, read_sentiment
from nlu.session import Session
from nlu.several import Several, parts_of
from nlu.tokenizer import Tokenizer

FORMAT = 1
TRIED = ("Hello there!", "I have 3 questions, one of them about the order I made on Monday.")
SAME = 1e-3  # of a logit
NEEDED = ("model.onnx", "tokenizer.json", "extractors.json")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model ready to answer, and everything the folder says about it.

    ``batches`` tells whether texts read together are answered as each alone. A graph that scales
    its int8 activations by the largest of the whole batch answers a little differently in every
    company. ``scope`` is None where the bundle has none: then every text counts as in scope.
    ``sentiment`` is None where none was learnt.
    """

    manifest: Manifest
    extractors: Extractors
    model: Model
    batches: bool
    scope: Scope | None = None
    several: Several | None = None
    sentiment: SentimentHead | None = None

    def ranking(self, scores: Scores, *, most: int = 10) -> tuple[Intent, ...]:
        """The intents of a text, the likeliest first, with the probability of each."""
        if self.several:
            logits = scores.intents / self.manifest.temperature
            return self.several.ranking(logits, most=most)
        return self.ranked(self.belief(scores), most=most)

    def belief(self, scores: Scores) -> Belief:
        """What the model believes of a text that has one intent at most."""
        return Belief(
            decode.softmax(scores.intents / self.manifest.temperature),
            self.scope.probability(scores.intents, scores.sentence) if self.scope else 1.0,
        )

    def ranked(self, belief: Belief, *, most: int = 10) -> tuple[Intent, ...]:
        """The intents as ``belief`` has them, the likeliest first."""
        return decode.ranking(
            belief.intents.tolist(),
            self.manifest.intents,
            most=most,
            inside=belief.inside,
            outside=self.manifest.outside if self.scope else "",
        )


def open_bundle(folder: Path, *, threads: int = 1) -> Bundle:
    """The bundle in ``folder``; BundleError names the file that is missing, damaged or not as the
    manifest says. Reads and runs a model, so not on the event loop."""
    manifest = read_manifest(folder)
    check_files(folder, manifest.files)
    tables = folder / "extractors.json"
    extractors = decoded(tables, content_of(tables), Extractors)
    try:
        tokenizer_json = content_of(folder / "tokenizer.json")
        tokenizer = Tokenizer(
            tokenizer_json,
            max_tokens=manifest.max_tokens,
            context_tokens=manifest.context_tokens,
            context_turns=manifest.context_turns,
        )
        session = Session(folder / "model.onnx", threads=threads)
        if manifest.context_tokens and not session.reads_context:
            raise BundleError("model.onnx reads no context; the manifest says it does.")
        chain = None
        if manifest.chain:
            chain = read_chain(folder / manifest.chain, 1 + 2 * len(manifest.labels))
        model = Model(session, tokenizer, chain)
        batches = _try(model, manifest)
    except NluError as error:
        raise BundleError(f"{folder}: {error}") from error
    scope = _scope(folder, manifest, model)
    sentiment = _sentiment(folder, manifest, model)
    return Bundle(manifest, extractors, model, batches, scope, _several(manifest), sentiment)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the bundle in ``folder``, alone; its files are not looked at."""
    path = folder / MANIFEST
    content = content_of(path)
    version = decoded(path, content, _Format).format
    if version != FORMAT:
        raise BundleError(
            f"{path} has format {version}; this Parley reads format {FORMAT}. Train again."
        )
    manifest = decoded(path, content, Manifest)
    for problem in _problems(manifest):
        raise BundleError(f"{path}: {problem}")
    return manifest


def _scope(folder: Path, manifest: Manifest, model: Model) -> Scope | None:
    if not manifest.scope:
        return None
    hidden = _hidden(model)
    return read_scope(folder / manifest.scope, intents=len(manifest.intents), hidden=hidden)


def _sentiment(folder: Path, manifest: Manifest, model: Model) -> SentimentHead | None:
    if not manifest.sentiment:
        return None
    path = folder / manifest.sentiment
    return read_sentiment(path, manifest.sentiments, hidden=_hidden(model))


def _hidden(model: Model) -> int:
    """How long the vector of a sentence is."""
    [scores] = model.read([Reading(TRIED[0], model.tokenizer)])
    return len(scores.sentence)


def _several(manifest: Manifest) -> Several | None:
    if not manifest.split:
        return None
    return Several(manifest.intents, manifest.combinations, manifest.split)


class _Format(msgspec.Struct, frozen=True):
    format: int = FORMAT


def _problems(manifest: Manifest) -> list[str]:
    """What the types cannot say about a manifest."""
    found = unlisted(manifest.files, NEEDED)
    found += [
        f"files do not list {named}, which {field} names."
        for field, named in (
            ("scope", manifest.scope),
            ("chain", manifest.chain),
            ("sentiment", manifest.sentiment),
        )
        if named and named not in manifest.files
    ]
    unknown = {
        part
        for name in manifest.combinations
        for part in parts_of(name, manifest.split or name)
        if part not in manifest.intents
    }
    if unknown:
        found.append(f"combinations name {min(unknown)!r}, which is none of the intents.")
    if not manifest.intents:
        found.append("there are no intents.")
    if manifest.sentiment and len(set(manifest.sentiments)) < 2:
        found.append("sentiment names a file, and sentiments not two names at least.")
    if len(set(manifest.intents)) != len(manifest.intents):
        found.append("an intent is listed twice.")
    if not math.isfinite(manifest.temperature) or manifest.temperature <= 0:
        found.append(f"temperature is {manifest.temperature}; it must be more than 0.")
    if manifest.context_tokens < 0 or manifest.context_turns < 0:
        found.append("context_tokens and context_turns must be at least 0.")
    if manifest.max_tokens < 3:
        found.append(f"max_tokens is {manifest.max_tokens}; it must be at least 3.")
    return found


def _try(model: Model, manifest: Manifest) -> bool:
    """Whether two sentences get the same scores together as alone. Shows a graph of another shape
    before a user meets it, and warms up."""
    readings = [
        Reading(text, model.tokenizer, context)
        for text, context in zip(TRIED, (NO_CONTEXT, Context("How can I help?")), strict=True)
    ]
    alone = [model.read([reading])[0] for reading in readings]
    for scores in alone:
        _check_shapes(scores, manifest)
    pairs = zip(alone, model.read(readings), strict=True)
    return all(
        np.allclose(one.intents, other.intents, rtol=0, atol=SAME)
        and np.allclose(one.tags, other.tags, rtol=0, atol=SAME)
        for one, other in pairs
    )


def _check_shapes(scores: Scores, manifest: Manifest) -> None:
    for output, found, wanted in (
        ("intent_logits", scores.intents.shape, (len(manifest.intents),)),
        ("tag_logits", scores.tags.shape[1:], (1 + 2 * len(manifest.labels),)),
    ):
        if found != wanted:
            raise BundleError(
                f"model.onnx gives {output} for {found} names; the manifest has {wanted}."
            )
    if not (np.isfinite(scores.intents).all() and np.isfinite(scores.tags).all()):
        raise BundleError("model.onnx answers with numbers that are not finite.")
