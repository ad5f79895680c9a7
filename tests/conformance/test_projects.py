"""Every real project is checked, trained, served, and tried with its own test stories.

What the real Rasa 3.6.21 made of the same test stories is told in ``FAIL``: it passes all others
but "test 0" of test-response-selector, where docs/testing.md says why Parley passes it. Its own
learned policies were trained too, those of ecommerce-shreyas aside.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from bot.project.check import check_project
from bot.settings import Settings
from bot.testing.outcome import Outcome
from bot.testing.run import StoryTest, try_stories
from tests.command import ACTIONS_PYTHON, Run, running
from tests.conformance.projects import (
    Trained,
    copied,
    parts_to_train,
    payload_of,
    real_projects,
    title,
    train,
    words_of,
)

TEMPLATE = "the test stories are those of `rasa init`, of which this project kept few stories"
FAIL: dict[str, tuple[str, set[str]]] = {
    "nummenu-bot": (
        TEMPLATE,
        {"happy path 1", "happy path 2", "sad path 1", "sad path 2", "sad path 3"},
    ),
    "test-extract-slots-11333": (TEMPLATE, {"happy path 2", "say goodbye", "bot challenge"}),
    "test-response-selector": (
        "written to fail, for the reports that come of it",
        {
            "test 1 - test retrieving full utter action when predicted wrongly",
            "test 2 - test that fails correctly without retrieval intents",
        },
    ),
}
"""Of each project, why some test stories fail, in Rasa too, and which."""

CUT_SHORT: dict[str, set[str]] = {
    "formbot": {
        "Happy path",
        "Happy path with message providing requested value",
        "unhappy path",
    },
    "helpdesk-assistant": {
        "open incident",
        "open password reset incident",
        "email incident",
        "interrupted",
        "incident status happy path",
    },
}
"""Stories that end a form without the answers to its questions, so that nobody can really hold
the conversation. Rasa cannot try that at all: its tests run no action."""

PROJECTS = real_projects()
TITLES = [title(path) for path in PROJECTS]
WITH_TESTS = [path for path in PROJECTS if (path / "tests").is_dir()]

pytestmark = [
    pytest.mark.skipif(not PROJECTS, reason="shared/rasa-projects is absent"),
    pytest.mark.services,
    pytest.mark.torch,
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A project with the models that it wants; trained once for all tests of it."""
    return train(request.param, tmp_path_factory.mktemp(request.param.name))


each_trained = pytest.mark.parametrize("trained", PROJECTS, ids=TITLES, indirect=True)
with_tests = pytest.mark.parametrize(
    "trained", WITH_TESTS, ids=[title(path) for path in WITH_TESTS], indirect=True
)


@pytest.mark.parametrize("path", PROJECTS, ids=TITLES)
def test_a_project_is_checked_without_a_false_error(path: Path) -> None:
    assert [str(each) for each in check_project(path) if each.severity == "error"] == []


@each_trained
def test_a_project_gets_the_models_that_it_wants(
    trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("", "policy"):
        current = trained.models / part / "current"
        assert current.is_file() == (part in parts_to_train(trained.project)), trained.said
    with capsys.disabled():
        sys.stdout.write(f"\n{trained.row()}\n")


@each_trained
def test_a_trained_project_answers_words_and_payloads_and_ends_when_told(trained: Trained) -> None:
    with running(trained.folder, trained.home) as run:
        assert run.client.get("/ready").status_code == 200
        run.say(words_of(trained.project), sender="ann")
        run.say(payload_of(trained.project), sender="bob")
        _understood(run, "ann", trained)
        _understood(run, "bob", trained)
        assert run.end(signal.SIGINT) == 0
        assert "Traceback" not in run.printed()


@with_tests
def test_its_own_stories_go_as_in_rasa_by_rules_and_memoization(
    trained: Trained, tmp_path: Path
) -> None:
    _as_in_rasa(trained, tmp_path / "no-models")


@with_tests
def test_its_own_stories_go_as_in_rasa_by_all_its_policies(trained: Trained) -> None:
    _as_in_rasa(trained, trained.models)


@pytest.mark.parametrize("path", WITH_TESTS, ids=[title(path) for path in WITH_TESTS])
def test_its_own_stories_are_really_held_with_actions_as_its_readme_tells(
    path: Path, tmp_path: Path
) -> None:
    outcomes = _tried(copied(path, tmp_path), tmp_path / "no-models", with_actions=True)
    _, failing = FAIL.get(path.name, ("", set()))
    failed = {each.name for each in outcomes if not each.passed}
    assert failed == failing | CUT_SHORT.get(path.name, set())


def _understood(run: Run, sender: str, trained: Trained) -> None:
    """What was said means one of the bot's intents, and the bot did something and listens."""
    events = run.events(sender)
    [said] = [each for each in events if each["event"] == "user"]
    known = {*trained.project.domain.intents, "nlu_fallback"}
    assert said["parse_data"]["intent"]["name"] in known
    after = [each for each in events[events.index(said) :] if each["event"] == "action"]
    assert after[-1]["name"] == "action_listen"


def _as_in_rasa(trained: Trained, models: Path) -> None:
    outcomes = _tried(trained.folder, models)
    reason, names = FAIL.get(trained.source.name, ("", set()))
    failed = {each.name: each.mistakes for each in outcomes if not each.passed}
    assert failed.keys() == names, (reason, failed)


def _tried(project: Path, models: Path, *, with_actions: bool = False) -> list[Outcome]:
    """Its test stories, taken to mean what they say they do."""
    settings = Settings(
        project=project, models=models, nlu="none", actions_python=Path(ACTIONS_PYTHON)
    )
    return try_stories(settings, StoryTest(project / "tests", with_actions))
