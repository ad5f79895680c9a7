"""The hashes change with what matters, and with nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bot.project.hashes import SENTIMENT, WEIGHT, nlu_hash, read_hash
from bot.project.load import load_project
from bot.project.project import Project
from tests.unit.project.conftest import ENVIRON, PROJECTS


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str, str, str], Project]:
    def change(file: str, old: str, new: str) -> Project:
        folder = tmp_path / "changed"
        shutil.copytree(PROJECTS / "good", folder)
        path = folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        return load_project(folder, environ=ENVIRON)

    return change


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("data/nlu.yml", "nlu:\n", "# a comment\n\nnlu:\n"),
        ("data/nlu.yml", "- synonym: fries", "- synonym:   'fries'"),
        ("domain.yml", "[small, large, 3]", "\n      - small\n      - large\n      - 3"),
        ("endpoints.yml", "5055", "5056"),
        ("credentials.yml", "proxy: null", "proxy: x"),
    ],
)
def test_layout_and_servers_do_not_matter(
    good: Project,
    changed: Callable[[str, str, str], Project],
    file: str,
    old: str,
    new: str,
) -> None:
    project = changed(file, old, new)
    assert (project.hash, project.nlu_hash) == (good.hash, good.nlu_hash)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("data/nlu.yml", "- hello", "- hello there"),
        ("data/nlu.yml", "so?up", "soo?up"),
        ("data/dishes.txt", "stew", "salad"),
        ("config.yml", "epochs: 5", "epochs: 6"),
        ("domain.yml", "entities:\n", "entities:\n  - colour\n"),
    ],
)
def test_what_nlu_learns_from_changes_both(
    good: Project,
    changed: Callable[[str, str, str], Project],
    file: str,
    old: str,
    new: str,
) -> None:
    project = changed(file, old, new)
    assert project.hash != good.hash
    assert project.nlu_hash != good.nlu_hash


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("domain.yml", "Which dish?", "What dish?"),
        ("data/paths.yaml", "size: large", "size: small"),
        ("config.yml", "0.4", "0.5"),
    ],
)
def test_the_rest_changes_only_the_hash_of_the_whole(
    good: Project,
    changed: Callable[[str, str, str], Project],
    file: str,
    old: str,
    new: str,
) -> None:
    project = changed(file, old, new)
    assert project.hash != good.hash
    assert project.nlu_hash == good.nlu_hash


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("data/paths.yaml", "- intent: greet", "- intent: order"),
        ("domain.yml", "Which dish?", "What shall it be?"),
        ("domain.yml", "required_slots: [dish]", "required_slots: []"),
    ],
)
def test_what_goes_before_a_message_matters_to_models_that_read_it(
    changed: Callable[[str, str, str], Project], file: str, old: str, new: str
) -> None:
    before, after = load_project(PROJECTS / "good", environ=ENVIRON), changed(file, old, new)
    assert read_hash(before, context=True) != read_hash(after, context=True)
    assert read_hash(before, context=False) == read_hash(after, context=False) == before.nlu_hash


def test_a_context_in_metadata_matters_to_models_that_read_it() -> None:
    before = load_project(PROJECTS / "good", environ=ENVIRON)
    first, *rest = before.nlu.examples
    told = msgspec.structs.replace(first, metadata={"context": {"bot": "Hello?"}})
    nlu = msgspec.structs.replace(before.nlu, examples=(told, *rest))
    after = msgspec.structs.replace(before, nlu=nlu)
    assert read_hash(before, context=True) != read_hash(after, context=True)


@pytest.mark.parametrize("name", [WEIGHT, SENTIMENT])
def test_what_metadata_say_of_a_label_matters(name: str) -> None:
    before = load_project(PROJECTS / "good", environ=ENVIRON)
    first, *rest = before.nlu.examples
    hashes = {before.nlu_hash}
    for told in (0.0, 0.4, 0.5):
        changed = msgspec.structs.replace(
            first, metadata={name: str(told) if name == SENTIMENT else told}
        )
        nlu = msgspec.structs.replace(before.nlu, examples=(changed, *rest))
        hashes.add(nlu_hash(msgspec.structs.replace(before, nlu=nlu)))
    assert len(hashes) == 4
