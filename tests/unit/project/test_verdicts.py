"""Every sample file is read or refused, and counted, as Rasa 3.6 recorded it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bot.dialogue.domain import Domain
from bot.dialogue.stories import (
    ActionStep,
    CheckpointStep,
    LoopStep,
    OrStep,
    SlotStep,
    Story,
    UserStep,
)
from bot.errors import ProjectError
from bot.project.content import Reading, read_content
from bot.project.convert import read_nlu
from bot.project.files import ProjectFiles, find_files
from bot.project.load import read_texts
from bot.project.paths import ProjectPaths
from bot.project.project import NluData
from bot.project.references import retrieval_intents
from bot.project.report import Problem, Report

SHARED = Path(__file__).parents[3] / ".." / "shared"
SAMPLES = SHARED / "rasa-projects" / "_format-samples"
RECORDED = SHARED / "rasa-golden" / "format_verdicts.json"

DIFFERENT = {
    ("test_domains/custom_slot_domain.yml", "domain"): (
        "a slot type of one's own is read as any, with a warning; Rasa imports the class, which "
        "is not beside the file"
    ),
    ("test_domains/test_domain_from_directory/", "domain_directory"): (
        "Rasa leaves a broken file of a domain folder out and goes on without it; the first line "
        "of this error says which file it is and where"
    ),
    ("nlu/test/lookup_tables/lookup_table.json", "nlu"): (
        "the file of a lookup table is opened when it is read, Rasa only misses it when training"
    ),
}
"""Where Rasa's verdict is not ours, and why."""

FROM_ANNOTATIONS = {
    "nlu/test/dialogflow_es_converted_to_rasa.json": 1,
    "nlu/test/wit_converted_to_rasa.json": 2,
}
"""Synonyms that annotations in JSON give: when it is read here, when it is trained in Rasa."""

WRONG_LINES = {
    "test_domains/duplicate_actions.yml": {35},
    "test_domains/duplicate_entities.yml": {20},
    "test_domains/duplicate_intents.yml": {5, 6},
    "test_domains/duplicate_responses.yml": {8, 10, 22},
    "test_domains/empty_response_format.yml": {8, 10, 16},
    "test_domains/form.yml": {13, 15},
    "test_domains/invalid_format.yml": {12},
    "test_domains/missing_text_for_templates.yml": {8, 10, 12},
    "test_domains/people_form.yml": {8, 10},
    "test_domains/query_form.yml": {7, 9, 11},
    "test_domains/test_domain_from_directory/domain_invalid.yml": {4},
    "test_domains/wrong_custom_response_format.yml": {8, 10, 17},
    "test_domains/wrong_response_format.yml": {8, 10, 17, 19, 21},
    "test_mixed_yaml_training_data/training_data.yml": {15},
    "test_wrong_yaml_stories/wrong_yaml.yml": {2},
}
"""Every wrong line of the files made to be refused."""

pytestmark = pytest.mark.skipif(not RECORDED.is_file(), reason="shared/rasa-golden is absent")


def verdicts() -> dict[str, Any]:
    return json.loads(RECORDED.read_text())["files"] if RECORDED.is_file() else {}


def samples(*kinds: str) -> list[tuple[str, str]]:
    return [(file, kind) for file, found in verdicts().items() for kind in kinds if kind in found]


def files_of(*, domain: str = "", data: str = "") -> ProjectFiles:
    """The files of a project that has nothing but a sample."""
    paths = ProjectPaths(
        domain=SAMPLES / domain if domain else None, data=(SAMPLES / data,) if data else ()
    )
    found = find_files(SAMPLES, Report(), paths)
    found.domain = found.domain if domain else []
    found.data = found.data if data else []
    return found


def reading_of(report: Report, **places: str) -> Reading:
    files = files_of(**places)
    return read_content(files, read_texts(files, report), report)


def problems_of(report: Report) -> list[Problem]:
    """The errors that are not about the project the sample is not part of."""
    apart = re.compile("the domain does not define|there is no domain|defines nothing")
    return [p for p in report.problems if p.severity == "error" and not apart.search(p.message)]


def problem_of(report: Report) -> Problem | None:
    return next(iter(problems_of(report)), None)


def counted_domain(domain: Domain) -> dict[str, Any]:
    return {
        "intents": len(domain.intents),
        "entities": len(domain.entities),
        "slots": sorted(domain.slots),
        "forms": sorted(domain.forms),
        "responses": len(domain.responses),
        "user_actions": sorted({*domain.actions, *domain.responses}),
        "session_expiration_time": domain.session.expiration_minutes,
        "carry_over": domain.session.carry_over_slots,
    }


