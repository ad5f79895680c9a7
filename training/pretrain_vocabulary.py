"""A vocabulary of word pieces, made from texts; the same texts always make the same one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
INSIDE = "##"  # before a piece that begins no word
RAREST = 2  # times a piece must occur


def make_vocabulary(texts: Sequence[str], size: int) -> Tokenizer:
    """A WordPiece tokenizer as BERT has it (Devlin and others, 2019), of about ``size`` pieces.

    Lower case, without accents. A Chinese character is always a word of its own, so nothing has to
    know where words end.
    """
    bert = normalizers.BertNormalizer(lowercase=True)
    splits = pre_tokenizers.BertPreTokenizer()
    words = Counter(
        word for text in texts for word, _ in splits.pre_tokenize_str(bert.normalize_str(text))
    )
    pieces = (*SPECIAL, *_pieces(words, size - len(SPECIAL)))
    ids = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = bert, splits
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(list(SPECIAL))
    ends = [(name, ids[name]) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    return tokenizer


def _pieces(words: Counter[str], size: int) -> list[str]:
    """Every letter, and the commonest of the pieces that byte pairs make of ``words``.

    The library's own trainer of word pieces breaks ties by chance, its trainer of byte pairs does
    not.
    """
    pairs = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(vocab_size=size, min_frequency=RAREST, show_progress=False)
    repeated = (word for word in sorted(words) for _ in range(min(words[word], 1000)))
    pairs.train_from_iterator(repeated, trainer)
    letters: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for at, letter in enumerate(word):
            letters[INSIDE * (at > 0) + letter] += count
        for at, piece in enumerate(pairs.encode(word).tokens):
            counts[INSIDE * (at > 0) + piece] += count
    known = [letter for letter, count in _ordered(letters) if count >= RAREST][:size]
    longer = [piece for piece, count in _ordered(counts) if piece not in letters]
    return known + longer[: size - len(known)]


def _ordered(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
