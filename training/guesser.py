"""An encoder with the head that guesses hidden words: `parley pretrain` writes one, or its maker
did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer as Pieces
from transformers import AutoConfig, AutoModelForMaskedLM

from bot.errors import SettingsError
from nlu.tokenizer import Tokenizer, Tokens
from training.encoders import find_encoder, load_encoder, load_tokenizer
from training.loop import pick_device
from training.masking import Vocabulary
from training.pretrain import Guesser, vocabulary_of

HEAD = "guesser.safetensors"  # beside the encoder that `parley pretrain` wrote
MARKS = ("\u2581", "\u0120")  # a word's first piece, to SentencePiece and to byte-level BPE
LATER = "##"  # a word's later pieces, to WordPiece

Logits = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
Guesses = list[list[list[str]]]  # texts x places x words, the likeliest first


@dataclass(frozen=True, slots=True)
class WordGuesser:
    """Says which words may stand in a place.

    ``words`` are the whole words of the vocabulary, by their ids. ``logits`` gives those of the
    vocabulary for each hidden place, (hidden, vocabulary), of ids, mask and what is hidden, (B, T).
    """

    tokenizer: Tokenizer
    vocabulary: Vocabulary
    words: dict[int, str]
    logits: Logits
    device: torch.device

    @torch.no_grad()
    def guess(self, texts: Sequence[Tokens], places: Sequence[Sequence[int]], most: int) -> Guesses:
        """The likeliest words in ``places`` (numbers of words) of each of ``texts``, all of them
        hidden from it."""
        rows = [self._hidden(tokens, set(some)) for tokens, some in zip(texts, places, strict=True)]
        longest = max(len(ids) for ids, _ in rows)
        ids = torch.full((len(rows), longest), self.vocabulary.pad_id)
        mask = torch.zeros_like(ids)
        for row, (found, _) in enumerate(rows):
            ids[row, : len(found)] = torch.tensor(found)
            mask[row, : len(found)] = 1
        asked = torch.zeros_like(ids, dtype=torch.bool)
        for row, (_, hidden) in enumerate(rows):
            asked[row, hidden] = True
        said = self.logits(*(part.to(self.device) for part in (ids, mask, asked))).float().cpu()
        numbers = list(self.words)
        best = said[:, numbers].topk(min(most, len(numbers)), dim=-1).indices.tolist()
        likeliest = iter([[self.words[numbers[at]] for at in row] for row in best])
        return [[next(likeliest) for _ in hidden] for _, hidden in rows]

    def _hidden(self, tokens: Tokens, places: set[int]) -> tuple[list[int], list[int]]:
        """The ids with each of ``places`` a single hidden one, and where those are."""
        ids: list[int] = list(tokens.ids[: tokens.firsts[0]])
        hidden: list[int] = []
        closing = len(tokens.ids) - 1  # a special token ends a text
        for number, (first, after) in enumerate(
            zip(tokens.firsts, (*tokens.firsts[1:], closing), strict=True)
        ):
            if number in places:
                hidden.append(len(ids))
                ids.append(self.vocabulary.mask_id)
            else:
                ids += tokens.ids[first:after]
        return [*ids, *tokens.ids[closing:]], hidden


def save_head(guesser: Guesser, folder: Path) -> None:
    """Write beside the encoder what is not of it."""
    state = {"bias": guesser.bias, **_named(guesser)}
    save_file({name: value.detach().cpu().clone() for name, value in state.items()}, folder / HEAD)


def open_guesser(name: str, max_tokens: int) -> WordGuesser:
    """The encoder ``name`` with its head.

    Raises:
        SettingsError: It has none that was trained, or knows no whole words.
    """
    tokenizer_json = load_tokenizer(name, max_tokens)
    tokenizer = Tokenizer(tokenizer_json.encode(), max_tokens=max_tokens)
    device = pick_device()
    logits = _logits(name, max_tokens, device)
    vocabulary = vocabulary_of(tokenizer_json, tokenizer)
    words = whole_words(tokenizer_json)
    if not words:
        raise SettingsError(
            f"encoder {name!r} knows parts of words alone, so it cannot say which would fit. Name "
            "another as `guesser` in the recipe."
        )
    return WordGuesser(tokenizer, vocabulary, words, logits, device)


def _logits(name: str, max_tokens: int, device: torch.device) -> Logits:
    folder = Path(find_encoder(name))
    if (folder / HEAD).is_file():
        guesser = Guesser(load_encoder(name, max_tokens))
        _fill(guesser, folder / HEAD)
        guesser.eval().to(device)
        return lambda ids, mask, asked: guesser.guess(guesser.read(ids, mask)[asked])
    config = AutoConfig.from_pretrained(str(folder))
    if not any(each.endswith("ForMaskedLM") for each in config.architectures or ()):
        raise SettingsError(
            f"encoder {name!r} has no head that guesses words, so it cannot say which would fit. "
            f"`parley pretrain TEXTS --encoder {name} --out FOLDER` makes one that has: name that "
            "FOLDER as `guesser` in the recipe, or an encoder made for masked words."
        )
    model = AutoModelForMaskedLM.from_pretrained(str(folder), dtype="float32").eval().to(device)
    return lambda ids, mask, asked: model(input_ids=ids, attention_mask=mask).logits[asked]


def _fill(guesser: Guesser, path: Path) -> None:
    try:
        state = load_file(path)
        bias = state.pop("bias")
        for name, value in _named(guesser).items():
            value.data.copy_(state[name])
        guesser.bias.data.copy_(bias)
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise SettingsError(
            f"{path} is no head of the encoder beside it ({error}). Run `parley pretrain` again."
        ) from error


def _named(guesser: Guesser) -> dict[str, torch.nn.Parameter]:
    parts = {"dense": guesser.dense, "norm": guesser.norm}
    return {f"{n}.{key}": v for n, part in parts.items() for key, v in part.named_parameters()}


def whole_words(tokenizer_json: str) -> dict[int, str]:
    """The pieces of a vocabulary that are words of letters by themselves."""
    pieces = Pieces.from_str(tokenizer_json)
    vocabulary = pieces.get_vocab()
    mark = next((m for m in MARKS if any(piece.startswith(m) for piece in vocabulary)), "")
    found = {}
    for piece, number in sorted(vocabulary.items(), key=lambda each: each[1]):
        begins = piece.startswith(mark) if mark else not piece.startswith(LATER)
        word = pieces.decode([number]).strip() if begins else ""
        if word.isalpha():  # which a special token is not, nor half of a character
            found[number] = word
    return found
