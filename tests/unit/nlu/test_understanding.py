import threading

import msgspec
import pytest
import structlog

import bot.model.nlu
from bot.dialogue.domain import Domain, EntitySpec
from bot.errors import ProjectError, SettingsError
from bot.model.nlu import open_understanding
from bot.project.project import (
    Component,
    Config,
    Endpoint,
    Endpoints,
    Example,
    ExampleEntity,
    Lookup,
    NluData,
    Project,
    Regex,
)
from nlu.parse import Entity, Intent, Parse

KEYWORD_PIPELINE = (Component("WhitespaceTokenizer"), Component("KeywordIntentClassifier"))
NLU = NluData(
    examples=(
        Example("hello", "greet"),
        Example("order", "order"),
        Example("price", "faq/price"),
        Example("to rome", "order", (ExampleEntity(3, 7, "town", "rome"),)),
    ),
    synonyms={"nyc": "New York"},
    regexes=(Regex("number", (r"\d+",)), Regex("feature_only", ("hello",))),
    lookups=(Lookup("city", ("NYC", "Berlin")), Lookup("town", ("rome",))),
)


def project(*pipeline, endpoint=None, nlu_hash="data"):
    return Project(
        path="shop",
        domain=Domain(entities={"number": EntitySpec("number"), "city": EntitySpec("city")}),
        nlu=NLU,
        stories=(),
        config=Config(pipeline=pipeline),
        endpoints=Endpoints(nlu=endpoint),
        nlu_hash=nlu_hash,
    )


@pytest.fixture
def models(tmp_path, make_bundle):
    make_bundle(version="v1")
    (tmp_path / "models" / "current").write_text("v1\n")
    return tmp_path / "models"


async def parsed(project, models, text, **options):
    async with open_understanding(project, models, **options) as nlu:
        return await nlu.parse(text)


async def test_a_trained_pipeline_is_the_current_bundle(models):
    async with open_understanding(project(Component("DIETClassifier")), models) as nlu:
        parse = await nlu.parse("order tea")
        assert nlu.model_id == "v1"
    assert parse.intent.name == "order"
    assert [e.value for e in parse.entities] == ["tea"]
    assert parse.response_selector == {}


async def test_the_model_is_opened_off_the_event_loop(models, monkeypatch):
    threads = []
    opened = bot.model.nlu.open_bundle

    def remember(folder):
        threads.append(threading.current_thread())
        return opened(folder)

    monkeypatch.setattr(bot.model.nlu, "open_bundle", remember)
    await parsed(project(Component("DIETClassifier")), models, "hello")
    assert threads != [threading.main_thread()]


async def test_options_of_the_pipeline_are_honoured(models):
    pipeline = (
        Component("DIETClassifier", {"entity_recognition": False, "ranking_length": 2}),
        Component("ResponseSelector", {"retrieval_intent": "faq", "ranking_length": 1}),
        Component("FallbackClassifier", {"threshold": 0.9999, "ambiguity_threshold": 0.0}),
    )
    parse = await parsed(project(*pipeline), models, "hello tea")
    assert parse.intent == Intent("nlu_fallback", 0.9999)
    assert len(parse.intent_ranking) == 3
    assert parse.entities == ()
    assert set(parse.response_selector) == {"all_retrieval_intents", "faq"}
    assert len(parse.response_selector["faq"]["ranking"]) == 1


async def test_patterns_and_lists_named_like_an_entity_are_extracted(models):
    pipeline = (
        *KEYWORD_PIPELINE,
        Component("RegexEntityExtractor"),
        Component("x.EntitySynonymMapper"),
    )
    parse = await parsed(project(*pipeline), models, "hello, order 12 for nyc and rome")
    assert [(e.entity, e.value) for e in parse.entities] == [
        ("number", "12"),
        ("city", "New York"),
        ("town", "rome"),
    ]
    assert parse.intent == Intent("greet", 1.0)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"use_regexes": False}, ["Berlin"]),
        ({"use_lookup_tables": False}, ["12"]),
        ({"case_sensitive": True}, ["12"]),
        ({"use_word_boundaries": False}, ["12", "Berlin", "berlin"]),
    ],
)
async def test_options_of_the_regex_extractor_are_honoured(models, options, expected):
    pipeline = (*KEYWORD_PIPELINE, Component("RegexEntityExtractor", options))
    text = "12 Berlin berliner".replace(
        "Berlin ", "BERLIN " if "case_sensitive" in options else "Berlin "
    )
    parse = await parsed(project(*pipeline), models, text)
    assert [e.value for e in parse.entities] == expected


async def test_keywords_need_no_model_and_mind_case_unless_told(tmp_path):
    nowhere = tmp_path / "nowhere"
    assert (await parsed(project(*KEYWORD_PIPELINE), nowhere, "hello")).intent == Intent("greet", 1)
    assert (await parsed(project(*KEYWORD_PIPELINE), nowhere, "HELLO")).intent == Intent()
    relaxed = Component("KeywordIntentClassifier", {"case_sensitive": False})
    assert (await parsed(project(relaxed), nowhere, "HELLO")).intent == Intent("greet", 1)
    assert not nowhere.exists()


async def test_keywords_after_the_model_overrule_it(models):
    diet, keywords = Component("DIETClassifier"), Component("KeywordIntentClassifier")
    assert (await parsed(project(diet, keywords), models, "price hello")).intent.confidence == 1.0
    assert (await parsed(project(keywords, diet), models, "price hello")).intent.confidence < 1.0


