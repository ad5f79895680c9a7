"""Every problem at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.project.check import check_project
from bot.project.report import Problem
from tests.unit.project.conftest import DOMAIN, ENVIRON, PROJECTS, Write


@pytest.fixture(scope="module")
def broken() -> list[Problem]:
    return check_project(PROJECTS / "broken", environ={})


@pytest.mark.parametrize(
    ("severity", "place", "message"),
    [
        ("warning", "config.yml:3:5", "Did you mean 'DIETClassifier'?"),
        ("warning", "config.yml:6:5", "'MagicPolicy', not known"),
        ("error", "config.yml:7:5", "has no name"),
        ("warning", "data/nlu.yml:5:7", "the entity 'daytime'"),
        ("warning", "data/nlu.yml:6:7", "does not begin with '-'"),
        ("warning", "data/nlu.yml:7:13", "the intent 'goodbye'"),
        ("warning", "data/nlu.yml:9", "of 'greet' in data/nlu.yml:4"),
        ("error", "data/nlu.yml:10:18", "not JSON"),
        ("error", "data/nlu.yml:11:5", "2 of the keys"),
        ("error", "data/nlu.yml:17:7", "the regex 'number'"),
        ("error", "data/nlu.yml:19:15", "nowhere.txt"),
        ("error", "data/stories.yml:5:17", "Did you mean 'utter_greet'?"),
        ("warning", "data/stories.yml:6", "'hello' (data/stories.yml:2) goes on with 'utter_gret'"),
        ("warning", "data/stories.yml:10", "no story begins with the checkpoint"),
        ("warning", "data/stories.yml:12:17", "Did you mean 'order'?"),
        ("warning", "data/stories.yml:14:13", "Did you mean 'dish'?"),
        ("warning", "data/stories.yml:16:13", "Did you mean 'taste'?"),
        ("error", "data/stories.yml:17:17", "Did you mean 'order_form'?"),
        ("error", "data/stories.yml:18:22", "the form 'order_frm'"),
        ("error", "data/stories.yml:19:9", "Did you mean 'action'?"),
        ("error", "data/stories.yml:22", "has 2 user turns; a rule may have one"),
        ("error", "data/tabs.yml:2:1", "a tab"),
        ("error", "domain.yml:4:5", "'greet' stands twice under intents"),
        ("warning", "domain.yml:5:5", "'order' has no examples"),
        ("error", "domain.yml:10:11", "Types: any, bool, categorical, float, list, text."),
        ("warning", "domain.yml:16:17", "Did you mean 'dish'?"),
        ("error", "domain.yml:18:5", "slot 'table' has no mappings"),
        ("warning", "domain.yml:20:3", "no way to ask for 'taste'"),
        ("error", "domain.yml:21:29", "the slot 'colour'"),
        ("warning", "domain.yml:24:13", "a place for 'nmae', which is no slot"),
        ("error", "domain.yml:25:3", "written twice; first in line 23"),
        ("warning", "domain.yml:27:3", "'utter_unused' is used by no story"),
        ("error", "domain.yml:30:7", "neither text nor custom"),
        ("error", "domain.yml:32:7", "Did you mean 'text'?"),
        ("warning", "domain.yml:34:5", "'utter_missing' has no response"),
    ],
)
def test_a_problem_is_found_at_its_place(
    broken: list[Problem], severity: str, place: str, message: str
) -> None:
    said = [str(p) for p in broken if p.severity == severity]
    assert any(line.startswith(f"{place}: ") and message in line for line in said), said


def test_problems_are_sorted_and_said_once(broken: list[Problem]) -> None:
    places = [(p.file, p.line or 0, p.column or 0) for p in broken]
    assert places == sorted(places)
    assert len(set(map(str, broken))) == len(broken)


def test_a_good_project_has_only_what_is_odd_about_it() -> None:
    found = check_project(PROJECTS / "good", environ=ENVIRON)
    (odd,) = [str(p) for p in found if p.severity != "note"]
    assert "the story 'order twice', as any story, is read by no policy of config.yml" in odd


@pytest.mark.parametrize("folder", ["nowhere", ""])
def test_no_project_is_one_problem(tmp_path: Path, folder: str) -> None:
    (problem,) = check_project(tmp_path / folder)
    assert problem.severity == "error"
    assert "parley init" in problem.suggestion


def test_a_message_is_one_line_of_printable_text(write: Write) -> None:
    name = "\\e[31m\\n" + "x" * 5000
    problems = check_project(write(f'slots: {{a: {{type: "{name}", mappings: []}}}}\n'))
    assert problems
    assert all(str(p).isprintable() and len(str(p)) < 1500 for p in problems)


def test_a_conflict_of_annotations_is_named(write: Write) -> None:
    data = "nlu:\n- intent: greet\n  examples: |\n    - hi [Ann](name)\n    - hi Ann\n"
    problems = check_project(write(DOMAIN + "entities: [name]\n", **{"data/nlu.yml": data}))
    assert "'hi Ann' has other entities here than in data/nlu.yml:4" in "".join(map(str, problems))


def test_what_actions_say_and_fill_in_counts_as_used(write: Write) -> None:
    domain = DOMAIN + "  utter_in_2: [{text: 'In {days}'}]\n  utter_done: [{text: Done}]\n"
    code = 'say(f"utter_in_{n}", days=3)\nsay("utter_done")\n'
    before = "".join(map(str, check_project(write(domain))))
    assert all(word in before for word in ("'utter_in_2'", "'days'", "'utter_done'"))
    after = "".join(map(str, check_project(write(domain, **{"actions/actions.py": code}))))
    assert not any(word in after for word in ("'utter_in_2'", "'days'", "'utter_done'"))


leaves = st.sampled_from(["", "a", "greet", "3", "null", "true", "[]", "{}", "- x", "'", "utter_a"])
KEYS = (
    "intents entities slots responses forms actions session_config e2e_actions nlu stories rules "
    "intent examples synonym regex lookup story rule steps condition action user bot or checkpoint "
    "slot_was_set active_loop type mappings conditions text custom buttons name value version "
    "pipeline policies required_slots ignored_intents roles metadata url"
)
keys = st.sampled_from(KEYS.split(" "))
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(st.tuples(keys, inner), max_size=3).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
        )
    ),
    max_leaves=6,
)
documents = st.lists(st.tuples(keys, values), max_size=4).map(
    lambda pairs: "".join(f"{key}: {value}\n" for key, value in pairs)
)


@settings(max_examples=100)
@given(st.lists(documents, min_size=5, max_size=5))
def test_wrong_types_anywhere_are_problems_and_never_a_crash(
    write: Write, texts: list[str]
) -> None:
    names = ("config.yml", "data/a.yml", "endpoints.yml", "credentials.yml")
    folder = write(texts[0], **dict(zip(names, texts[1:], strict=True)))
    for problem in check_project(folder):
        assert problem.message
        assert problem.file
