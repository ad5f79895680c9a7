"""How long a run is."""

from __future__ import annotations

import msgspec

from training.recipe import load_recipe
from training.schedule import epochs_of


def test_a_small_set_is_read_as_often_as_the_recipe_says() -> None:
    recipe = msgspec.structs.replace(load_recipe(), epochs=16, most_read=80_000)
    assert epochs_of(500, recipe) == 16
    assert epochs_of(5_000, recipe) == 16


def test_a_tiny_set_is_read_more_often_so_that_there_are_steps_enough() -> None:
    recipe = msgspec.structs.replace(
        load_recipe(), epochs=16, batch_size=32, small=1000, small_steps=100
    )
    assert epochs_of(1, recipe) == 100
    assert epochs_of(33, recipe) == 50
    assert epochs_of(1, msgspec.structs.replace(recipe, small=0)) == 16


def test_a_large_set_is_read_less_often_but_twice_at_least() -> None:
    recipe = msgspec.structs.replace(load_recipe(), epochs=16, most_read=80_000)
    assert epochs_of(10_000, recipe) == 8
    assert epochs_of(1_000_000, recipe) == 2


def test_without_a_limit_every_set_is_read_as_often() -> None:
    recipe = msgspec.structs.replace(load_recipe(), epochs=5, most_read=0)
    assert epochs_of(1_000_000, recipe) == 5
