"""A ranker from stories and a log to a server that ranks."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bot.errors import ProjectError
from bot.model.ranking import current_ranker, ranker_registry
from bot.project.load import load_project
from bot.project.project import Project
from nlu.errors import BundleError
from nlu.ranking.candidates import Candidate
from nlu.ranking.dialogue import AGENT, USER, Line
from nlu.ranking.ranker_bundle import open_ranker, read_ranker_manifest
from nlu.tokenizer import Tokenizer
from training.ranker_data import Answered, told
from training.ranker_model import open_model
from training.ranker_publish import build_ranker, hold_out
from training.ranker_recipe import RankerRecipe, load_ranker_recipe
from training.ranker_work import ranker_work

DOMAIN = """
intents: [greet, order]
responses:
  utter_hi: [{text: hello there}]
  utter_order: [{text: "red or blue?"}]
"""
DATA = """
nlu:
- {intent: greet, examples: "- hello\\n- hi"}
- {intent: order, examples: "- order me socks\\n- send hats"}
stories:
- story: a
  steps: [{intent: greet}, {action: utter_hi}, {intent: order}, {action: utter_order}]
- story: b
  steps: [{intent: order}, {action: utter_order}]
"""
CONFIG = "policies: [{name: ResponseRankingPolicy, canned: canned.csv}]"


@pytest.fixture
def numbers(tiny_bert: Path) -> RankerRecipe:
    return msgspec.structs.replace(
        load_ranker_recipe(),
        encoder=str(tiny_bert),
        max_tokens=32,
        batch_size=4,
        epochs=20,
        encoder_rate=3e-3,
        same_answer=0.999,  # to an encoder of random weights all texts are alike
        holdout=0.0,
    )


@pytest.fixture
def bot(tmp_path: Path) -> Project:
    (tmp_path / "data").mkdir()
    for name, text in (
        ("domain.yml", DOMAIN),
        ("data/all.yml", DATA),
        ("config.yml", CONFIG),
        ("canned.csv", "name,text\nbye,bye bye\n,\n"),
    ):
        (tmp_path / name).write_text(text)
    return load_project(tmp_path)


def test_the_marks_are_pieces_of_their_own_and_begin_as_the_words_they_stand_for(tiny_bert: Path):
    model, tokenizer_json = open_model(str(tiny_bert), 32, speakers=True)
    ids = Tokenizer(tokenizer_json.encode(), max_tokens=32).encode(f"{USER} hi {AGENT} hello").ids
    plain, _ = open_model(str(tiny_bert), 32, speakers=False)
    size = plain.encoder.config.vocab_size
    assert [piece for piece in ids if piece >= size] == [size, size + 1]
    assert model.encoder.config.vocab_size == size + 2


def test_stories_tell_what_answers_what(bot: Project):
    answered = told(bot, seed=1)
    assert len(answered) == 4 * 3
    assert answered[1].before[1] == Line("agent", "hello there")
    assert answered[1].answer == Candidate("red or blue?", "response", "utter_order")
    assert {each.before[0].text for each in answered} > {"hello"}


def test_a_dialogue_is_never_learnt_from_and_judged_by(bot: Project, numbers: RankerRecipe):
    half = msgspec.structs.replace(numbers, holdout=0.5)
    learnt, kept_back = hold_out(told(bot, seed=1), half)
    assert {each.dialogue for each in learnt}.isdisjoint(each.dialogue for each in kept_back)
    assert {each.before for each in learnt}.isdisjoint(each.before for each in kept_back)


def test_what_was_trained_ranks_as_the_stories_tell(
    bot: Project, numbers: RankerRecipe, tmp_path: Path
):
    models = tmp_path / "models"
    assert current_ranker(bot, models) is None
    work = ranker_work(bot, numbers, ranker_registry(models), force=False, wanted=False)
    assert work is not None
    assert "too few dialogues" in work.run(lambda step: None, lambda line: None)
    ranker = current_ranker(bot, models)
    assert ranker is not None
    assert {(each.source, each.template) for each in ranker.candidates} == {
        ("response", "hello there"),
        ("response", "red or blue?"),
        ("canned", "bye bye"),
    }
    for said, name in (("hi", "utter_hi"), ("send hats", "utter_order")):
        assert ranker.rank([Line("user", said)])[0].candidate.name == name
    again = ranker_work(bot, numbers, ranker_registry(models), force=False, wanted=False)
    assert again is not None
    assert again.why == ""


def test_a_response_written_since_is_ranked_too(
    bot: Project, numbers: RankerRecipe, tmp_path: Path
):
    registry = ranker_registry(tmp_path / "models")
    once = msgspec.structs.replace(numbers, epochs=1)
    manifest = build_ranker(told(bot, 1), (), once, registry, data_hash="x")
    new = Candidate("where is my hat", "response", "utter_new")
    ranker = open_ranker(registry.folder(manifest.version), [new])
    assert ranker.candidates == (new,)
    assert ranker.rank([Line("user", "hi")])[0].candidate == new


def test_answers_kept_back_say_how_sure_to_be(bot: Project, numbers: RankerRecipe, tmp_path: Path):
    registry = ranker_registry(tmp_path / "models")
    half = msgspec.structs.replace(numbers, holdout=0.5, epochs=2)
    others = [Candidate(text, "canned") for text in ("bye", "where is my tea?")]
    answers = [each.answer for each in told(bot, 1)[:2]]
    said = [
        f"{what} {letter}" for what in ("hello", "order") for letter in "abcdefghijklmnopqrstuvwx"
    ]
    answered = [
        Answered((Line("user", text),), answers["order" in text], number)
        for number, text in enumerate(said)
    ]
    manifest = build_ranker(answered, others, half, registry, data_hash="x")
    assert manifest.scores["kept_back"] >= 20
    assert 0 <= manifest.threshold <= 1
    assert manifest.scores["right_in_five"] == 1.0


def test_one_answer_alone_is_nothing_to_learn_from(
    bot: Project, numbers: RankerRecipe, tmp_path: Path
):
    same = [each for each in told(bot, 1) if each.answer.name == "utter_hi"]
    with pytest.raises(ProjectError, match="no two different answers"):
        build_ranker(same, (), numbers, ranker_registry(tmp_path), data_hash="x")


def test_a_damaged_ranker_names_its_file_and_the_project_goes_on_without(
    bot: Project, numbers: RankerRecipe, tmp_path: Path
):
    registry = ranker_registry(tmp_path / "models")
    once = msgspec.structs.replace(numbers, epochs=1)
    folder = registry.folder(build_ranker(told(bot, 1), (), once, registry, data_hash="x").version)
    (folder / "vectors.npz").write_bytes(b"")
    with pytest.raises(BundleError, match=r"vectors\.npz is not the file"):
        open_ranker(folder, [])
    assert current_ranker(bot, tmp_path / "models") is None
    manifest = msgspec.structs.replace(read_ranker_manifest(folder), format=9)
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    with pytest.raises(BundleError, match="format 9"):
        read_ranker_manifest(folder)


def test_a_project_that_asks_for_no_ranker_trains_none_unless_told(
    bot: Project, numbers: RankerRecipe, tmp_path: Path
):
    plain = msgspec.structs.replace(bot, config=msgspec.structs.replace(bot.config, policies=()))
    registry = ranker_registry(tmp_path)
    assert ranker_work(plain, numbers, registry, force=False, wanted=False) is None
    work = ranker_work(plain, numbers, registry, force=False, wanted=True)
    assert work is not None
    assert work.why == "there is none yet"
