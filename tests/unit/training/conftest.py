"""An encoder that trains in a second: two layers of random weights over a few words."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from bot.dialogue.domain import Domain
from bot.project.project import Config, Example, ExampleEntity, Lookup, NluData, Project
from training.recipe import Recipe, load_recipe

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
WORDS = ("hello", "hi", "there", "order", "send", "me", "where", "is", "my", "bye", "red", "blue")


def pieces() -> Tokenizer:
    vocabulary = (*SPECIAL, *WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS), "?", ",", "-")
    ids = {piece: number for number, piece in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `save_pretrained` writes it."""
    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-bert")
    torch.set_num_threads(1)  # more only wait for each other on so little work
    tokenizer = pieces()
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)
    return folder


@pytest.fixture
def recipe(tiny_bert: Path) -> Recipe:
    return msgspec.structs.replace(
        load_recipe(),
        encoder=str(tiny_bert),
        max_tokens=32,
        epochs=30,
        batch_size=8,
        encoder_rate=3e-3,
        head_rate=1e-2,
        small=0,
    )


def example(intent: str, text: str, **entities: str) -> Example:
    """``entities`` map a name, or name__role, to its text in ``text``."""
    found = []
    for name, value in entities.items():
        entity, _, role = name.partition("__")
        start = text.index(value)
        found.append(ExampleEntity(start, start + len(value), entity, value, role or None))
    return Example(text=text, intent=intent, entities=tuple(found))


GREETINGS = ("hello", "hi", "hello there", "hi there", "hi hi", "hello hello there")
ORDERS = ("send me {} socks", "order {} socks", "order me {} hats", "send {} hats", "order {} tea")


@pytest.fixture
def examples() -> list[Example]:
    """Three intents and a colour; some colours are letters the encoder has to spell."""
    colours = ("red", "blue", "green", "pink")
    return [
        *(example("greet", text) for text in GREETINGS * 2),
        *(
            example("order", text.format(colour), colour=colour)
            for text in ORDERS
            for colour in colours
        ),
        *(example("faq/where", f"where is my {thing}?") for thing in ("hat", "tea", "parcel")),
        *(example("faq/bye", text) for text in ("bye", "bye bye", "bye there")),
    ]


@pytest.fixture
def project(examples: list[Example], tmp_path: Path) -> Project:
    return Project(
        path=str(tmp_path),
        domain=Domain(),
        nlu=NluData(
            examples=tuple(examples),
            lookups=(Lookup("colour", ("teal", "red")),),
            synonyms={"crimson": "red"},
        ),
        stories=(),
        config=Config(),
        nlu_hash="of the data",
    )
