"""Every project beside the repository loads, with the counts Rasa 3.6 recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.dialogue.domain import DEFAULT_INTENTS
from bot.dialogue.stories import OrStep, Story
from bot.project.check import check_project
from bot.project.load import load_project
from bot.project.project import Project
from bot.project.references import retrieval_intents

SHARED = Path(__file__).parents[3] / ".." / "shared"
VERDICTS = SHARED / "rasa-golden" / "load_verdicts.json"

WITH_OR = ("ecommerce-shreyas", "helpdesk-assistant")

pytestmark = pytest.mark.skipif(not VERDICTS.is_file(), reason="shared/rasa-golden is absent")


def folders(*parts: str) -> list[Path]:
    parent = SHARED.joinpath(*parts)
    if not parent.is_dir():
        return []
    return sorted(p for p in parent.iterdir() if p.is_dir() and not p.name.startswith("_"))


def verdicts() -> dict[str, Any]:
    return json.loads(VERDICTS.read_text())["projects"] if VERDICTS.is_file() else {}


def counts(project: Project) -> dict[str, int]:
    """What the recordings count, as they count it."""
    domain, nlu = project.domain, project.nlu
    # Recorded before responses of data files were merged in.
    responses = [name for name in domain.responses if "/" not in name]
    return {
        "intents": len({*domain.intents, *DEFAULT_INTENTS}),
        "entities": len(domain.entities),
        "slots": len(domain.slots),
        "forms": len(domain.forms),
        "responses": len(responses),
        "actions": len({*domain.actions, *responses}),
        "stories": sum(not story.is_rule for story in project.stories),
        "rules": sum(story.is_rule for story in project.stories),
        "nlu_examples": len(nlu.examples),
        "entity_examples": sum(bool(example.entities) for example in nlu.examples),
        "nlu_intents": len({example.intent.split("/")[0] for example in nlu.examples}),
        "synonyms": len(nlu.synonyms),
        "regex": len(nlu.regexes),
        "lookups": len(nlu.lookups),
        "retrieval_intents": len(retrieval_intents(nlu)),
    }


@pytest.mark.parametrize("name", sorted(verdicts()))
def test_a_project_has_the_counts_that_rasa_recorded(name: str) -> None:
    expected = verdicts()[name]
    found = counts(load_project(SHARED / "rasa-projects" / name))
    if name == "test-multi-domain":
        # Recorded without the projects that its config.yml imports.
        found |= {"intents": 6, "responses": 1, "actions": 1}
    if name in WITH_OR:  # see the test of their number below
        del found["stories"], found["rules"]
    assert found == {key: expected[key] for key in found}


@pytest.mark.parametrize("path", folders("rasa-golden", "projects"), ids=lambda p: p.name)
def test_a_golden_project_loads(path: Path) -> None:
    project = load_project(path)
    assert project.domain.intents
    assert project.stories


def test_imported_projects_bring_their_domains() -> None:
    project = load_project(SHARED / "rasa-projects" / "test-multi-domain")
    assert {"utter_greet", "utter_happy", "utter_goodbye"} <= project.domain.responses.keys()


@pytest.mark.parametrize("name", ["http_api", "split_domain"])
def test_the_raw_domain_is_what_rasa_sends(name: str) -> None:
    recorded = json.loads((SHARED / "rasa-golden" / f"{name}.json").read_text())
    answers = [
        step["json"]
        for conversation in recorded["conversations"]
        for step in conversation["steps"]
        if step.get("http", {}).get("path") == "/domain"
        and "json" in step
        and step["status"] == 200
    ]
    assert answers
    assert load_project(SHARED / "rasa-golden" / "projects" / name).domain.raw == answers[0]


def real_projects() -> list[Path]:
    """Every folder with config.yml and data that is a project by itself, of Rasa 2 or 3."""
    parents = [SHARED / "rasa-projects", SHARED / "datasets" / "rasa_projects" / "permissive"]
    found = [path.parent for parent in parents for path in sorted(parent.rglob("config.yml"))]
    parts = ("_format-samples", "rasa-2.3-format-fixtures", "test-multi-domain/data")
    return [
        folder
        for folder in found
        if any(folder.rglob("nlu.yml")) and not any(part in folder.as_posix() for part in parts)
    ]


@pytest.mark.parametrize("path", real_projects(), ids=lambda p: f"{p.parent.name}-{p.name}")
def test_a_real_project_is_read_without_an_error(path: Path) -> None:
    problems = check_project(path)
    assert [str(p) for p in problems if p.severity == "error"] == []


@pytest.mark.parametrize("folder", ["rasa-masterclass-md/episode6", "tutorial-knowledge-base-md"])
def test_a_project_in_markdown_is_told_what_to_do(folder: str) -> None:
    path = SHARED / "datasets" / "rasa_projects" / "permissive" / folder
    if not path.is_dir():
        pytest.skip("shared/datasets is absent")
    said = [str(p) for p in check_project(path) if p.file.endswith(".md")]
    assert [line.partition(":")[0] for line in said] == ["data/nlu.md", "data/stories.md"]
    assert all("`rasa data convert` of Rasa 2.8" in line for line in said)


@pytest.mark.parametrize("name", sorted(verdicts()))
def test_stories_come_to_the_number_that_rasa_recorded(name: str) -> None:
    """Rasa takes a story apart at every "or", and at its checkpoints."""
    project, expected = load_project(SHARED / "rasa-projects" / name), verdicts()[name]
    for kind, is_rule in (("stories", False), ("rules", True)):
        parts = sum(_parts(story) for story in project.stories if story.is_rule == is_rule)
        assert (kind, parts) == (kind, expected[kind])


def _parts(story: Story) -> int:
    """The blocks of a story: one for each choice of an "or", what follows begins another."""
    count, is_open = 0, False
    for step in story.steps:
        if isinstance(step, OrStep):
            count += len(step.choices) - is_open  # what went before is part of each choice
            is_open = False
        else:
            count += not is_open
            is_open = True
    return count
