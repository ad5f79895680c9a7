"""An encoder learns from bare texts: hidden words, new vocabularies, runs that were killed."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from typer import Typer
from typer.testing import CliRunner

from bot.errors import ProjectError, SettingsError
from bot.project.project import NluData, Project
from nlu.bundle import open_bundle
from nlu.registry import Registry
from nlu.tokenizer import Tokenizer
from training.dataset import IGNORED
from training.encoders import load_encoder, load_tokenizer
from training.evaluate import answer
from training.masking import Row, Vocabulary, batches, collate, hide, rows_of
from training.pretrain import Guesser, guessed, vocabulary_of
from training.pretrain_cli import pretrain as command
from training.pretrain_recipe import PretrainRecipe, load_pretrain_recipe
from training.pretrain_run import pretrain
from training.pretrain_texts import LONGEST, read_texts
from training.pretrain_vocabulary import SPECIAL, make_vocabulary
from training.publish import build
from training.recipe import Recipe
from training.step import Step

from .conftest import example, pieces

pytestmark = pytest.mark.torch

CHINESE = [
    f"{greeting}\uff0c我想{verb}{thing}。"
    for greeting in ("你好", "您好", "请问")
    for verb in ("买", "找", "看看")
    for thing in ("茶", "咖啡", "书", "手机")
]


@pytest.fixture(scope="module")
def tiny_masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny encoder with a token for what is hidden."""
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-masked")
    tokenizer = pieces()
    tokenizer.add_special_tokens(["[MASK]"])
    torch.manual_seed(0)
    size = tokenizer.get_vocab_size()
    BertModel(
        BertConfig(
            vocab_size=size, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=32, max_position_embeddings=32,
        )
    ).save_pretrained(folder)  # fmt: skip
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", mask_token="[MASK]"
    ).save_pretrained(folder)
    return folder


@pytest.fixture
def small() -> PretrainRecipe:
    return msgspec.structs.replace(
        load_pretrain_recipe(),
        max_tokens=24, epochs=2, batch_size=8, vocabulary=120, hidden=16, layers=1, heads=2,
        kept_back=0.1, new_rate=5e-3,
    )  # fmt: skip


def vocabulary(size: int = 200) -> Vocabulary:
    return Vocabulary(mask_id=4, pad_id=0, special=(0, 1, 2, 3, 4), size=size)


def row(*sizes: int) -> Row:
    """[CLS], words of so many pieces each, [SEP]."""
    words = np.repeat(np.arange(len(sizes)), sizes)
    ids = np.concatenate([[2], np.arange(10, 10 + len(words)), [3]])
    return Row(ids, np.concatenate([[-1], words, [-1]]))


