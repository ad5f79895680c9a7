"""Words are replaced by likely ones, where nothing of what is meant changes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SettingsError
from bot.project.project import Example
from nlu.tokenizer import Tokenizer
from training.augment import Augmenter
from training.checkpoint import Checkpoint
from training.encoders import load_tokenizer
from training.guesser import HEAD, WordGuesser, open_guesser, whole_words
from training.make import make
from training.masking import Vocabulary
from training.pretrain_recipe import load_pretrain_recipe
from training.pretrain_run import pretrain
from training.recipe import Recipe, load_recipe
from training.step import Step
from training.substitutes import substitutes_of

from .conftest import LETTERS, SPECIAL, WORDS, example, pieces

pytestmark = pytest.mark.torch


def masked_pieces() -> str:
    tokenizer = pieces()
    tokenizer.add_special_tokens(["[MASK]"])
    return tokenizer.to_str()


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Path:
    """What `parley pretrain` makes: an encoder of sentences in which one word follows another."""
    import transformers

    folder = tmp_path_factory.mktemp("adapted")
    torch.manual_seed(0)
    tokenizer = pieces()
    tokenizer.add_special_tokens(["[MASK]"])
    config = transformers.BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=64, max_position_embeddings=32,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(folder / "raw")
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", mask_token="[MASK]"
    ).save_pretrained(folder / "raw")
    recipe = msgspec.structs.replace(
        load_pretrain_recipe(), max_tokens=24, epochs=12, batch_size=8, kept_back=0.0, rate=1e-2
    )
    texts = ["send me red", "send me blue", "hello there", "where is my order"] * 6
    pretrain(texts, folder / "out", recipe, encoder=str(folder / "raw"))
    return folder / "out"


def endless(ids: torch.Tensor, mask: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
    """Finds every word as likely as its number is high."""
    size = len(SPECIAL) + len(WORDS) + 2 * len(LETTERS) + 4
    return torch.arange(size).float().repeat(int(asked.sum()), 1)


def guesser(words: Sequence[str] = WORDS) -> WordGuesser:
    known = whole_words(masked_pieces())
    chosen = {number: word for number, word in known.items() if word in words}
    tokenizer = Tokenizer(masked_pieces().encode(), max_tokens=32)
    return WordGuesser(tokenizer, Vocabulary(4, 0, (), 0), chosen, endless, torch.device("cpu"))


def agreeing(examples: Sequence[Example]) -> list[str]:
    return [each.intent for each in examples]


def test_words_of_a_vocabulary_are_those_of_letters_that_begin_one():
    words = set(whole_words(masked_pieces()).values())
    assert set(WORDS) <= words
    assert not {"?", "-", "[MASK]", "[CLS]", "7", "##a"} & words


def test_the_encoder_that_was_adapted_finds_what_fits(adapted: Path):
    found = open_guesser(str(adapted), 24)
    tokens = found.tokenizer.encode("send me hat")
    [[likely]] = found.guess([tokens], [[2]], 2)
    assert set(likely) == {"red", "blue"}
    other = found.tokenizer.encode("hats there")
    alone = found.guess([other], [[0]], 3)
    together = found.guess([tokens, other, tokens], [[1, 2], [0], [2]], 3)
    assert together[1] == alone[0]
    assert [len(places) for places in together] == [2, 1, 1]


def test_an_encoder_without_a_head_says_what_would_have_one(
    adapted: Path, recipe: Recipe, examples: list[Example], tmp_path: Path
):
    steps: list[Step] = []
    wanting = msgspec.structs.replace(recipe, substitutions=0.5)
    with pytest.raises(SettingsError, match=r"no head that guesses words.*parley pretrain TEXTS"):
        make(examples, wanting, tmp_path, watch=steps.append)
    assert steps == []
    (adapted / HEAD).rename(tmp_path / HEAD)
    try:
        with pytest.raises(SettingsError, match="no head that guesses words"):
            open_guesser(str(adapted), 24)
        (adapted / HEAD).write_bytes(b"broken")
        with pytest.raises(SettingsError, match="no head of the encoder beside it"):
            open_guesser(str(adapted), 24)
    finally:
        (tmp_path / HEAD).replace(adapted / HEAD)


def test_an_encoder_of_parts_of_words_alone_is_refused(
    adapted: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("training.guesser.whole_words", lambda tokenizer_json: {})
    with pytest.raises(SettingsError, match="parts of words alone"):
        open_guesser(str(adapted), 24)


@pytest.mark.parametrize("texts", [[], ["hello"], ["7 ?"], [""]])
def test_where_no_word_can_be_replaced_there_is_no_other_wording(texts: list[str]):
    examples = [example("greet", text) for text in texts]
    assert substitutes_of(examples, guesser(), agreeing, seed=0) == [[] for _ in texts]


def test_an_encoder_whose_maker_left_the_head_is_as_good(tmp_path: Path):
    import transformers

    tokenizer = pieces()
    tokenizer.add_special_tokens(["[MASK]"])
    config = transformers.BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=32, max_position_embeddings=32,
    )  # fmt: skip
    model = transformers.BertForMaskedLM(config)
    with torch.no_grad():
        model.cls.predictions.decoder.bias[tokenizer.token_to_id("order")] = 50.0
    model.save_pretrained(tmp_path)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", mask_token="[MASK]"
    ).save_pretrained(tmp_path)
    found = open_guesser(str(tmp_path), 24)
    assert found.guess([found.tokenizer.encode("send me")], [[0]], 1) == [[["order"]]]
    assert load_tokenizer(str(tmp_path), 24)


@given(
    words=st.lists(st.sampled_from([*WORDS, "tea", "X7", "2", "?"]), min_size=1, max_size=7),
    at=st.integers(0, 6),
    seed=st.integers(0, 5),
)
def test_entities_stay_and_are_found_where_they_went(words: list[str], at: int, seed: int):
    at = at % len(words)
    start = len("".join(f"{word} " for word in words[:at]))
    text = " ".join(words)
    marked = example("order", text)
    entity = msgspec.structs.replace(
        example("order", words[at], thing=words[at]).entities[0],
        start=start,
        end=start + len(words[at]),
    )
    marked = msgspec.structs.replace(marked, entities=(entity,))
    [found] = substitutes_of([marked], guesser(), agreeing, seed=seed)
    for wording in found:
        [moved] = wording.entities
        assert wording.text[moved.start : moved.end] == words[at]
        assert wording.intent == "order"
        assert wording.text != text
        told = wording.text.split()
        assert len(told) == len(words)
        kept = [old for old in words if not old.isalpha()]
        assert [new for new in told if not new.isalpha()] == kept


def test_what_is_an_example_already_or_means_something_else_to_a_first_model_is_left_out():
    examples = [example("order", "send me"), example("ask", "Where ME"), example("greet", "hello")]
    lines: list[str] = []

    def judge(wordings: Sequence[Example]) -> list[str]:
        return ["ask" if "is" in each.text.split() else each.intent for each in wordings]

    drawn = [
        substitutes_of(
            examples, guesser(("where", "is", "my")), judge, seed=seed, report=lines.append
        )
        for seed in range(12)
    ]
    ours = {each.text for found in drawn for each in found[0]}
    assert ours == {"my me", "send where", "send my"}  # "where me" is another intent's
    assert {each.text for found in drawn for each in found[1]} <= {
        "Where IS", "Where MY", "Where WHERE", "My ME", "Is ME",
    }  # fmt: skip
    assert all(found[2] == [] for found in drawn)  # its only word
    assert "meant something else to a first model" in lines[0]


def test_the_same_seed_draws_the_same(examples: list[Example]):
    one, same, other = (
        substitutes_of(examples, guesser(), agreeing, seed=seed) for seed in (1, 1, 2)
    )
    assert one == same != other


def test_other_wordings_are_as_many_as_asked_for():
    one, other = example("order", "send me red", colour="red"), example("order", "order me red")
    for share, least, most in ((0.0, 0, 0), (0.5, 60, 140), (1.0, 200, 200)):
        augmenter = Augmenter(
            [one], [], swap_values=0.0, typos=0.0, substitutions=share, rng=random.Random(0)
        )
        texts = [augmenter.vary(one, [other]).text for _ in range(200)]
        assert least <= texts.count("order me red") <= most
    assert load_recipe().substitutions == 0.0


def test_a_killed_and_resumed_training_with_other_words_gives_the_same_weights(
    adapted: Path, examples: list[Example], recipe: Recipe, tmp_path: Path
):
    class Killed(Exception):
        pass

    def kill(step: Step) -> None:
        if step.done > step.total * 0.8:
            raise Killed

    worded = msgspec.structs.replace(
        recipe, encoder=str(adapted), max_tokens=24, epochs=4, substitutions=0.5, encoder_rate=1e-2
    )
    lines: list[str] = []
    weights = {}
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        checkpoint = Checkpoint(tmp_path / f"{name}.safetensors", "key", every_s=0.0)
        if name == "killed":
            with pytest.raises(Killed):
                make(examples, worded, tmp_path / name, watch=kill, checkpoint=checkpoint)
        make(examples, worded, tmp_path / name, report=lines.append, checkpoint=checkpoint)
        weights[name] = (tmp_path / name / "model.onnx").read_bytes()
    assert weights["whole"] == weights["killed"]
    [told, again] = [line for line in lines if "other wordings for" in line]
    assert told == again
    assert not told.startswith("0 ")
    plain = msgspec.structs.replace(worded, substitutions=0.0)
    (tmp_path / "plain").mkdir()
    make(examples, plain, tmp_path / "plain")
    assert (tmp_path / "plain" / "model.onnx").read_bytes() != weights["whole"]
