"""Every project beside the repository loads, with the counts Rasa 3.6 recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.dialogue.domain import DEFAULT_INTENTS
from bot.project.load import load_project
from bot.project.project import Project
from bot.project.references import retrieval_intents

SHARED = Path(__file__).parents[3] / ".." / "shared"
VERDICTS = SHARED / "rasa-golden" / "load_verdicts.json"

WITH_OR = ("ecommerce-shreyas", "helpdesk-assistant")

pytestmark = pytest.mark.skipif(
    not VERDICTS.is_file(), reason="shared/rasa-golden is not beside this repository"
)


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
    for key in ("stories", "rules"):
        if name in WITH_OR:
            # Recorded after Rasa took its stories apart at every "or".
            assert found.pop(key) <= expected[key]
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
