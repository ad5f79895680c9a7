from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bot.errors import ProjectError, SettingsError
from bot.project.project import Component, Config, NluData, Project
from training.recipe import Recipe
from training.train import Step
from training.tune import Plan, Span, read_space, tune

pytestmark = pytest.mark.torch

SPACE = {"encoder_rate": Span(low=1e-5, high=3e-3, log=True), "epochs": Span(values=(1, 3))}


@pytest.fixture
def plan(project: Project, recipe: Recipe, tmp_path: Path) -> Plan:
    config = Config(pipeline=(Component("DIETClassifier"),))
    project = msgspec.structs.replace(project, config=config)
    brief = msgspec.structs.replace(recipe, epochs=1)
    return Plan(project, brief, SPACE, tmp_path / "models" / "tune.db", "random", trials=3, folds=2)


def changed(plan: Plan, **changes: object) -> Plan:
    return Plan(**{**vars(plan), **changes})


def test_every_trial_is_kept_and_a_search_goes_on(plan: Plan):
    first = tune(changed(plan, trials=2))
    assert len(first) == 2
    assert all(0 <= each.score <= 1 and set(each.changes) == set(SPACE) for each in first)
    assert first[0].score >= first[1].score
    lines: list[str] = []
    again = tune(plan, report=lines.append)
    assert [line.split(":")[0] for line in lines] == ["trial 2"]
    assert {each.number for each in again} == {0, 1, 2}
    assert len({each.changes["encoder_rate"] for each in again}) == 3


def test_a_grid_tries_every_combination_once(plan: Plan):
    space = {"typos": Span(values=(0.0, 0.5)), "dropout": Span(low=0.0, high=0.1, step=0.1)}
    found = tune(changed(plan, space=space, search="grid", trials=1))
    tried = [(each.changes["typos"], each.changes["dropout"]) for each in found]
    assert sorted(tried) == [(0.0, 0.0), (0.0, 0.1), (0.5, 0.0), (0.5, 0.1)]


def test_what_was_being_tried_when_the_run_was_killed_is_tried_again(plan: Plan):
    def killed(step: Step) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(plan, watch=killed)
    lines: list[str] = []
    found = tune(changed(plan, trials=1, search="bayes"), report=lines.append)
    assert len(found) == 1  # another search is another study
    again = tune(changed(plan, trials=1), report=lines.append)
    assert "trial 0 was not finished and is tried again" in lines
    assert len(again) == 1


def test_more_epochs_are_found_to_be_better(plan: Plan):
    space = {"epochs": Span(values=(1, 15))}
    found = tune(changed(plan, space=space, search="grid", measure="intent_accuracy"))
    assert found[0].changes == {"epochs": 15}
    assert found[0].score > found[1].score


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[epoch]\nvalues = [1]", "a recipe has no 'epoch'"),
        ("[epochs]\nlow = 1", "needs `values`, or `low`"),
        ("[epochs]\nlow = 3\nhigh = 1", "needs `values`, or `low`"),
        ("[epochs]\nmiddle = 3", "middle"),
        ("", "nothing to search"),
    ],
)
def test_a_space_that_is_none_is_refused(tmp_path: Path, text: str, said: str):
    path = tmp_path / "tune.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=said):
        read_space(path)


def test_a_grid_without_end_and_too_few_examples_are_refused(plan: Plan):
    with pytest.raises(SettingsError, match="encoder_rate: a grid needs"):
        tune(changed(plan, search="grid"))
    few = msgspec.structs.replace(plan.project, nlu=NluData(plan.project.nlu.examples[:3]))
    with pytest.raises(ProjectError, match="3 examples are too few for 2 folds"):
        tune(changed(plan, project=few))


def test_parleys_own_space_names_numbers_of_the_recipe():
    assert "encoder_rate" in read_space()