def counted_nlu(data: NluData) -> dict[str, Any]:
    entities = [entity for example in data.examples for entity in example.entities]
    return {
        "intent_examples": len(data.examples),
        "intents": sorted({example.intent.split("/")[0] for example in data.examples}),
        "entity_examples": sum(bool(example.entities) for example in data.examples),
        "entities": sorted({entity.entity for entity in entities}),
        "roles": sorted({entity.role for entity in entities if entity.role}),
        "groups": sorted({entity.group for entity in entities if entity.group}),
        "synonyms": len(data.synonyms),
        "regex": sorted(regex.name for regex in data.regexes),
        "lookups": sorted(lookup.name for lookup in data.lookups),
        "retrieval_intents": list(retrieval_intents(data)),
    }


def expected_blocks(verdict: dict[str, Any]) -> set[tuple[str, tuple[str, ...]]]:
    """Names and kinds of events of the blocks that hang together with no other."""
    return {
        (block["name"], tuple(event for event in block["events"] if event != "Restarted"))
        for block in verdict["blocks"]
        if block["start"] == ["STORY_START"] and not block["end"]
    }


def is_apart(story: Story) -> bool:
    return not any(isinstance(step, OrStep | CheckpointStep) for step in story.steps)


KINDS = {
    UserStep: "UserUttered",
    ActionStep: "ActionExecuted",
    SlotStep: "SlotSet",
    LoopStep: "ActiveLoop",
}


def block_of(story: Story) -> tuple[str, tuple[str, ...]]:
    """A story or rule as Rasa writes it down: conditions first, ``...`` around a rule."""
    before = [KINDS[type(condition)] for condition in story.condition]
    if story.is_rule and not story.conversation_start:
        before.append("ActionExecuted")
    after = ["ActionExecuted"] if story.is_rule and not story.wait_for_user_input else []
    return story.name, (*before, *(KINDS[type(step)] for step in story.steps), *after)


@pytest.mark.parametrize(("file", "kind"), samples("domain", "domain_directory"))
def test_a_sample_domain_is_read_or_refused_as_rasa_recorded(file: str, kind: str) -> None:
    verdict, report = verdicts()[file][kind], Report()
    domain = reading_of(report, domain=file).content.domain
    if (file, kind) in DIFFERENT:
        assert (problem_of(report) is None) != verdict["ok"], "it is no longer different"
        return
    assert (problem_of(report) is None) == verdict["ok"], problem_of(report)
    if verdict["ok"]:
        found = counted_domain(domain)
        assert found == {key: verdict[key] for key in found}


@pytest.mark.parametrize(("file", "kind"), samples("nlu"))
def test_a_sample_of_nlu_data_is_read_or_refused_as_rasa_recorded(file: str, kind: str) -> None:
    verdict, report = verdicts()[file][kind], Report()
    try:
        data = read_nlu([SAMPLES / file], report)
    except ProjectError as error:
        report.add("error", error)
        data = NluData()
    if (file, kind) in DIFFERENT:
        assert (problem_of(report) is None) != verdict["ok"], "it is no longer different"
        return
    assert (problem_of(report) is None) == verdict["ok"], problem_of(report)
    if verdict["ok"]:
        found = counted_nlu(data)
        found["synonyms"] -= FROM_ANNOTATIONS.get(file, 0)
        assert found == {key: verdict[key] for key in found}


@pytest.mark.parametrize(("file", "kind"), samples("stories"))
def test_a_sample_of_stories_is_read_or_refused_as_rasa_recorded(file: str, kind: str) -> None:
    verdict, report = verdicts()[file][kind], Report()
    stories = reading_of(report, data=file).content.stories
    assert (problem_of(report) is None) == verdict["ok"], problem_of(report)
    if verdict["ok"]:
        assert {story.name for story in stories} == {b["name"] for b in verdict["blocks"]}
        told = {block_of(story) for story in stories if is_apart(story)}
        assert told == expected_blocks(verdict)


@pytest.mark.parametrize("file", sorted(WRONG_LINES))
def test_a_file_made_to_be_refused_is_refused_at_each_wrong_line(file: str) -> None:
    report = Report()
    kind = next(kind for kind in ("domain", "stories") if kind in verdicts()[file])
    reading_of(report, **{"domain": file} if kind == "domain" else {"data": file})
    assert {(problem.file, problem.line) for problem in problems_of(report)} == {
        (file, line) for line in WRONG_LINES[file]
    }


def test_every_file_that_rasa_refuses_is_refused_at_a_line_of_its_own() -> None:
    refused = {
        file
        for file, found in verdicts().items()
        for kind in ("domain", "stories")
        if kind in found and not found[kind]["ok"] and (file, kind) not in DIFFERENT
    }
    assert refused == set(WRONG_LINES)