async def test_without_nlu_free_text_means_nothing(tmp_path):
    pipeline = (
        Component("DIETClassifier"),
        Component("RegexEntityExtractor"),
        Component("FallbackClassifier"),
    )
    async with open_understanding(project(*pipeline), tmp_path, mode="none") as nlu:
        assert await nlu.parse("order 12") == Parse(text="order 12")
        assert nlu.model_id == ""
        assert nlu.queue_length == 0


async def test_without_nlu_keywords_still_work(tmp_path):
    pipeline = (Component("DIETClassifier"), *KEYWORD_PIPELINE, Component("RegexEntityExtractor"))
    parse = await parsed(project(*pipeline), tmp_path, "order 12", mode="none")
    assert parse.intent == Intent("order", 1.0)
    assert parse.entities == ()


async def test_a_missing_model_says_how_to_get_one(tmp_path):
    with pytest.raises(SettingsError, match=r"holds no model yet.*`parley train --project shop`"):
        await parsed(project(Component("DIETClassifier")), tmp_path, "hello")


async def test_a_project_without_examples_is_served_without_a_model(tmp_path, models):
    empty = msgspec.structs.replace(project(Component("DIETClassifier")), nlu=NluData())
    with structlog.testing.capture_logs() as logs:
        assert (await parsed(empty, tmp_path / "nowhere", "hello")).intent == Intent()
    assert [line["event"] for line in logs] == ["model.none"]
    assert (await parsed(empty, models, "hello")).intent.name == "greet"  # trained elsewhere


async def test_a_tampered_model_stops_the_start_and_names_the_file(models):
    graph = models / "v1" / "model.onnx"
    graph.write_bytes(graph.read_bytes() + b"\x00")
    with pytest.raises(SettingsError, match=r"model\.onnx is not the file that was published"):
        await parsed(project(Component("DIETClassifier")), models, "hello")


async def test_a_current_that_is_gone_stops_the_start(models):
    (models / "current").write_text("v9\n")
    with pytest.raises(SettingsError, match=r"v9/manifest\.json is missing"):
        await parsed(project(Component("DIETClassifier")), models, "hello")


@pytest.mark.parametrize(("nlu_hash", "warnings"), [("data", 0), ("newer", 1)])
async def test_a_model_of_older_data_is_served_with_a_warning(models, nlu_hash, warnings):
    with structlog.testing.capture_logs() as logs:
        stale = project(Component("DIETClassifier"), nlu_hash=nlu_hash)
        assert (await parsed(stale, models, "hello")).intent.name == "greet"
    assert [line["event"] for line in logs] == ["model.stale"] * warnings


class Exclamations:
    """An extractor of a project's own."""

    exact = True

    def __init__(self, *, entity):
        self._entity = entity

    def extract(self, text):
        return [
            Entity(entity=self._entity, value="!", start=at, end=at + 1, extractor="Exclamations")
            for at, letter in enumerate(text)
            if letter == "!"
        ]


class WrittenForRasa:
    """A component with another interface."""


async def test_an_extractor_of_ones_own_is_named_by_its_path(tmp_path):
    own = Component(f"{__name__}.Exclamations", {"entity": "shout"})
    parse = await parsed(project(*KEYWORD_PIPELINE, own), tmp_path, "hello!")
    assert [(e.entity, e.start) for e in parse.entities] == [("shout", 5)]


@pytest.mark.parametrize("name", ["WrittenForRasa", "Exclamations", "Missing"])
async def test_a_component_that_is_no_extractor_is_ignored_aloud(tmp_path, name):
    pipeline = (*KEYWORD_PIPELINE, Component(f"{__name__}.{name}"))
    with structlog.testing.capture_logs() as logs:
        assert (await parsed(project(*pipeline), tmp_path, "hello")).intent.name == "greet"
    assert [line["event"] for line in logs] == ["nlu.component_ignored"]


async def test_a_component_that_is_not_had_is_said_to_be_missing(tmp_path):
    pipeline = (*KEYWORD_PIPELINE, Component("SpacyFeaturizer"), Component("my.Finder"))
    with structlog.testing.capture_logs() as logs:
        assert (await parsed(project(*pipeline), tmp_path, "hello")).intent.name == "greet"
    assert [line["component"] for line in logs] == ["my.Finder"]


async def test_an_nlu_endpoint_comes_before_any_model(tmp_path):
    endpoint = Endpoint(url="http://nlu.test", timeout_s=3)
    async with open_understanding(
        project(Component("DIETClassifier"), endpoint=endpoint), tmp_path
    ) as nlu:
        assert type(nlu).__name__ == "RemoteNlu"
        assert nlu.model_id == ""


@pytest.mark.parametrize(
    ("component", "sentence"),
    [
        (Component("FallbackClassifier", {"threshold": "high"}), "'threshold' is 'high'"),
        (Component("FallbackClassifier", {"ambiguity_threshold": True}), "must be a number"),
        (Component("KeywordIntentClassifier", {"case_sensitive": "no"}), "must be true or false"),
    ],
)
async def test_an_option_of_the_wrong_kind_is_a_project_error(tmp_path, component, sentence):
    with pytest.raises(ProjectError, match=r"config\.yml: .*" + sentence):
        await parsed(project(component), tmp_path, "hello")
