from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bot.errors import SettingsError
from training.recipe import DEFAULT, Recipe, load_recipe


def test_the_default_recipe_gives_every_number():
    assert set(msgspec.toml.decode(DEFAULT.read_bytes())) == set(Recipe.__struct_fields__)


def test_a_recipe_needs_only_what_it_changes(tmp_path: Path):
    path = tmp_path / "recipe.toml"
    path.write_text("epochs = 3\n")
    assert load_recipe(path) == msgspec.structs.replace(load_recipe(), epochs=3)


def test_what_a_bundle_keeps_reads_back_as_the_same_recipe(tmp_path: Path):
    path = tmp_path / "recipe.toml"
    path.write_text(load_recipe().toml())
    assert load_recipe(path) == load_recipe()


def test_comments_and_order_leave_the_hash_alone_and_values_do_not(tmp_path: Path):
    path = tmp_path / "recipe.toml"
    path.write_text("# words\n" + "".join(reversed(load_recipe().toml().splitlines(True))))
    assert load_recipe(path).hash == load_recipe().hash
    path.write_text("seed = 8\n")
    assert load_recipe(path).hash != load_recipe().hash


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("epocs = 3", "epocs"),
        ("epochs = 0", "$.epochs"),
        ("epochs = 'many'", "$.epochs"),
        ("dropout = 1.5", "$.dropout"),
        ("epochs 3", "not a TOML file"),
        ("\ufeff\x00", "not a TOML file"),
    ],
)
def test_a_wrong_recipe_is_refused_by_name(tmp_path: Path, written: str, said: str):
    path = tmp_path / "recipe.toml"
    path.write_text(written)
    with pytest.raises(SettingsError, match=r"recipe\.toml") as refused:
        load_recipe(path)
    assert said in str(refused.value)


def test_a_recipe_that_is_not_there_is_one_sentence(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"missing.toml: no recipe can be read here"):
        load_recipe(tmp_path / "missing.toml")