class TestMasking:
    def test_of_a_word_every_piece_is_hidden_or_none(self):
        rng = np.random.default_rng(0)
        one = row(1, 3, 2, 4, 1, 2)
        for _ in range(100):
            _, labels = hide(one, vocabulary(), 0.3, rng)
            for word in range(6):
                assert len(set((labels[one.words == word] == IGNORED).tolist())) == 1

    def test_special_tokens_are_never_hidden(self):
        rng = np.random.default_rng(0)
        for _ in range(100):
            ids, labels = hide(row(1, 1), vocabulary(), 0.9, rng)
            assert (ids[0], ids[-1]) == (2, 3)
            assert labels[0] == labels[-1] == IGNORED

    def test_about_the_share_that_was_asked_is_hidden_and_a_word_at_least(self):
        rng = np.random.default_rng(0)
        counts = [(hide(row(*[1] * 40), vocabulary(), 0.15, rng)[1] != IGNORED).sum()
                  for _ in range(50)]  # fmt: skip
        assert set(counts) == {6}
        assert (hide(row(1, 1), vocabulary(), 0.15, rng)[1] != IGNORED).sum() == 1

    def test_of_the_hidden_most_are_masked_some_replaced_some_left(self):
        rng = np.random.default_rng(0)
        one = row(*[1] * 100)
        masked = left = asked = 0
        for _ in range(100):
            ids, labels = hide(one, vocabulary(10_000), 0.2, rng)
            chosen = labels != IGNORED
            asked += int(chosen.sum())
            masked += int((ids[chosen] == 4).sum())
            left += int((ids[chosen] == one.ids[chosen]).sum())
        assert masked / asked == pytest.approx(0.8, abs=0.03)
        assert left / asked == pytest.approx(0.1, abs=0.03)

    def test_labels_are_what_stood_there(self):
        one = row(2, 2, 2)
        _, labels = hide(one, vocabulary(), 0.5, np.random.default_rng(0))
        assert (labels[labels != IGNORED] == one.ids[labels != IGNORED]).all()

    def test_a_batch_depends_on_its_numbers_alone(self):
        rows = [row(*[1] * n) for n in range(3, 30)]
        settings = {"seed": 1, "epoch": 2, "vocabulary": vocabulary(), "share": 0.15}
        whole = list(batches(rows, 4, **settings))
        again = list(batches(rows, 4, **settings))[3]
        assert torch.equal(whole[3].ids, again.ids)
        other = list(batches(rows, 4, **settings | {"epoch": 3}))[3]
        assert other.ids.shape != again.ids.shape or not torch.equal(other.ids, again.ids)

    def test_every_row_is_in_an_epoch_once(self):
        rows = [row(*[1] * n) for n in range(3, 30)]
        drawn = batches(rows, 4, seed=1, epoch=0, vocabulary=vocabulary(), share=0.15)
        lengths = [int(length) for batch in drawn for length in batch.mask.sum(1)]
        assert sorted(lengths) == [len(one.ids) for one in rows]

    def test_padding_is_not_asked_for(self):
        batch = collate([row(1), row(1, 1, 1)], vocabulary(), 0.5, np.random.default_rng(0))
        assert batch.labels[0, 3:].tolist() == [IGNORED] * 2
        assert batch.mask.tolist() == [[1, 1, 1, 0, 0], [1] * 5]

    def test_a_long_text_gives_several_rows_and_nothing_is_left_out(self):
        made = make_vocabulary(CHINESE, 200).to_str()
        tokenizer = Tokenizer(made.encode(), max_tokens=12)
        rows = rows_of(["茶书" * 20], tokenizer, vocabulary_of(made, tokenizer))
        assert all(len(one.ids) <= 12 for one in rows)
        assert sum(int((one.words >= 0).sum()) for one in rows) >= 40


class TestVocabulary:
    def test_a_chinese_character_is_a_piece_and_places_count_code_points(self):
        made = make_vocabulary([*CHINESE, "hello there", "hello you"], 200)
        tokenizer = Tokenizer(made.to_str().encode(), max_tokens=64)
        text = "😀 你好\uff0chello 茶"
        words = [text[start:end] for start, end in tokenizer.encode(text).words]
        assert words == ["😀", "你", "好", "\uff0c", "hello", "茶"]

    def test_the_same_texts_make_the_same_vocabulary(self):
        one, other = (make_vocabulary(texts, 60).to_str() for texts in (CHINESE, CHINESE[:]))
        assert one == other

    def test_it_has_no_more_pieces_than_asked_for(self):
        texts = [f"number{n} word{n * 7} {n}" for n in range(300)] * 2
        assert make_vocabulary(texts, 150).get_vocab_size() <= 150

    def test_common_words_are_one_piece_and_others_are_spelt(self):
        made = make_vocabulary(["order tea", "order milk"] * 5 + ["rot", "rot"], 60)
        assert made.encode("order redo").tokens[:2] == ["[CLS]", "order"]
        assert "[UNK]" not in made.encode("redo").tokens

    def test_special_tokens_come_first(self):
        ids = make_vocabulary(CHINESE, 100).get_vocab()
        assert [ids[name] for name in SPECIAL] == [0, 1, 2, 3, 4]


