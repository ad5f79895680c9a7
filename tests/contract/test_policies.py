"""Every policy keeps the contract of policies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.dialogue.domain import Domain
from bot.dialogue.learned import LearnedPolicy, Names, Row, UnlikelyIntentPolicy
from bot.dialogue.memory import AugmentedMemoizationPolicy, MemoizationPolicy
from bot.dialogue.policy import Policy
from bot.dialogue.rules import RulePolicy
from bot.project.load import load_project
from bot.project.project import Project
from bot.testing.policy import PolicyContract

TABLEBOT = Path(__file__).parents[1] / "data" / "tablebot"


class OnTablebot(PolicyContract):
    @pytest.fixture
    def project(self) -> Project:
        return load_project(TABLEBOT)

    @pytest.fixture
    def domain(self, project: Project) -> Domain:
        return project.domain


class TestRulePolicy(OnTablebot):
    @pytest.fixture
    def policy(self, project: Project) -> Policy:
        rules = [story for story in project.stories if story.is_rule]
        stories = [story for story in project.stories if not story.is_rule]
        return RulePolicy(rules, stories, project.domain)


class TestRulePolicyWithoutFallback(OnTablebot):
    @pytest.fixture
    def policy(self, project: Project) -> Policy:
        rules = [story for story in project.stories if story.is_rule]
        return RulePolicy(rules, (), project.domain, fallback_threshold=None)


@pytest.mark.parametrize("max_history", [None, 2])
class TestMemoizationPolicy(OnTablebot):
    @pytest.fixture
    def policy(self, project: Project, max_history: int | None) -> Policy:
        stories = [story for story in project.stories if not story.is_rule]
        return MemoizationPolicy(stories, project.domain, max_history=max_history)


@pytest.mark.parametrize("max_history", [None, 2])
class TestAugmentedMemoizationPolicy(OnTablebot):
    @pytest.fixture
    def policy(self, project: Project, max_history: int | None) -> Policy:
        stories = [story for story in project.stories if not story.is_rule]
        return AugmentedMemoizationPolicy(stories, project.domain, max_history=max_history)


class Hunch:
    """A model that adds up what it sees."""

    def actions(self, rows: Sequence[Row]) -> list[float]:
        seen = sum(column * value for row in rows for column, value in row)
        return [(seen * number) % 7 for number in (1, 2, 3)]

    def intents(self, rows: Sequence[Row]) -> list[float]:
        return self.actions(rows)[:2]


NAMES = Names(
    columns=("action action_listen", "intent", "intent greet", "entity no such entity"),
    actions=("action_listen", "utter_greet", "utter_goodbye"),
    intents=("greet", "goodbye"),
    max_history=3,
    floors=(3.0, 3.0),
)


class TestLearnedPolicy(OnTablebot):
    @pytest.fixture
    def policy(self) -> Policy:
        return LearnedPolicy(Hunch(), NAMES)


class TestUnlikelyIntentPolicy(OnTablebot):
    @pytest.fixture
    def policy(self) -> Policy:
        return UnlikelyIntentPolicy(Hunch(), NAMES)
