"""Encoders of every family, trained, exported to int8 and served; torch takes its time for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.project.project import Project
from tests.unit.training.conftest import examples, project, recipe, tiny_bert
from tests.unit.training.test_families import FAMILIES, make_family, trains_exports_and_is_served
from training.recipe import Recipe

__all__ = ["examples", "project", "recipe", "tiny_bert"]  # fixtures


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_family_trains_exports_and_is_served(
    name: str,
    recipe: Recipe,
    project: Project,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
):
    folder = make_family(name, tmp_path_factory.mktemp(name))
    trains_exports_and_is_served(folder, recipe, project, tmp_path)