class TestTexts:
    def test_files_of_every_kind_give_their_texts_once(self, tmp_path: Path):
        (tmp_path / "a.txt").write_text("one\n\n two \none\n", "utf-8")
        (tmp_path / "b.jsonl").write_text(
            '"three"\n{"text": "four", "id": "x9"}\n\n'
            '{"turns": [{"content": "five"}, {"content": "two"}]}\n'
        )
        (tmp_path / "nlu.yml").write_text(
            "version: '3.1'\nnlu:\n- intent: a\n  examples: |\n    - six [seven](n)\n"
        )
        (tmp_path / "domain.yml").write_text("version: '3.1'\nintents: [a]\n")
        (tmp_path / "picture.png").write_bytes(b"\x89PNG\0")
        lines: list[str] = []
        found = read_texts([tmp_path], report=lines.append)
        assert found == ["one", "two", "three", "four", "five", "six seven"]
        assert lines == [f"{tmp_path}: 6 texts"]

    def test_a_very_long_text_is_cut_at_sentences_and_whole(self, tmp_path: Path):
        sentence = "茶" * 700 + "。"
        (tmp_path / "a.txt").write_text(sentence * 5 + "x" * 5000, "utf-8")
        found = read_texts([tmp_path / "a.txt"])
        assert all(len(text) <= LONGEST for text in found)
        assert found[0].endswith("。")
        assert sum(text.count("x") for text in found) >= LONGEST

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("a.txt", b"fine\n\xff\xfe", r"a\.txt:2: is not UTF-8 text here"),
            ("a.jsonl", b'"fine"\n{no', r"a\.jsonl:2: is no JSON"),
            ("a.jsonl", b"3\nnull\n", "no text was found in"),
            ("a.txt", b" \n\n", "no text was found in"),
            ("a.yml", b"intents: [a]\n", "no text was found in"),
        ],
    )
    def test_what_cannot_be_read_is_named(
        self, tmp_path: Path, name: str, content: bytes, message: str
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ProjectError, match=message):
            read_texts([tmp_path / name])

    def test_a_missing_file_is_named(self, tmp_path: Path):
        with pytest.raises(ProjectError, match=r"gone\.txt: there is no such file"):
            read_texts([tmp_path / "gone.txt"])


def test_a_new_encoder_learns_to_guess_and_serves_as_an_encoder(
    small: PretrainRecipe, tmp_path: Path
):
    recipe = msgspec.structs.replace(small, epochs=20, kept_back=0.2)
    learnt = pretrain(CHINESE, tmp_path / "zh", recipe)
    assert learnt.before is not None
    assert learnt.after is not None
    assert learnt.after.loss < learnt.before.loss * 0.8
    encoder = load_encoder(str(tmp_path / "zh"), 24)
    assert encoder.config.hidden_size == 16
    tokens = Tokenizer(load_tokenizer(str(tmp_path / "zh"), 24).encode(), max_tokens=24)
    assert len(tokens.encode("你好茶").words) == 3
    about = json.loads((tmp_path / "zh" / "pretrain.json").read_text())
    assert about["texts"] == len(CHINESE)
    assert about["recipe"]["epochs"] == 20


def test_the_encoder_that_is_named_goes_on_learning(
    small: PretrainRecipe, tiny_masked: Path, tmp_path: Path
):
    texts = ["send me red tea", "where is my order", "hello there", "send blue hats"] * 6
    pretrain(texts, tmp_path / "out", small, encoder=str(tiny_masked))
    before, after = (load_file(folder / "model.safetensors") for folder in (
        tiny_masked, tmp_path / "out"))  # fmt: skip
    assert before.keys() == after.keys()
    name = "encoder.layer.0.output.dense.weight"
    assert not torch.equal(before[name], after[name])
    assert load_tokenizer(str(tmp_path / "out"), 24) == load_tokenizer(str(tiny_masked), 24)


