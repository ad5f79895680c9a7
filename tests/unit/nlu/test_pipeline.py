import asyncio
import time

import msgspec
import pytest

from nlu.bundle import open_bundle
from nlu.errors import NluUnavailable
from nlu.extractors.lookup import LookupExtractor
from nlu.extractors.regex import RegexExtractor
from nlu.extractors.synonyms import Synonyms
from nlu.fallback import Fallback
from nlu.keywords import Keywords
from nlu.parse import Context, Intent, Parse
from nlu.pipeline import Nlu, Pipeline, serve
from tests.unit.nlu.conftest import tiny_graph

NO_MODEL = Pipeline(intents=False, entities=False)


@pytest.fixture
async def nlu_of(make_bundle):
    """Nlu with the tiny bundle, for a pipeline."""
    async with serve(open_bundle(make_bundle())) as served:
        yield lambda **facts: Nlu(Pipeline(**facts), served)


async def test_a_text_is_understood_whole(nlu_of):
    nlu = nlu_of(selectors={"faq": 10}, synonyms=Synonyms({"new york": "NYC"}))
    parse = await nlu.parse("hello, order green tea to new york")
    assert parse.intent == parse.intent_ranking[0]
    assert {intent.name for intent in parse.intent_ranking} == {"bye", "faq", "greet", "order"}
    assert sum(intent.confidence for intent in parse.intent_ranking) == pytest.approx(1)
    assert [(e.entity, e.value, e.start, e.end, e.role) for e in parse.entities] == [
        ("item", "green", 13, 18, None),
        ("item", "tea", 19, 22, None),
        ("city", "NYC", 26, 34, "to"),
    ]
    assert {e.extractor for e in parse.entities} == {"DIETClassifier"}
    assert parse.text_tokens[:3] == ((0, 5), (5, 6), (7, 12))
    assert nlu.model_id == "v1"


async def test_a_retrieval_intent_comes_with_its_answer(nlu_of):
    parse = await nlu_of(selectors={"faq": 10, None: 10}).parse("price")
    assert parse.intent.name == "faq"
    assert parse.intent.confidence > 0.9
    for selector in ("faq", "default"):
        response = parse.response_selector[selector]["response"]
        assert response["intent_response_key"] == "faq/price"
        assert response["confidence"] > 0.9


async def test_places_are_right_among_emoji_and_right_to_left_text(nlu_of):
    text = "👩‍👩‍👧🎉 מים \u202e tea ❤️ berlin"
    parse = await nlu_of().parse(text)
    assert [text[e.start : e.end] for e in parse.entities] == ["tea", "berlin"]
    assert [e.value for e in parse.entities] == ["tea", "berlin"]


@pytest.mark.parametrize("text", ["", " ", "\n\t\u3000"])
async def test_blank_text_means_nothing(nlu_of, text):
    everything = {"after": (Keywords([("x", "y")]), Fallback())}
    for nlu in (nlu_of(**everything), Nlu(NO_MODEL)):
        assert await nlu.parse(text) == Parse(text=text)


@pytest.mark.parametrize(
    "text",
    ["\x00\x01\x02", "\ud800", "\udfff tea \ud83d", "a" * 10_000, "tea " * 250_000, "\u0301" * 5000,
     "\u202e" * 3000, "[CLS] [SEP] [MASK]", "💥" * 5000, "\ufeff", "ﷺ" * 4000],
)  # fmt: skip
async def test_whatever_is_written_gets_an_answer_that_can_be_sent_soon(nlu_of, text):
    nlu = nlu_of(
        selectors={None: 10},
        extractors=(RegexExtractor({"n": [r"\d+"]}), LookupExtractor({"drink": ["tea"]})),
        after=(Keywords([("order", "order")]), Fallback()),
        synonyms=Synonyms({}),
    )
    begun = time.process_time()
    parse = await nlu.parse(text)
    assert time.process_time() - begun < 1
    assert len(parse.text) == len(text)
    assert all(parse.text[e.start : e.end] == e.value for e in parse.entities)
    assert msgspec.json.decode(msgspec.json.encode(parse), type=Parse) == parse


async def test_a_keyword_after_the_model_overrules_it_and_one_before_does_not(nlu_of):
    keywords = Keywords([("tea", "bye")])
    after = await nlu_of(after=(keywords,)).parse("order tea")
    before = await nlu_of(before=(keywords,)).parse("order tea")
    assert after.intent == Intent("bye", 1.0)
    assert [i.name for i in after.intent_ranking].count("bye") == 1
    assert before.intent.name == "order"


async def test_an_unsure_model_falls_back(nlu_of):
    parse = await nlu_of(after=(Fallback(0.3, 0.1),)).parse("hello bye")
    assert parse.intent == Intent("nlu_fallback", 0.3)
    assert {i.name for i in parse.intent_ranking[1:3]} == {"greet", "bye"}


async def test_a_pipeline_may_want_only_entities_or_only_intents(nlu_of):
    only_entities = await nlu_of(intents=False).parse("order tea")
    assert only_entities.intent == Intent()
    assert [e.value for e in only_entities.entities] == ["tea"]
    only_intents = await nlu_of(entities=False).parse("order tea")
    assert only_intents.intent.name == "order"
    assert only_intents.entities == ()


async def test_without_a_model_keywords_and_extractors_still_answer():
    nlu = Nlu(
        Pipeline(
            intents=False,
            entities=False,
            after=(Keywords([("tea", "order")]),),
            extractors=(LookupExtractor({"drink": ["tea"]}),),
        )
    )
    parse = await nlu.parse("tea, please")
    assert parse.intent == Intent("order", 1.0)
    assert [e.entity for e in parse.entities] == ["drink"]
    assert nlu.model_id == ""
    assert nlu.queue_length == 0


async def test_with_nothing_at_all_nothing_is_understood():
    assert await Nlu(NO_MODEL).parse("hello") == Parse(text="hello")


async def test_many_at_once_are_each_given_their_own_answer(nlu_of):
    nlu = nlu_of()
    texts = [f"{word} " * times for word in ("hello", "bye", "order") for times in range(1, 12)]
    parses = await asyncio.gather(*(nlu.parse(text, Context(bot_text="?")) for text in texts))
    names = {"hello": "greet", "bye": "bye", "order": "order"}
    for text, parse in zip(texts, parses, strict=True):
        assert parse.text == text
        assert parse.intent.name == names[text.split()[0]]
    assert nlu.queue_length == 0


async def test_no_answer_depends_on_who_else_asks(make_bundle):
    folder = make_bundle(graph=tiny_graph(sociable=True))
    async with serve(open_bundle(folder)) as served:
        nlu = Nlu(Pipeline(), served)
        alone = await nlu.parse("order")
        together = await asyncio.gather(*(nlu.parse(text) for text in ("order", "bye tea " * 6)))
    assert together[0] == alone


async def test_too_many_at_once_are_refused(make_bundle):
    async with serve(open_bundle(make_bundle()), most_waiting=3) as served:
        nlu = Nlu(Pipeline(), served)
        answers = await asyncio.gather(
            *(nlu.parse("hello") for _ in range(5)), return_exceptions=True
        )
    refused = [answer for answer in answers if isinstance(answer, NluUnavailable)]
    assert len(refused) == 2


async def test_a_higher_temperature_is_less_sure(make_bundle, tmp_path):
    async def confidence(temperature):
        folder = make_bundle(tmp_path / f"t{temperature}", temperature=temperature)
        async with serve(open_bundle(folder)) as served:
            return (await Nlu(Pipeline(), served).parse("hello")).intent.confidence

    assert await confidence(1.0) > await confidence(4.0) > 0.25
