"""Parts of a project that are not where they are looked for, and projects that import others."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.commands.options import arguments, paths_of
from bot.errors import ProjectError
from bot.project.check import check_project
from bot.project.load import load_project
from bot.project.paths import ProjectPaths
from bot.settings import load_settings
from tests.unit.project.conftest import DOMAIN, Write

NLU = "nlu:\n- intent: greet\n  examples: |\n    - {}\n"
MULTI = "importers:\n- name: MultiProjectImporter\nimports:\n- {}\n"


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("elsewhere")
    for name, text in {
        "bot.yml": DOMAIN,
        "domains/a.yml": "intents: [greet]\n",
        "domains/deep/b.yml": "responses: {utter_b: [{text: B}]}\n",
        "domains/nlu.yml": NLU.format("not a domain"),
        "one.yml": NLU.format("one"),
        "more/two.yml": NLU.format("two"),
        "more/test_three.yml": NLU.format("three"),
        "more/tests/four.yml": NLU.format("four"),
        "my_config.yml": "language: de\n",
        "my_endpoints.yml": "action_endpoint: {url: 'http://here'}\n",
        "my_credentials.yml": "rest:\n",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_every_part_may_be_elsewhere(write: Write, elsewhere: Path) -> None:
    folder = write("intents: [unused]\n", **{"data/unused.yml": NLU.format("unused")})
    project = load_project(
        folder,
        paths=ProjectPaths(
            domain=elsewhere / "bot.yml",
            data=(elsewhere / "one.yml", elsewhere / "more"),
            config=elsewhere / "my_config.yml",
            endpoints=elsewhere / "my_endpoints.yml",
            credentials=elsewhere / "my_credentials.yml",
        ),
    )
    assert list(project.domain.intents) == ["greet"]
    assert sorted(example.text for example in project.nlu.examples) == [
        "four",
        "one",
        "three",
        "two",
    ]
    assert project.config.language == "de"
    assert project.endpoints.action_endpoint is not None
    assert project.credentials == {"rest": {}}
    assert project.nlu.examples[-1].file == (elsewhere / "one.yml").as_posix()


def test_stories_in_a_file_named_test_are_tests_and_not_trained_on(write: Write) -> None:
    text = "stories:\n- story: s\n  steps: [{user: hi, intent: greet}, {action: utter_greet}]\n"
    files = {"data/test_a.yml": NLU.format("read") + text, "data/tests/b.yml": text}
    project = load_project(write(**files))
    assert [story.file for story in project.stories] == ["data/tests/b.yml"]
    assert [example.text for example in project.nlu.examples] == ["read", "hi"]


def test_a_folder_of_domain_files_is_read_at_any_depth(write: Write, elsewhere: Path) -> None:
    paths = ProjectPaths(domain=elsewhere / "domains")
    project = load_project(write(None), paths=paths)
    assert (list(project.domain.intents), list(project.domain.responses)) == (
        ["greet"],
        ["utter_b"],
    )
    assert project.nlu.examples == ()
    assert project.warnings == ()


def test_one_folder_may_be_given_as_domain_and_data(write: Write, elsewhere: Path) -> None:
    both = (elsewhere / "domains",)
    project = load_project(write(None), paths=ProjectPaths(domain=both[0], data=both))
    assert [example.text for example in project.nlu.examples] == ["not a domain"]
    assert list(project.domain.responses) == ["utter_b"]


def test_a_relative_path_counts_from_here_else_from_the_project(
    write: Write, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write("intents: [a]\n", **{"other.yml": "intents: [of_the_project]\n"})
    monkeypatch.chdir(elsewhere)
    read = load_project(folder, paths=ProjectPaths(domain=Path("other.yml")))
    assert list(read.domain.intents) == ["of_the_project"]
    (elsewhere / "other.yml").write_text("intents: [from_here]\n")
    read = load_project(folder, paths=ProjectPaths(domain=Path("other.yml")))
    assert list(read.domain.intents) == ["from_here"]


@pytest.mark.parametrize("part", ["domain", "config", "endpoints", "credentials"])
def test_a_part_that_is_not_there_is_a_clear_error(write: Write, part: str) -> None:
    paths = ProjectPaths(**{part: Path("nowhere.yml")})
    with pytest.raises(ProjectError, match=rf"nowhere\.yml: there is no such {part} file"):
        load_project(write(), paths=paths)


def test_data_that_is_not_there_is_a_clear_error(write: Write) -> None:
    with pytest.raises(ProjectError, match="there is no such data file or folder"):
        load_project(write(), paths=ProjectPaths(data=(Path("nowhere"),)))


def test_check_looks_at_the_same_files(write: Write, elsewhere: Path) -> None:
    folder = write("intents: [a, a]\n")
    paths = ProjectPaths(elsewhere / "bot.yml")
    assert not any(p.severity == "error" for p in check_project(folder, paths=paths))
    assert any(p.severity == "error" for p in check_project(folder))


def test_options_and_settings_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    given = paths_of(Path("d"), ["a, b", "c"], Path("k.yml"), Path("e.yml"), Path("s.yml"))
    assert given.data == (Path("a"), Path("b"), Path("c"))
    for name, value in {
        "DOMAIN": "d",
        "DATA": "a,b,c",
        "CONFIG": "k.yml",
        "ENDPOINTS": "e.yml",
        "CREDENTIALS": "s.yml",
    }.items():
        monkeypatch.setenv(f"PARLEY_{name}", value)
    assert load_settings().paths == given
    assert paths_of().data == given.data
    assert arguments(given) == [
        *("--domain", "d", "--config", "k.yml"),
        *("--data", "a", "--data", "b", "--data", "c"),
    ]


# Imports


def imported(write: Write) -> Path:
    return write(
        **{
            "config.yml": MULTI.format("skills/faq"),
            "skills/faq/config.yml": "imports:\n- more\n",
            "skills/faq/domain.yml": "intents: [faq]\nresponses: {utter_greet: [{text: No}]}\n",
            "skills/faq/data/nlu.yml": "nlu:\n- intent: faq\n  examples: |\n    - what\n",
            "skills/faq/more/domain.yml": "intents: [deep]\n",
        }
    )


def test_imported_projects_bring_domain_and_data_and_import_others(write: Write) -> None:
    project = load_project(imported(write))
    assert list(project.domain.intents) == ["greet", "faq", "deep"]
    assert project.domain.responses["utter_greet"][0].text == "Hello"
    assert [example.text for example in project.nlu.examples] == ["what"]


def test_without_the_importer_imports_are_passed_over_and_told(write: Write) -> None:
    folder = imported(write)
    (folder / "config.yml").write_text("imports:\n- skills/faq\n")
    project = load_project(folder)
    assert list(project.domain.intents) == ["greet"]
    assert project.warnings[0].startswith("config.yml:1:1: imports is passed over")


def test_a_mistake_in_an_imported_config_is_named_with_its_place(write: Write) -> None:
    folder = imported(write)
    (folder / "skills/faq/config.yml").write_text("imports: [\n")
    with pytest.raises(ProjectError, match=r"skills/faq/config\.yml:2:1: not valid YAML"):
        load_project(folder)


@pytest.mark.parametrize("name", ["my.importers.GitImporter", "GitImporter"])
def test_an_importer_of_ones_own_is_a_clear_error(write: Write, name: str) -> None:
    text = f"importers:\n- name: {name}\n  repository: x\n"
    with pytest.raises(ProjectError, match=rf"config\.yml:2:3: the importer '{name}' is Python"):
        load_project(write(**{"config.yml": text}))


@pytest.mark.parametrize(
    "name", ["RasaFileImporter", "rasa.shared.importers.multi_project.MultiProjectImporter"]
)
def test_importers_of_rasa_are_known(write: Write, name: str) -> None:
    assert load_project(write(**{"config.yml": f"importers: [{{name: {name}}}]\n"})).warnings == ()


def test_training_data_in_markdown_is_told_with_what_to_do(write: Write) -> None:
    text = "## intent:greet\n- hello\n"
    (warning,) = load_project(
        write(**{"data/nlu.md": text, "data/README.md": "## About\ntext\n"})
    ).warnings
    assert warning.startswith("data/nlu.md: is training data in Markdown")
    assert "rasa data convert" in warning
