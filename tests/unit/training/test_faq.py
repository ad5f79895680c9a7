"""An FAQ from its folder to a server that answers from it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from bot.errors import SettingsError
from bot.model.faq import current_faq, faq_registry, serve_faq
from bot.project.hashes import faq_hash
from bot.project.load import load_project
from bot.project.project import Project
from nlu.errors import BundleError
from nlu.ranking.entry import FaqEntry
from nlu.ranking.faq_bundle import open_faq, read_faq_manifest
from training.faq_pairs import faq_pairs
from training.faq_publish import build_faq
from training.faq_work import faq_work
from training.ranker_recipe import RankerRecipe, load_ranker_recipe

ENTRIES = (
    FaqEntry("faq/red", ("where is my red hat?", "red hat"), "send me a red order"),
    FaqEntry("faq/bye", ("hello there",), "bye bye"),
    FaqEntry("faq/blue", ("order blue",), "hi there"),
)


@pytest.fixture
def numbers(tiny_bert: Path) -> RankerRecipe:
    return msgspec.structs.replace(
        load_ranker_recipe(),
        encoder=str(tiny_bert),
        max_tokens=32,
        batch_size=4,
        epochs=10,
        encoder_rate=3e-3,
        same_answer=1.0,  # to an encoder of random weights all texts are alike
    )


def test_what_is_indexed_is_found_again(numbers: RankerRecipe, tmp_path: Path):
    registry = faq_registry(tmp_path)
    manifest = build_faq(ENTRIES, numbers, registry, data_hash="x")
    index = open_faq(registry.folder(manifest.version))
    assert index.entries == ENTRIES
    assert not manifest.trained
    for entry in ENTRIES:
        assert index.search(entry.questions[0])[0].entry == entry


def test_training_brings_wordings_nearer_to_their_own_answers(
    numbers: RankerRecipe, tmp_path: Path
):
    registry = faq_registry(tmp_path)
    apart = []
    for train in (False, True):
        manifest = build_faq(ENTRIES, numbers, registry, data_hash="x", train=train)
        scores = open_faq(registry.folder(manifest.version)).scores("red hat")
        apart.append(scores[0] - np.delete(scores, 0).max())
    assert manifest.trained
    assert apart[1] > apart[0]


def test_a_wording_goes_with_the_question_and_with_its_answer():
    lefts, rights, numbers = faq_pairs(ENTRIES[:1])
    assert list(zip(lefts, rights, numbers, strict=True)) == [
        ("where is my red hat?", "send me a red order", 0),
        ("red hat", "where is my red hat?", 0),
        ("red hat", "where is my red hat? send me a red order", 0),
    ]


def test_what_is_too_long_to_be_searched_whole_is_told(numbers: RankerRecipe, tmp_path: Path):
    said: list[str] = []
    entries = (*ENTRIES, FaqEntry("faq/long", ("hello",), "bye " * 40))
    build_faq(entries, numbers, faq_registry(tmp_path), data_hash="x", report=said.append)
    assert any("1 of the answers are longer than max_tokens, 32" in line for line in said)


def test_a_damaged_index_names_its_file(numbers: RankerRecipe, tmp_path: Path):
    registry = faq_registry(tmp_path)
    folder = registry.folder(build_faq(ENTRIES, numbers, registry, data_hash="x").version)
    (folder / "faq.json").write_bytes(b"[]")
    with pytest.raises(BundleError, match=r"faq\.json is not the file that was published"):
        open_faq(folder)
    manifest = read_faq_manifest(folder)
    wrong = msgspec.structs.replace(manifest, kind="policy")
    (folder / "manifest.json").write_bytes(msgspec.json.encode(wrong))
    with pytest.raises(BundleError, match="describes a policy"):
        read_faq_manifest(folder)


def project_in(folder: Path) -> Project:
    (folder / "faq").mkdir(parents=True)
    (folder / "faq" / "a.md").write_text("## where is my hat?\nsend me red\n## bye\nhello\n")
    (folder / "config.yml").write_text("pipeline: [{name: FaqRetriever, folder: faq}]")
    (folder / "domain.yml").write_text("intents: [faq]")
    return load_project(folder)


async def test_a_project_with_an_faq_is_served_from_its_index(
    numbers: RankerRecipe, tmp_path: Path
):
    project, models = project_in(tmp_path / "bot"), tmp_path / "models"
    with pytest.raises(SettingsError, match="parley train faq"):
        current_faq(project, models)
    work = faq_work(project, numbers, faq_registry(models), force=False)
    assert work is not None
    assert work.why == "there is none yet"
    assert "2 entries indexed" in work.run(lambda step: None, lambda line: None)
    again = faq_work(project, numbers, faq_registry(models), force=False)
    assert again is not None
    assert again.why == ""
    index = current_faq(project, models)
    assert index is not None
    async with serve_faq(index) as served:
        found = await served.search("where is my hat?")
    assert found[0].entry.name == "faq/where_is_my_hat"


def test_a_changed_answer_asks_for_another_index(numbers: RankerRecipe, tmp_path: Path):
    project = project_in(tmp_path / "bot")
    registry = faq_registry(tmp_path)
    build_faq(project.faq, numbers, registry, data_hash=faq_hash(project))
    other = msgspec.structs.replace(project, faq=project.faq[:1])
    work = faq_work(other, numbers, registry, force=False)
    assert work is not None
    assert work.why == "the FAQ changed"


def test_a_project_without_an_faq_needs_no_index(project: Project, tmp_path: Path):
    numbers = load_ranker_recipe()
    assert faq_work(project, numbers, faq_registry(tmp_path), force=False) is None
    assert current_faq(project, tmp_path) is None
