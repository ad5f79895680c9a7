"""NLU data of other tools: read in a project, converted to YAML, refused in a sentence."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ProjectError
from bot.project.convert import read_nlu
from bot.project.json import read_json
from bot.project.load import load_project
from bot.project.nlu_yaml import nlu_yaml
from bot.project.project import Example, ExampleEntity, Lookup, NluData, Regex
from bot.project.report import Report
from tests.unit.project.conftest import DOMAIN, Write

RASA = {
    "rasa_nlu_data": {
        "common_examples": [
            {"text": "hello ", "intent": "greet", "metadata": {"a": 1}},
            {
                "text": "to Roma",
                "intent": "greet",
                "entities": [
                    {"start": 3, "end": 7, "entity": "city", "value": "Rome", "role": "to"}
                ],
            },
        ],
        "entity_synonyms": [{"value": "Rome", "synonyms": ["roma"]}],
        "regex_features": [{"name": "zip", "pattern": "[0-9]{5}"}],
        "lookup_tables": [{"name": "city", "elements": ["Rome", "Bonn"]}],
    }
}
LUIS = {
    "luis_schema_version": "7.0.0",
    "utterances": [
        {
            "text": "to Rome",
            "intent": "go",
            "entities": [{"entity": "city", "role": "to", "startPos": 3, "endPos": 6}],
        }
    ],
    "regex_entities": [{"name": "zip", "regexPattern": "[0-9]{5}"}],
    "closedLists": [
        {"name": "size", "subLists": [{"canonicalForm": "small", "list": ["tiny", "little"]}]}
    ],
}
WIT = {
    "utterances": [
        {
            "text": "to Rome",
            "intent": "go",
            "entities": [{"entity": "city:to", "start": 3, "end": 7}],
        },
        {"text": "what?", "entities": []},
    ]
}
INTENT = {"name": "go", "responses": []}
SAID = [
    {
        "data": [
            {"text": "to "},
            {"text": "Rome", "meta": "@geo-city", "alias": "city"},
            {"text": " now", "meta": "@sys.ignore"},
        ]
    }
]
ENTITY = {"name": "size", "isEnum": False, "isRegexp": False}
ENTRIES = [{"value": "small", "synonyms": ["small", "tiny"]}]
TO_ROME = ExampleEntity(3, 7, "city", "Rome", "to")


def read(folder: Path, name: str, content: Any) -> NluData:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
    report = Report()
    data = read_nlu([path], report)
    report.raise_first_error()
    return data


def said(data: NluData) -> list[tuple[str, str, tuple[ExampleEntity, ...]]]:
    return [(example.text, example.intent, example.entities) for example in data.examples]


def test_json_of_rasa_is_read(tmp_path: Path) -> None:
    data = read(tmp_path, "nlu.json", RASA)
    assert said(data) == [
        ("hello", "greet", ()),
        ("to Roma", "greet", (ExampleEntity(3, 7, "city", "Rome", "to"),)),
    ]
    assert data.examples[0].metadata == {"a": 1}
    assert data.examples[1].line == 11
    assert data.synonyms == {"Roma": "Rome", "roma": "Rome"}
    assert data.regexes == (Regex("zip", ("[0-9]{5}",)),)
    assert data.lookups == (Lookup("city", ("Rome", "Bonn")),)


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([(0, 8), (4, 12)], "'New York' (a) and 'York ham' (b) overlap"),
        ([(4, 8), (0, 12)], "'New York ham' (b) and 'York' (a) overlap"),
        ([(0, 8), (9, 12)], ""),
        ([(0, 8), (0, 8)], ""),
    ],
)
def test_annotations_that_overlap_are_named_with_their_place(
    tmp_path: Path, spans: list[tuple[int, int]], said: str
) -> None:
    entities = [
        {"start": start, "end": end, "entity": name, "value": "x"}
        for name, (start, end) in zip("ab", spans, strict=True)
    ]
    example = {"text": "New York ham", "intent": "buy", "entities": entities}
    path = tmp_path / "data.json"
    path.write_text(json.dumps({"rasa_nlu_data": {"common_examples": [example]}}))
    report = Report()
    assert len(read_nlu([path], report).examples) == 1
    found = [str(problem) for problem in report.problems if "overlap" in str(problem)]
    assert len(found) == bool(said)
    assert all(said in line and "data.json:1" in line for line in found)


def test_an_app_of_luis_is_read(tmp_path: Path) -> None:
    data = read(tmp_path, "app.json", LUIS)
    assert said(data) == [("to Rome", "go", (TO_ROME,))]
    assert data.regexes == (Regex("zip", ("[0-9]{5}",)),)
    assert data.lookups == (Lookup("size", ("small", "tiny", "little")),)
    assert data.synonyms == {"tiny": "small", "little": "small"}


def test_utterances_of_wit_are_read(tmp_path: Path) -> None:
    data = read(tmp_path, "wit.json", WIT)
    assert said(data) == [("to Rome", "go", (TO_ROME,)), ("what?", "out_of_scope", ())]


def agent(folder: Path) -> Path:
    for name, content in {
        "agent.json": {"supportedLanguages": ["de"]},
        "package.json": {"version": "1.0.0"},
        "intents/go.json": INTENT,
        "intents/go_usersays_en.json": SAID,
        "intents/go_usersays_de.json": [{"data": [{"text": "los"}]}],
        "entities/size.json": ENTITY,
        "entities/size_entries_en.json": ENTRIES,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize("zipped", [False, True])
def test_an_agent_of_dialogflow_is_read_from_a_folder_or_a_zip(
    tmp_path: Path, zipped: bool
) -> None:
    source = agent(tmp_path / "agent")
    if zipped:
        source = tmp_path / "agent.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for path in sorted((tmp_path / "agent").rglob("*.json")):
                archive.write(path, path.relative_to(tmp_path / "agent"))
    data = read_nlu([source], Report())
    assert said(data) == [("to Rome now", "go", (ExampleEntity(3, 7, "city", "Rome"),))]
    assert data.lookups == (Lookup("size", ("small", "tiny")),)
    assert data.synonyms == {"small": "small", "tiny": "small"}


def test_an_agent_is_read_in_the_language_asked_for(tmp_path: Path) -> None:
    data = read_nlu([agent(tmp_path)], Report(), "de")
    assert said(data) == [("los", "go", ())]


def test_json_in_a_project_is_training_data(write: Write) -> None:
    folder = write(
        DOMAIN + "entities: [city]\n",
        **{"data/old.json": json.dumps(RASA), "data/knowledge.json": '{"cities": ["Rome"]}'},
    )
    project = load_project(folder)
    assert [example.file for example in project.nlu.examples] == ["data/old.json"] * 2
    assert project.warnings == ()


def test_an_agent_in_a_project_is_read_in_its_language(write: Write) -> None:
    folder = write("intents: [go]\n", **{"config.yml": "language: de\n"})
    agent(folder / "data" / "agent")
    assert [example.text for example in load_project(folder).nlu.examples] == ["los"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"rasa_nlu_data": {"common_examples": [{"intent": "a"}]}}', r"1:40: .* has no text"),
        ('{"rasa_nlu_data": {"common_examples": [3]}}', r"1:40: an example must be a mapping"),
        (
            '{"rasa_nlu_data": {"common_examples": [{"text": "a", "intent": "b",\n"entities": '
            '[{"start": 5, "end": 9, "entity": "c"}]}]}}',
            r"2:24: the entity 'c' reaches from 5 to 9",
        ),
        (
            '{"utterances": [{"text": "a", "entities": [{"entity": "b", "start": -1e999, '
            '"end": 1}]}]}',
            r"1:69: start must be a whole number, not the number -1e999",
        ),
        ('{"luis_schema_version": "6.0", "utterances": []}', r"1:25: .* version is 6\.0"),
        ('{"utterances": {}}', r"1:16: utterances must be a list"),
        ('{"utterances": [', r"1:17: not valid JSON: a value is missing"),
        ('{"utterances": [1 2]}', r"1:19: not valid JSON: a comma or '\]'"),
        ('{"utterances": [],}', r"1:19: not valid JSON: a key in double quotes"),
        ('{"utterances" []}', r"not valid JSON|is no NLU data"),
        ('{"utterances": "\\ud800"}', r"1:16: holds half of a surrogate"),
        ('{"utterances": []} x', r"1:20: something stands behind the end"),
        ('{"utterances": ' + "[" * 100, r"nested deeper than 60"),
        ('{"a": 1}', "is no NLU data"),
        ("hello", "is no NLU data"),
    ],
)
def test_a_wrong_file_is_named_with_its_place(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(ProjectError, match=message):
        read(tmp_path, "nlu.json", content)


def test_a_file_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"nowhere\.json: cannot be read"):
        read_nlu([tmp_path / "nowhere.json"], Report())


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(values, st.sampled_from([None, 1]))
def test_json_is_read_as_python_reads_it(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    node = read_json(text, "a.json", Report())
    assert node is not None
    assert node.plain() == _stored(json.loads(text))


def _stored(value: Any) -> Any:
    """Numbers no event can hold stay the text they are."""
    if isinstance(value, dict):
        return {key: _stored(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_stored(each) for each in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    return value


@given(st.text(alphabet='{}[]":,1e.-truefalsnl \n\\u\x00', max_size=60))
def test_what_is_no_json_is_a_problem_with_a_place(text: str) -> None:
    report = Report()
    node = read_json(text, "a.json", report)
    assert (node is None) == bool(report.problems)
    assert all(problem.line for problem in report.problems)


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]\x00"), min_size=1)


@st.composite
def nlu_data(draw: st.DrawFn) -> NluData:
    examples = []
    for text in draw(st.lists(words.filter(str.strip), max_size=5, unique=True)):
        entities: tuple[ExampleEntity, ...] = ()
        if draw(st.booleans()):
            role = draw(st.none() | st.just("to"))
            entities = (ExampleEntity(0, len(text), "city", draw(words), role),)
        elif text != text.strip():
            text = text.strip()
        examples.append(
            Example(text, draw(st.sampled_from(["greet", "faq/a b", "3", "- x"])), entities)
        )
    names = st.lists(words.map(str.strip).filter(bool), min_size=1, max_size=3).map(tuple)
    return NluData(
        tuple(examples),
        regexes=draw(st.sampled_from([(), (Regex("zip", (r"\d{5}", "- ")),)])),
        lookups=(Lookup("city", draw(names)),),
    )


@given(nlu_data())
def test_what_is_written_as_yaml_is_read_back(tmp_path: Path, data: NluData) -> None:
    path = tmp_path / "nlu.yml"
    path.write_text(nlu_yaml(data), "utf-8", newline="")
    report = Report()
    read = read_nlu([path], report)
    report.raise_first_error()
    assert sorted(said(read)) == sorted(set(said(data)))
    assert read.lookups == data.lookups