def test_a_chinese_bot_is_made_from_nothing_but_texts(
    small: PretrainRecipe, recipe: Recipe, project: Project, tmp_path: Path
):
    pretrain(CHINESE, tmp_path / "zh", msgspec.structs.replace(small, hidden=32, epochs=3))
    things = ("茶", "咖啡", "书", "手机")
    examples = [
        *(
            example("buy", text, thing=thing)
            for text in CHINESE
            for thing in things
            if thing in text
        ),
        *(example("greet", text) for text in ("你好", "您好", "你好你好", "请问") * 4),
    ]
    recipe = msgspec.structs.replace(
        recipe, encoder=str(tmp_path / "zh"), max_tokens=24, epochs=10, out_of_scope=0.0, typos=0.0
    )
    project = msgspec.structs.replace(project, nlu=NluData(examples=tuple(examples)))
    registry = Registry(tmp_path / "models")
    bundle = open_bundle(registry.folder(build(project, recipe, registry).version))
    text = "😀 你好\uff0c我想买手机。"
    [said] = answer(bundle.model, [text], bundle.manifest.intents, bundle.manifest.labels)
    assert said.intent == "buy"
    assert [(e.value, e.start, e.end) for e in said.entities] == [("手机", 8, 10)]


def test_a_killed_and_resumed_run_gives_the_same_encoder(small: PretrainRecipe, tmp_path: Path):
    class Killed(Exception):
        pass

    def kill(step: Step) -> None:
        if step.done == 6:
            raise Killed

    pretrain(CHINESE, tmp_path / "straight", small)
    with pytest.raises(Killed):
        pretrain(CHINESE, tmp_path / "again", small, watch=kill, every_s=0)
    lines: list[str] = []
    pretrain(CHINESE, tmp_path / "again", small, report=lines.append)
    assert any(line.startswith("going on after step 5") for line in lines)
    straight, again = (
        load_file(tmp_path / name / "model.safetensors") for name in ("straight", "again")
    )
    assert all(torch.equal(straight[name], again[name]) for name in straight)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "straight"]


def test_what_is_guessed_is_measured_alike_twice(small: PretrainRecipe, tiny_masked: Path):
    encoder = load_encoder(str(tiny_masked), 24)
    tokenizer_json = load_tokenizer(str(tiny_masked), 24)
    tokenizer = Tokenizer(tokenizer_json.encode(), max_tokens=24)
    known = vocabulary_of(tokenizer_json, tokenizer)
    model = Guesser(encoder)
    rows = rows_of(["hello there", "send me red hats"], tokenizer, known)
    assert guessed(model, rows, known, small) == guessed(model, rows, known, small)
    assert guessed(model, [], known, small) is None


def test_an_encoder_that_cannot_hide_is_refused(
    small: PretrainRecipe, tiny_bert: Path, tmp_path: Path
):
    with pytest.raises(SettingsError, match=r"no \[MASK\] or <mask>"):
        pretrain(["hello"] * 9, tmp_path / "out", small, encoder=str(tiny_bert))


def test_heads_that_cannot_share_the_width_are_refused(small: PretrainRecipe, tmp_path: Path):
    with pytest.raises(SettingsError, match="hidden is 16, which 3 heads cannot share"):
        pretrain(CHINESE, tmp_path / "out", msgspec.structs.replace(small, heads=3))


def test_a_folder_of_something_else_is_not_overwritten(small: PretrainRecipe, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("precious")
    with pytest.raises(SettingsError, match="not from `parley pretrain`"):
        pretrain(CHINESE, tmp_path / "mine", small)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "precious"


def test_the_command_says_what_it_reached_and_how_to_use_it(tmp_path: Path):
    (tmp_path / "texts.txt").write_text("\n".join(CHINESE), "utf-8")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        "hidden = 16\nlayers = 1\nheads = 2\nvocabulary = 120\nmax_tokens = 16\nkept_back = 0.1\n"
    )
    app = Typer()
    app.command()(command)
    out = tmp_path / "zh"
    result = CliRunner().invoke(
        app,
        [str(tmp_path / "texts.txt"), "--out", str(out), "--recipe", str(recipe), "--epochs", "1",
         "--quiet"],
    )  # fmt: skip
    assert result.exit_code == 0, (result.output, result.exception)
    assert "36 texts" in result.output
    assert "hidden tokens guessed" in result.output
    assert result.output.rstrip().endswith(f'name it in a recipe.toml: encoder = "{out}"')
    assert (out / "tokenizer.json").is_file()
