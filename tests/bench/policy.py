"""Stories left out of training, told to policies: how often is the next action right?

    python tests/bench/policy.py [PROJECT ...]

Five folds over the stories of each project (those of shared/rasa-projects with learned policies,
and data/starter): rules and the stories of four folds are known, the fifth is told action by
action. Three ensembles: rules and memoization, rules and augmented memoization, rules and
memoization with the learned policy. Also how long a prediction of the policy model takes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from line import CHECKOUT, quantiles, show

from bot.dialogue.domain import Domain
from bot.dialogue.events import ActionExecuted, Event
from bot.dialogue.paths import story_events
from bot.dialogue.policy import LISTEN, Policy
from bot.dialogue.stories import Story
from bot.dialogue.tracker import Tracker
from bot.model.policy import policy_registry
from bot.predict import best, make_policies
from bot.project.load import load_project
from bot.project.project import Component, Project
from nlu.policy import PolicyModel, open_policy
from training.policy_publish import build_policy
from training.policy_recipe import adjusted, load_policy_recipe

SHARED = CHECKOUT / ".." / "shared" / "rasa-projects"
NAMES = ("moodbot", "formbot", "concertbot", "helpdesk-assistant", "ecommerce-shreyas")
FOLDS = 5
ASKED = 1000
MEMOIZATION, AUGMENTED = Component("MemoizationPolicy"), Component("AugmentedMemoizationPolicy")
TED = Component("TEDPolicy", {"max_history": 5, "epochs": 100})


def main(folders: Sequence[Path]) -> None:
    for folder in folders:
        started = time.monotonic()
        project = load_project(folder)
        right, asked = folds(project)
        show(
            "policy",
            project=folder.name,
            stories=sum(not story.is_rule for story in project.stories),
            actions=asked,
            right={name: round(count / asked, 3) for name, count in right.items()},
            seconds=round(time.monotonic() - started),
        )


def folds(project: Project) -> tuple[dict[str, int], int]:
    """For each ensemble how many of the held-out actions were right, and how many there were."""
    stories = [story for story in project.stories if not story.is_rule]
    rules = [story for story in project.stories if story.is_rule]
    right: dict[str, int] = {}
    asked = 0
    for fold in range(min(FOLDS, len(stories))):
        known = [story for number, story in enumerate(stories) if number % FOLDS != fold]
        told = list(story_events(stories[fold::FOLDS], project.domain))
        asked += sum(len(_questions(events)) for events in told)
        for name, policies in ensembles(project, rules, known).items():
            count = sum(rightly(policies, events, project.domain) for events in told)
            right[name] = right.get(name, 0) + count
    return right, asked


def ensembles(
    project: Project, rules: Sequence[Story], known: Sequence[Story]
) -> dict[str, Sequence[Policy]]:
    """The policies that know ``rules`` and ``known`` and no other story."""

    def made(*components: Component, learned: PolicyModel | None = None) -> Sequence[Policy]:
        rule_policy = project.config.policies
        kept = tuple(each for each in rule_policy if each.name == "RulePolicy")
        return make_policies(_with(project, [*rules, *known], (*kept, *components)), learned)

    return {
        "memoization": made(MEMOIZATION),
        "augmented": made(AUGMENTED),
        "learned": made(MEMOIZATION, TED, learned=_trained(_with(project, known, (TED,)))),
    }


def rightly(policies: Sequence[Policy], events: Sequence[Event], domain: Domain) -> int:
    """How many of the actions in ``events`` are the ones that ``policies`` propose there."""
    tracker, count = Tracker.start("", domain), 0
    questions = _questions(events)
    for number, event in enumerate(events):
        if number in questions:
            found = best([policy.predict(tracker, domain) for policy in policies])
            count += found.confidence > 0 and found.action == questions[number]
        tracker = tracker.apply(event)
    return count


def _questions(events: Sequence[Event]) -> dict[int, str]:
    """The actions told in ``events``, by their place; not the listening that all begins with."""
    found = {n: e.name or "" for n, e in enumerate(events) if isinstance(e, ActionExecuted)}
    return {n: name for n, name in found.items() if n > 0 or name != LISTEN}


def _trained(project: Project) -> PolicyModel:
    with tempfile.TemporaryDirectory() as models:
        registry = policy_registry(Path(models))
        recipe = adjusted(load_policy_recipe(), project)
        recipe = msgspec.structs.replace(recipe, holdout=0.0)
        manifest = build_policy(project, recipe, registry)
        return open_policy(registry.folder(manifest.version))


def _with(project: Project, stories: Sequence[Story], policies: Sequence[Component]) -> Project:
    config = msgspec.structs.replace(project.config, policies=tuple(policies))
    return msgspec.structs.replace(project, stories=tuple(stories), config=config)


def predictions() -> None:
    """How long the model of data/starter takes for an answer, in microseconds."""
    project = load_project(CHECKOUT / "data" / "starter")
    stories = [story for story in project.stories if not story.is_rule]
    model = _trained(_with(project, stories, (TED,)))
    rows = [[(number, 1.0) for number in range(3)]] * model.manifest.max_history
    took = []
    for _ in range(ASKED):
        started = time.perf_counter()
        model.actions(rows)
        took.append(1e6 * (time.perf_counter() - started))
    columns = len(model.manifest.columns)
    show("policy_prediction", columns=columns, microseconds=quantiles(took[ASKED // 10 :]))


if __name__ == "__main__":
    given = [Path(name) for name in sys.argv[1:]]
    projects = [SHARED / name for name in NAMES if SHARED.is_dir()]
    main(given or [*projects, CHECKOUT / "data" / "starter"])
    predictions()
