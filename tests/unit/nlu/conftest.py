"""A model small enough to reason about: every word votes for an intent and for its own tag."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from nlu.manifest import EntityLabel, Extractors, Manifest

INTENTS = ("bye", "faq/hours", "faq/price", "greet", "order")
LABELS = (EntityLabel("city", "to"), EntityLabel("item"))
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
WORDS = ("hello", "bye", "order", "open", "price", "tea", "green", "berlin", "new", "york", "cafe")
VOCABULARY = (*SPECIAL, *WORDS, "##s", ",")
SAYS = {"hello": "greet", "bye": "bye", "order": "order", "open": "faq/hours", "price": "faq/price"}
TAGS = {"green": "B-item", "tea": "B-item", "berlin": "B-city", "new": "B-city", "york": "I-city"}
COLUMNS = ["O", "B-city", "I-city", "B-item", "I-item"]

MakeBundle = Callable[..., Path]


def tiny_tokenizer() -> Tokenizer:
    """WordPiece as BERT has it, over a dozen words."""
    ids = {piece: number for number, piece in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def tiny_graph(
    *,
    intents: int = len(INTENTS),
    tags: int = len(COLUMNS),
    sociable: bool = False,
    context: bool = False,
    offset: float = 0.0,
) -> bytes:
    """intent_logits: the sum of the words' votes, which a sociable graph compares with the whole
    batch, and one that reads contexts takes from these alone; tag_logits: one row of a table per
    token."""
    says = np.zeros((len(VOCABULARY), intents), np.float32)
    tagged = np.zeros((len(VOCABULARY), tags), np.float32)
    for number, piece in enumerate(VOCABULARY):
        if piece in SAYS and intents == len(INTENTS):
            says[number, INTENTS.index(SAYS[piece])] = 6.0
        if tags == len(COLUMNS):
            tagged[number, COLUMNS.index(TAGS.get(piece, "O"))] = 5.0
            if piece == "tea":  # nearly as likely to go on as to begin
                tagged[number, COLUMNS.index("I-item")] = 4.9
    nodes = [
        helper.make_node("Gather", ["says", "input_ids"], ["votes"]),
        helper.make_node(
            "Cast",
            ["token_type_ids" if context else "attention_mask"],
            ["mask"],
            to=TensorProto.FLOAT,
        ),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["votes", "column"], ["counted"]),
        helper.make_node("ReduceSum", ["counted", "middle"], ["sums"], keepdims=0),
        helper.make_node("ReduceSum", ["mask"], ["company"], keepdims=0),
        helper.make_node("Div", ["sums", "company"], ["intent_logits"])
        if sociable
        else helper.make_node("Add", ["sums", "offset"], ["intent_logits"]),
        helper.make_node("Gather", ["tagged", "input_ids"], ["tag_logits"]),
        helper.make_node("ReduceMean", ["counted", "middle"], ["sentence"], keepdims=0),
    ]
    both = ("requests", "tokens")
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, both)
            for name in ("input_ids", "attention_mask", *(["token_type_ids"] * context))
        ],
        [
            helper.make_tensor_value_info(
                "intent_logits", TensorProto.FLOAT, ("requests", intents)
            ),
            helper.make_tensor_value_info("tag_logits", TensorProto.FLOAT, (*both, tags)),
            helper.make_tensor_value_info("sentence", TensorProto.FLOAT, ("requests", intents)),
        ],
        [
            numpy_helper.from_array(says, "says"),
            numpy_helper.from_array(tagged, "tagged"),
            numpy_helper.from_array(np.array([-1]), "last"),
            numpy_helper.from_array(np.float32(offset), "offset"),
            numpy_helper.from_array(np.array([1]), "middle"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def write_bundle(
    folder: Path,
    *,
    graph: bytes | None = None,
    more: Mapping[str, bytes] = MappingProxyType({}),
    **facts: Any,
) -> Path:
    """A bundle in ``folder``; keywords replace facts of the manifest, ``graph`` the model, and
    ``more`` are further files."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "model.onnx": graph if graph is not None else tiny_graph(),
        "tokenizer.json": tiny_tokenizer().to_str().encode(),
        "extractors.json": msgspec.json.encode(Extractors(synonyms={"tea": "a cup of tea"})),
        **more,
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    manifest = Manifest(
        version="v1",
        created="2026-01-01T00:00:00Z",
        language="en",
        encoder="tiny",
        intents=INTENTS,
        labels=LABELS,
        max_tokens=16,
        temperature=1.0,
        data_hash="data",
        recipe_hash="recipe",
        seed=0,
        files={name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
        parley="0.1.0",
    )
    manifest = msgspec.structs.replace(manifest, **facts)
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    return folder


@pytest.fixture
def make_bundle(tmp_path: Path) -> MakeBundle:
    """As ``write_bundle``, by default into a registry under ``tmp_path``."""

    def make(folder: Path | None = None, **facts: Any) -> Path:
        folder = folder or tmp_path / "models" / facts.get("version", "v1")
        return write_bundle(folder, **facts)

    return make


@pytest.fixture(scope="session")
def tiny() -> bytes:
    """The tiny model's tokenizer, as its file."""
    return tiny_tokenizer().to_str().encode()
