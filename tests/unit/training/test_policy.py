"""A policy model learns what stories tell, and what to make of users who leave them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from bot.dialogue.domain import Domain, IntentSpec
from bot.dialogue.events import ActionExecuted
from bot.dialogue.stories import ActionStep, LoopStep, Story, StoryEntity, UserStep
from bot.errors import ProjectError, SettingsError
from bot.model.policy import current_policy, policy_registry
from bot.predict import make_policies
from bot.project.project import Component, Config, NluData, Project
from nlu.errors import BundleError
from nlu.policy import PolicyModel, open_policy, read_policy_manifest
from training.policy_recipe import PolicyRecipe, adjusted, load_policy_recipe

pytestmark = pytest.mark.torch


def story(*steps: str) -> Story:
    """``-name`` is an action, ``(name)`` a loop that became active, all else an intent."""
    told = [
        ActionStep(step[1:])
        if step[0] == "-"
        else LoopStep(step[1:-1])
        if step[0] == "("
        else UserStep(step)
        for step in steps
    ]
    return Story(steps[0], tuple(told))


STORIES = (
    story("greet", "-utter_greet", "mood", "-utter_happy"),
    story("order", "-utter_which", "choose", "-utter_ordered"),
    story("status", "-utter_number", "choose", "-utter_status"),
    story("order", "-form", "(form)", "stop", "-utter_stopped"),
)
TED = Component("TEDPolicy", {"max_history": 4})


def project(*policies: Component, stories: tuple[Story, ...] = STORIES[:3]) -> Project:
    intents = {step.intent for each in STORIES for step in each.steps if isinstance(step, UserStep)}
    domain = Domain(
        intents={name: IntentSpec(name) for name in sorted(filter(None, intents))},
        actions=("utter_greet", "utter_happy", "utter_other"),
    )
    config = Config(policies=policies or (TED,))
    return Project("shop", domain, NluData(), stories, config)


@pytest.fixture
def recipe() -> PolicyRecipe:
    values = msgspec.to_builtins(load_policy_recipe())
    return msgspec.convert(values | {"epochs": 40, "width": 32, "max_history": 4}, PolicyRecipe)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with a model of the first three stories."""
    from training.policy_publish import build_policy

    models = tmp_path_factory.mktemp("models")
    recipe = adjusted(load_policy_recipe(), project())
    build_policy(project(), recipe, policy_registry(models))
    return models


def columns_of(model: PolicyModel, *states: str) -> list[list[tuple[int, float]]]:
    names = {name: number for number, name in enumerate(model.manifest.columns)}
    return [[(names[name], 1.0) for name in state.split(", ") if name] for state in states]


def likeliest(model: PolicyModel, *states: str) -> str:
    logits = model.actions(columns_of(model, *states))
    return model.manifest.actions[logits.index(max(logits))]


def test_what_the_stories_tell_is_what_comes_next(models: Path):
    model = current_policy(project(), models)
    assert model is not None
    heard = "action action_listen, intent, intent "
    asked = ("", f"{heard}order", "action utter_which", f"{heard}choose")
    assert likeliest(model, *asked) == "utter_ordered"
    asked = ("", f"{heard}status", "action utter_number", f"{heard}choose")
    assert likeliest(model, *asked) == "utter_status"


def test_an_intent_out_of_its_story_is_followed_all_the_same(models: Path):
    model = current_policy(project(), models)
    assert model is not None
    heard = "action action_listen, intent, intent "
    asked = ("", f"{heard}order", "action utter_which", f"{heard}mood")
    assert likeliest(model, *asked) == "utter_happy"


def test_words_that_were_not_understood_make_no_action_likely(models: Path):
    from bot.dialogue.learned import softmax

    model = current_policy(project(), models)
    assert model is not None
    logits = model.actions(columns_of(model, "", "action action_listen"))
    assert max(softmax(logits)) < 0.3


def test_an_intent_is_expected_where_stories_tell_it_and_less_elsewhere(models: Path):
    model = current_policy(project(), models)
    assert model is not None
    choose = model.manifest.intents.index("choose")
    floor = model.manifest.floors[choose]
    heard = "action action_listen, intent, intent "
    here = ("", f"{heard}order", "action utter_which", "action action_listen")
    there = ("", "action action_listen")
    assert model.intents(columns_of(model, *here))[choose] >= floor - 1e-4
    assert model.intents(columns_of(model, *there))[choose] < floor


def test_the_same_seed_trains_the_same_model(recipe: PolicyRecipe):
    from training.policy import train_policy

    short = msgspec.structs.replace(recipe, epochs=2)
    one, two = (train_policy(STORIES[:3], project().domain, short) for _ in range(2))
    weights = zip(one.net.parameters(), two.net.parameters(), strict=True)
    assert all((a == b).all() for a, b in weights)
    assert one.floors == two.floors


def test_stories_are_chained_and_each_window_is_told_once(recipe: PolicyRecipe):
    from training.policy_data import conversations, windows

    domain = project().domain
    alone = conversations(STORIES[:3], domain, augmentation=0, seed=1)
    chained = conversations(STORIES[:3], domain, augmentation=1, seed=1)
    assert len(alone) == 3
    assert len(chained) == 3 + 9 + 10 + 10
    listens = [[isinstance(e, ActionExecuted) for e in told] for told in chained]
    assert not any(a and b for told in chained for a, b in _pairs_of_listens(told))
    assert all(any(told) for told in listens)
    found = windows(chained, domain, 4)
    assert len(found) > len(windows(alone, domain, 4))
    assert sum(found.values()) > len(found)


