"""Any encoder and any vocabulary: trained, exported to int8 and served, with places that are right.

Tiny encoders of random weights, in the shape of each family, with a vocabulary of its kind made
from a few lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from bot.project.project import Project
from nlu.bundle import open_bundle
from nlu.parse import Parse
from nlu.pipeline import Nlu, Pipeline, serve
from nlu.registry import Registry
from nlu.tokenizer import Tokenizer as Reader
from nlu.windows import words_of
from training.encoders import load_encoder, load_tokenizer
from training.publish import build
from training.recipe import Recipe

pytestmark = pytest.mark.torch

LINES = [
    "hello there", "send me red socks", "order blue hats", "where is my order?", "bye, bye",
    "café in Zürich", "你好我想找餐馆", "红色的茶", "hello 你好", "don't you?", "12 hats",
    "こんにちは",
] * 3  # fmt: skip

# What users write, and how much of it a vocabulary may leave out.
TEXTS = [
    "hello there",
    "café in Zürich, s'il vous plaît",
    "cafe\u0301 in Zu\u0308rich",  # combining marks
    "hello 😀 red 👩‍👩‍👧 hats",
    "你好\uff0c我想找餐馆。",
    "order红色hats",
    "he\u200bllo \ufeffthere",  # zero width
    "  two   blanks\tand\u00a0more ",
    "こんにちは 世界",
    "สวัสดีครับ",
    "ﬁne ½ ①",  # compatibility forms
    "a" * 300,
    "𠀋\U0001d4bdello",  # outside of the first plane
    "\u0301\u0301",
    "...!!!",
]


@dataclass(frozen=True)
class Family:
    """How to make one."""

    vocabulary: Callable[[], Tokenizer]
    config: str
    facts: dict[str, Any]
    tokens: dict[str, str]


BERT = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
        "mask_token": "[MASK]"}  # fmt: skip
ROBERTA = {"pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<s>", "sep_token": "</s>",
           "mask_token": "<mask>"}  # fmt: skip
SHAPE = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
         "intermediate_size": 64, "max_position_embeddings": 64}  # fmt: skip


def framed(tokenizer: Tokenizer, first: str, last: str) -> Tokenizer:
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in (first, last)],
    )
    return tokenizer


def word_pieces() -> Tokenizer:
    """As BERT, DistilBERT and ELECTRA have it."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=200, special_tokens=list(BERT.values()), show_progress=False
    )
    tokenizer.train_from_iterator(LINES, trainer)
    return framed(tokenizer, "[CLS]", "[SEP]")


def bytes_with(end: processors.PostProcessor | None) -> Callable[[], Tokenizer]:
    """Pairs of bytes, as RoBERTa (whose ``end`` trims places) and ModernBERT have them."""

    def make() -> Tokenizer:
        special = BERT if end is None else ROBERTA
        tokenizer = Tokenizer(models.BPE())
        if end is None:
            tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=420,
            special_tokens=list(special.values()),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(LINES, trainer)
        if end is None:
            return framed(tokenizer, "[CLS]", "[SEP]")
        ends = (tokenizer.token_to_id(name) for name in ("</s>", "<s>"))
        tokenizer.post_processor = processors.RobertaProcessing(
            *(zip(("</s>", "<s>"), ends, strict=True)), trim_offsets=True
        )
        return tokenizer

    return make


