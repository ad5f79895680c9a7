"""A bundle's manifest: what a model folder holds, and how to read its outputs.

A bundle is a folder of a registry:

    manifest.json     this
    model.onnx        int8 weights, and activations on scales fixed at export, so that a request is
                      answered alike in any batch. Inputs ``input_ids`` and ``attention_mask``,
                      int64, shape (requests, tokens), and ``token_type_ids`` where a context is
                      read: 1 for its tokens, which stand behind the text's. Outputs, float32:
                      ``intent_logits`` (requests, intents), ``tag_logits`` (requests, tokens,
                      tags), ``sentence`` (requests, hidden), the L2-normalised mean of the last
                      layer over the text
    tokenizer.json    for the `tokenizers` package
    extractors.json   regexes, lookups and synonyms of the project, as `Extractors`
    chain.npz         if there: scores of tags that follow each other (``nlu.chain``)
    recipe.toml       every number of the training run
    scores.json       what evaluation gave, float32 and int8
    sentiment.npz     if there: what tells a sentiment from the sentence (``nlu.sentiment``)
    scope.npz         what is in scope, as ``nlu.scope_file`` describes it; not in every bundle
"""

from __future__ import annotations

from typing import Any

import msgspec


class EntityLabel(msgspec.Struct, frozen=True):
    """What a pair of tags stands for."""

    entity: str
    role: str | None = None
    group: str | None = None


class Extractors(msgspec.Struct, frozen=True):
    """Tables for the extractors that need no model. Surface forms to values; name to patterns."""

    regexes: dict[str, tuple[str, ...]] = {}
    lookups: dict[str, tuple[str, ...]] = {}
    synonyms: dict[str, str] = {}


class Lineage(msgspec.Struct, frozen=True):
    """Where a bundle comes from.

    ``parent`` is the version that was current when it was made, ``dataset`` the version of the data
    it learned (``training.versions``), ``seeds`` those of its sisters and its own, ``sentences``
    how many it learned, ``reviewed`` the revision up to which people's labels are in its data.
    ``teacher`` is the version or the encoder that taught it beside the labels, ``taught`` are
    versions of the data which that learned, and so did those who taught it.
    """

    parent: str = ""
    dataset: str = ""
    seeds: tuple[int, ...] = ()
    sentences: int = 0
    reviewed: int = 0
    teacher: str = ""
    taught: tuple[str, ...] = ()


NO_LINEAGE = Lineage()


class Manifest(msgspec.Struct, frozen=True):
    """The facts of a bundle.

    ``intents`` name the columns of ``intent_logits``; a retrieval intent's answers are columns of
    their own (``faq/opening_hours``). ``labels`` name the entities: column 0 of ``tag_logits`` is
    O, column ``2 i + 1`` begins ``labels[i]``, column ``2 i + 2`` continues it.
    ``chain`` names the file of what a word's tag says of the next one's, empty where nothing is
    known of that.
    ``context_tokens`` is how much is read of what went before a text (0: nothing),
    ``context_turns`` how many of the user's earlier turns count as that.
    ``temperature`` divides the intent logits before the softmax, fitted on the int8 model.
    ``scope`` names the file that tells what is out of scope; without one (empty) nothing is.
    ``outside`` is the project's own intent for that, empty where it has none.
    ``sentiment`` names the file that tells the ``sentiments``; both are empty where none are known.
    Where a message may have several of the intents, ``split`` stands between them in the names of
    ``combinations``, those the project knows; each logit then tells of its intent alone.
    ``files`` maps each other file of the bundle to its SHA-256. ``data_hash`` is the project's
    ``nlu_hash``; together with ``recipe_hash`` it tells whether training again is needed.
    """

    version: str
    created: str  # ISO 8601, UTC
    language: str
    encoder: str
    intents: tuple[str, ...]
    labels: tuple[EntityLabel, ...]
    max_tokens: int
    temperature: float
    data_hash: str
    recipe_hash: str
    seed: int
    files: dict[str, str]
    parley: str  # version that wrote the bundle
    format: int = 1
    context_tokens: int = 0
    context_turns: int = 0
    chain: str = ""
    scope: str = ""
    outside: str = ""
    sentiment: str = ""
    sentiments: tuple[str, ...] = ()
    split: str = ""
    combinations: tuple[str, ...] = ()
    scores: dict[str, Any] = {}
    lineage: Lineage = NO_LINEAGE
