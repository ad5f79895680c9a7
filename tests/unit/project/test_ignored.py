"""What config.yml says without effect is told once, by name; what was gone before too."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.dialogue.memory import MemoizationPolicy
from bot.errors import ProjectError
from bot.opening import open_parley
from bot.predict import make_policies
from bot.project.check import check_project
from bot.project.config import PIPELINE_COMPONENTS, POLICIES
from bot.project.ignored import MEANT, ignored
from bot.project.load import load_project
from bot.project.project import Component
from bot.settings import load_settings
from bot.telemetry import Metrics
from tests.unit.project.conftest import Write

CONFIG = """\
pipeline:
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
- name: CountVectorsFeaturizer
  analyzer: char_wb
- name: rasa.nlu.classifiers.diet_classifier.DIETClassifier
  epochs: 100
  ranking_length: 5
  constrain_similarities: true
- name: FallbackClassifier
  threshold: 0.3
policies:
- name: MemoizationPolicy
  max_history: 3
  priority: 7
  use_nlu_confidence_as_score: true
- name: UnexpecTEDIntentPolicy
  max_history: 5
- name: RulePolicy
"""


def test_each_component_is_named_once_with_what_has_no_effect(write: Write) -> None:
    notes = [p for p in check_project(write(**{"config.yml": CONFIG})) if p.file == "config.yml"]
    assert [(p.severity, str(p)) for p in notes] == [
        (
            "note",
            "config.yml:2:1: pipeline: not needed, the model brings its own: WhitespaceTokenizer, "
            "CountVectorsFeaturizer. without effect here: DIETClassifier: constrain_similarities, "
            "epochs.",
        ),
        (
            "note",
            "config.yml:13:1: policies: without effect here: MemoizationPolicy: "
            "use_nlu_confidence_as_score.",
        ),
    ]


def test_a_note_is_no_warning_of_the_project(write: Write) -> None:
    assert load_project(write(**{"config.yml": CONFIG})).warnings == ()


def test_what_has_an_effect_is_not_named() -> None:
    for name, meant in MEANT.items():
        assert ignored([Component(name, dict.fromkeys(meant))]) == ()


def test_every_component_that_rasa_knows_is_told_of_or_means_something() -> None:
    for name in PIPELINE_COMPONENTS | POLICIES:
        assert name in MEANT or ignored([Component(name)])


@pytest.mark.parametrize(
    ("section", "name", "message"),
    [
        ("policies", "FallbackPolicy", "which is of Rasa 2 or older. FallbackClassifier and"),
        ("policies", "MappingPolicy", "Write a rule for each intent"),
        ("pipeline", "DucklingHTTPExtractor", "called DucklingEntityExtractor now"),
        ("pipeline", "my.nlu.Sentiment", "Python code, which is not run if it is Rasa's"),
        ("pipeline", "DIETClasifier", "Did you mean 'DIETClassifier'?"),
    ],
)
def test_what_is_not_known_is_a_warning_with_what_to_do(
    write: Write, section: str, name: str, message: str
) -> None:
    (warning,) = load_project(write(**{"config.yml": f"{section}: [{{name: {name}}}]\n"})).warnings
    assert warning.startswith("config.yml:1:12: ")
    assert message in warning


def test_a_pipeline_template_of_rasa_1_is_a_clear_error(write: Write) -> None:
    problems = check_project(write(**{"config.yml": "pipeline: supervised_embeddings\n"}))
    assert str(problems[0]).endswith(
        "Templates are of Rasa 1; without pipeline Parley's defaults apply."
    )


@pytest.mark.parametrize(
    ("section", "component", "message"),
    [
        ("policies", "{name: MemoizationPolicy, max_history: five}", "1:51: max_history of"),
        ("policies", "{name: MemoizationPolicy, max_history: 0}", "It is 1 or more"),
        ("policies", "{name: RulePolicy, core_fallback_threshold: 3}", "It is a share"),
        ("policies", "{name: RulePolicy, enable_fallback_prediction: 1}", "true or false"),
        ("policies", "{name: RulePolicy, core_fallback_action_name: []}", "must be a text"),
        ("pipeline", "{name: FallbackClassifier, threshold: high}", "1:50: threshold of"),
        ("pipeline", "{name: KeywordIntentClassifier, case_sensitive: 0}", "true or false"),
        ("pipeline", "{name: DucklingEntityExtractor, timeout: -1}", "It is a number above 0"),
        ("pipeline", "{name: DIETClassifier, ranking_length: 1.5}", "a whole number, not"),
    ],
)
def test_a_setting_of_another_kind_is_an_error_with_its_place(
    write: Write, section: str, component: str, message: str
) -> None:
    with pytest.raises(ProjectError, match=message):
        load_project(write(**{"config.yml": f"{section}: [{component}]\n"}))


def test_null_stands_for_the_default(write: Write) -> None:
    text = "policies: [{name: MemoizationPolicy, max_history: null}]\n"
    config = load_project(write(**{"config.yml": text})).config
    assert config.policies == (Component("MemoizationPolicy", {"max_history": None}),)
    text = "pipeline: [{name: FallbackClassifier, threshold: null}]\n"
    config = load_project(write(**{"config.yml": text})).config
    assert config.pipeline == (Component("FallbackClassifier"),)


def test_a_policys_priority_is_the_one_given(write: Write) -> None:
    text = "policies: [{name: RulePolicy}, {name: MemoizationPolicy, priority: 9}]\n"
    policies = make_policies(load_project(write(**{"config.yml": text})))
    assert [(policy.name, policy.priority) for policy in policies] == [
        ("RulePolicy", 4),
        ("MemoizationPolicy", 9),
    ]
    assert MemoizationPolicy.priority == 3


async def test_a_server_says_so_in_one_line_when_it_starts(write: Write, tmp_path: Path) -> None:
    folder = write(**{"config.yml": CONFIG})
    settings = load_settings(project=folder, home=tmp_path / "home", nlu="none")
    with capture_logs() as logs:
        async with open_parley(settings, Metrics(), alone=True):
            pass
    (line,) = [line for line in logs if line["event"] == "project.config_ignored"]
    assert line["components"] == [
        "WhitespaceTokenizer",
        "CountVectorsFeaturizer",
        "DIETClassifier: constrain_similarities, epochs",
        "MemoizationPolicy: use_nlu_confidence_as_score",
    ]