def unigrams() -> Tokenizer:
    """As XLM-R, DeBERTa and ALBERT have it: split at blanks alone, compatibility forms folded."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=150,
        special_tokens=list(ROBERTA.values()),
        unk_token="<unk>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(LINES, trainer)
    return framed(tokenizer, "<s>", "</s>")


FAMILIES = {
    "bert": Family(word_pieces, "BertConfig", SHAPE, BERT),
    "distilbert": Family(
        word_pieces,
        "DistilBertConfig",
        {"dim": 32, "n_layers": 1, "n_heads": 2, "hidden_dim": 64, "max_position_embeddings": 64},
        BERT,
    ),
    "roberta": Family(
        bytes_with(processors.ByteLevel()),
        "RobertaConfig",
        SHAPE | {"max_position_embeddings": 66, "pad_token_id": 0},
        ROBERTA,
    ),
    "xlm-roberta": Family(
        unigrams, "XLMRobertaConfig", SHAPE | {"max_position_embeddings": 66}, ROBERTA
    ),
    "deberta-v2": Family(
        unigrams,
        "DebertaV2Config",
        SHAPE
        | {
            "relative_attention": True,
            "position_buckets": 16,
            "pos_att_type": ["p2c", "c2p"],
            "share_att_key": True,
            "norm_rel_ebd": "layer_norm",
            "position_biased_input": False,
            "type_vocab_size": 0,
        },
        ROBERTA,
    ),
    "modernbert": Family(
        bytes_with(None),
        "ModernBertConfig",
        SHAPE
        | {"num_hidden_layers": 2, "global_attn_every_n_layers": 2, "local_attention": 16,
           "pad_token_id": 0, "reference_compile": False},
        BERT,
    ),
    "electra": Family(word_pieces, "ElectraConfig", SHAPE | {"embedding_size": 16}, BERT),
}  # fmt: skip


def make_family(name: str, made: Path) -> Path:
    """An encoder of a family, as `save_pretrained` writes it."""
    import transformers

    family = FAMILIES[name]
    tokenizer = family.vocabulary()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    config = getattr(transformers, family.config)(
        vocab_size=tokenizer.get_vocab_size(), **family.facts
    )
    transformers.AutoModel.from_config(config).save_pretrained(made)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **family.tokens)
    fast.save_pretrained(made)
    return made


@pytest.fixture(scope="session", params=sorted(FAMILIES))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_family(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def reader(folder: Path) -> Reader:
    return Reader(load_tokenizer(str(folder), 62).encode(), max_tokens=62)


@pytest.mark.parametrize("text", TEXTS)
def test_words_stand_where_they_are_said_to(reader: Reader, text: str):
    windows = reader.windows(text)
    assert all(len(tokens.ids) <= 62 for tokens in windows)
    words = words_of(windows)
    end = 0
    for word in words:
        assert end <= word.start < word.end <= len(text)
        assert not any(letter.isspace() for letter in text[word.start : word.end])
        assert 0 < word.position < len(windows[word.window].ids)
        end = word.end
    covered = "".join(text[word.start : word.end] for word in words)
    letters = [letter for letter in text if letter.isalnum()]
    assert [letter for letter in covered if letter.isalnum()] == letters


def test_a_chinese_character_is_never_a_word_with_what_is_no_chinese(reader: Reader):
    text = "order红色的茶hats\uff0c你好!"
    words = [text[start:stop] for start, stop in reader.encode(text).words]
    assert words[0] == "order"
    assert "hats" in words
    assert words[-1] == "!"
    for word in words:
        assert len({"\u4e00" <= letter <= "\u9fff" for letter in word}) == 1, word


def test_a_bert_trains_exports_and_is_served(
    recipe: Recipe, project: Project, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
):
    """The other families, whose graphs torch has to record, are asked by `make conformance`."""
    folder = make_family("bert", tmp_path_factory.mktemp("served"))
    trains_exports_and_is_served(folder, recipe, project, tmp_path)


def trains_exports_and_is_served(
    folder: Path, recipe: Recipe, project: Project, scratch: Path
) -> None:
    """Raise AssertionError where the encoder in ``folder`` does not."""
    recipe = msgspec.structs.replace(
        recipe, encoder=str(folder), epochs=1, encoder_rate=1e-4, out_of_scope=0.0
    )
    registry = Registry(scratch / "models")
    # A model that has learnt next to nothing is near the border of two intents everywhere, where
    # int8 may well tell them otherwise; that is not what is asked here.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.make.check_agreement", lambda *columns: None)
        manifest = build(project, recipe, registry)
    bundle = open_bundle(registry.folder(manifest.version))
    assert bundle.batches

    async def ask() -> list[Parse]:
        async with serve(bundle) as served:
            nlu = Nlu(Pipeline(), served)
            return [await nlu.parse(text) for text in (*TEXTS, "hello there " * 40)]

    for parse in asyncio.run(ask()):
        # Marks without a letter are nothing to a vocabulary that takes accents off.
        assert parse.intent.name in {"greet", "order", "faq"} or not parse.text_tokens
        assert all(parse.text[e.start : e.end] == e.value for e in parse.entities)


def test_it_can_read_as_many_tokens_as_it_has_places_for(folder: Path):
    encoder = load_encoder(str(folder), 64)
    reader = Reader(load_tokenizer(str(folder), 64).encode(), max_tokens=64)
    ids = torch.tensor([reader.encode("hello there " * 60).ids])
    assert ids.shape == (1, 64)
    with torch.inference_mode():
        assert (
            encoder(input_ids=ids, attention_mask=torch.ones_like(ids))
            .last_hidden_state.isfinite()
            .all()
        )
