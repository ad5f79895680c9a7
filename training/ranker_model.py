"""The encoder of a ranker: one for contexts and responses alike, with marks for who speaks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import AddedToken
from tokenizers import Tokenizer as Vocabulary

from nlu.ranking.dialogue import AGENT, USER
from nlu.ranking.encoder import GRAPH, TOKENIZER
from nlu.tokenizer import Tokenizer
from training.encoders import load_encoder, load_tokenizer
from training.export import export
from training.model import JointModel

MARKS = {USER: "user", AGENT: "agent"}  # a mark's vector begins as that of the word


def open_model(encoder: str, max_tokens: int, *, speakers: bool) -> tuple[JointModel, str]:
    """The pretrained encoder, and its tokenizer.json; with ``speakers`` both know the marks.

    What tags words elsewhere is the identity here, so that the tags are the pieces' vectors.
    Raises SettingsError.
    """
    tokenizer_json = load_tokenizer(encoder, max_tokens)
    loaded = load_encoder(encoder, max_tokens)
    if speakers:
        vocabulary = Vocabulary.from_str(tokenizer_json)
        before = vocabulary.get_vocab_size()
        vocabulary.add_tokens([AddedToken(mark, normalized=False) for mark in MARKS])
        loaded.resize_token_embeddings(vocabulary.get_vocab_size(), mean_resizing=False)
        embedding = loaded.get_input_embeddings()
        assert isinstance(embedding.weight, torch.Tensor)
        _begin_as_words(embedding.weight, vocabulary, before)
        tokenizer_json = vocabulary.to_str()
    hidden = loaded.config.hidden_size
    model = JointModel(loaded, 1, hidden)
    with torch.no_grad():
        model.tag_head.weight.copy_(torch.eye(hidden))
        model.tag_head.bias.zero_()
    return model.eval(), tokenizer_json


def write_encoder(
    model: JointModel, tokenizer_json: str, folder: Path, *, max_tokens: int, texts: Sequence[str]
) -> None:
    """Write the graph in int8, on scales that fit ``texts``, and the tokenizer into ``folder``."""
    tokenizer = Tokenizer(tokenizer_json.encode(), max_tokens=max_tokens)
    read = [tokenizer.encode(text) for text in texts]
    float32 = folder / "float32.onnx"
    export(model, float32, folder / GRAPH, sentences=read)
    float32.unlink()
    (folder / TOKENIZER).write_text(tokenizer_json, "utf-8")


def _begin_as_words(weight: torch.Tensor, vocabulary: Vocabulary, before: int) -> None:
    """Set the rows from ``before`` on to those of the pieces that a mark's word is made of."""
    with torch.no_grad():
        for row, word in enumerate(MARKS.values(), before):
            pieces = vocabulary.encode(word, add_special_tokens=False).ids
            weight[row] = weight[pieces].mean(0)