def _pairs_of_listens(told: object) -> list[tuple[bool, bool]]:
    assert isinstance(told, tuple)
    listens = [isinstance(e, ActionExecuted) and e.name == "action_listen" for e in told]
    return list(pairwise(listens))


def test_where_stories_go_on_differently_each_way_has_its_share(recipe: PolicyRecipe):
    from training.policy_data import Names, conversations, windows
    from training.policy_vary import table

    both = (story("greet", "-utter_greet"), story("greet", "-utter_happy"), STORIES[0])
    told = conversations(both, project().domain, augmentation=0, seed=1)
    found = windows(told, project().domain, 4)
    names = Names.of(found, project().domain)
    rows = table(found, names, 4).targets
    greeted = [row for row, window in zip(rows, found, strict=True) if window.intent == "greet"]
    assert {round(float(row[names.actions.index("utter_greet")]), 2) for row in greeted} == {0.67}


def test_in_a_loop_most_of_what_is_said_is_left_to_the_loop(recipe: PolicyRecipe):
    import torch

    from training.policy_data import Names, conversations, windows
    from training.policy_vary import Varied, table

    told = conversations(STORIES[3:], project().domain, augmentation=0, seed=1)
    found = windows(told, project().domain, 4)
    names = Names.of(found, project().domain)
    always = msgspec.structs.replace(recipe, in_loop=1.0, unknown=0.0)
    whole = table(found, names, 4)
    varied = Varied(whole, names, always, torch.Generator().manual_seed(1))
    stopped = next(n for n, window in enumerate(found) if window.intent == "stop")
    targets = varied.draw(torch.tensor([stopped] * 50)).targets
    assert (targets.argmax(1) == names.actions.index("form")).all()
    assert whole.targets[stopped].argmax() == names.actions.index("utter_stopped")  # as it was


def test_an_intent_is_learnt_with_its_entities_and_without_them(recipe: PolicyRecipe):
    import torch

    from training.policy_data import Names, conversations, windows
    from training.policy_vary import Varied, table

    sized = UserStep("order", (StoryEntity("size"),))
    told = conversations(
        [Story("sized", (sized, ActionStep("utter_which")))], Domain(), augmentation=0, seed=1
    )
    found = windows(told, Domain(), 4)
    names = Names.of(found, Domain())
    plain = {"detour": 0.0, "forget": 0.0, "any_intent": 0.0, "unknown": 0.0, "bare": 0.5}
    whole = table(found, names, 4)
    half = msgspec.structs.replace(recipe, **plain)
    varied = Varied(whole, names, half, torch.Generator().manual_seed(1))
    heard = next(n for n, window in enumerate(found) if window.intent == "order")
    batch = varied.draw(torch.tensor([heard] * 50))
    named = batch.states[:, -1, names.columns.index("entity size")].sum()
    assert 10 < named < 40
    assert batch.states[:, -1, names.columns.index("intent order")].all()
    assert (batch.targets.argmax(1) == names.actions.index("utter_which")).all()


def test_a_published_model_says_where_it_comes_from(models: Path):
    registry = policy_registry(models)
    version = registry.current()
    assert version is not None
    manifest = read_policy_manifest(registry.folder(version))
    assert manifest.max_history == 4
    assert "utter_other" in manifest.actions  # no story tells of it, but the bot can do it
    assert (registry.folder(version) / "recipe.toml").read_text().startswith("seed = ")
    assert manifest.scores["windows"] > 10


def test_the_policies_of_the_project_are_served_with_it(models: Path):
    wanted = project(TED, Component("UnexpecTEDIntentPolicy"), Component("MemoizationPolicy"))
    names = [policy.name for policy in make_policies(wanted, current_policy(wanted, models))]
    assert names == ["MemoizationPolicy", "UnexpecTEDIntentPolicy", "TEDPolicy"]


def test_a_project_without_learned_policies_needs_none(tmp_path: Path):
    assert current_policy(project(Component("RulePolicy")), tmp_path) is None


def test_without_a_model_and_with_a_damaged_one_the_server_goes_on(tmp_path: Path, models: Path):
    assert current_policy(project(), tmp_path) is None
    registry = policy_registry(models)
    version = registry.current()
    assert version is not None
    copy = tmp_path / "policy" / version
    copy.mkdir(parents=True)
    for path in registry.folder(version).iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (tmp_path / "policy" / "current").write_text(version)
    assert current_policy(project(), tmp_path) is not None
    (copy / "model.onnx").write_bytes(b"not a graph")
    assert current_policy(project(), tmp_path) is None
    with pytest.raises(BundleError, match="not the file that was published"):
        open_policy(copy)


def test_settings_of_the_configuration_count_before_the_recipe():
    said = Component("TEDPolicy", {"max_history": 7, "epochs": 3, "number_of_attention_heads": 8})
    recipe = adjusted(load_policy_recipe(), project(said))
    assert (recipe.max_history, recipe.epochs) == (7, 3)
    assert adjusted(recipe, project(Component("TEDPolicy", {"max_history": None}))) == recipe
    with pytest.raises(ProjectError, match=r"TEDPolicy: Expected `int` >= 1"):
        adjusted(recipe, project(Component("TEDPolicy", {"max_history": 0})))


def test_an_unknown_name_in_a_recipe_is_an_error(tmp_path: Path):
    (tmp_path / "policy.toml").write_text("epoch = 3\n")
    with pytest.raises(SettingsError, match="epoch"):
        load_policy_recipe(tmp_path / "policy.toml")
