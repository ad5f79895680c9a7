"""Answers that fit a dialogue, over HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

from bot.dialogue.events import UserUttered
from bot.model.faq import Retriever, serve_faq
from bot.model.ranking import serve_ranker
from bot.model.serving import Loaded
from bot.settings import Settings
from nlu.ranking.candidates import Candidate
from nlu.ranking.certainty import Certainty
from nlu.ranking.entry import FaqEntry
from nlu.ranking.faq import FaqIndex, index_vectors
from nlu.ranking.ranker import Ranker, read_candidates
from tests.serving import PROJECT, EchoNlu, echo_app, served
from tests.words import Words

CANDIDATES = (
    Candidate("what size do you want", "response", "utter_ask_size"),
    Candidate("your parcel comes on <date>", "agent", turn=("c-1", 7), count=3),
    Candidate("the parcel is free", "response", "utter_faq/price"),
)
ENTRIES = (
    FaqEntry("faq/price", ("what does a parcel cost",), "the parcel is free"),
    FaqEntry("faq/hours", ("when do you open",), "at nine"),
)
ASKED = {"context": [{"speaker": "user", "text": "your parcel comes"}]}


@asynccontextmanager
async def model(parley, *, ranks=True, searches=True):
    words = Words()
    ranker = Ranker(
        *(words, CANDIDATES, read_candidates(CANDIDATES, words)),
        most_lines=2,
        certainty=Certainty(4.0, 4.0, -2.0),
        threshold=0.5,
    )
    index = FaqIndex(ENTRIES, index_vectors(ENTRIES, words), words)
    async with serve_ranker(ranker) as served, serve_faq(index, [Retriever("faq", 0.4)]) as faq:
        yield Loaded(
            *(PROJECT, parley, EchoNlu(), "m-2"),
            faq=faq if searches else None,
            ranker=served if ranks else None,
        )


@asynccontextmanager
async def ranking(settings: Settings | None = None, **parts: bool):
    app = echo_app(settings)
    async with served(app) as client:
        serving = app.state.running.serving
        await serving.load(model(serving.parley, **parts))
        yield client, serving.parley


@pytest.fixture
async def client():
    async with ranking() as (client, _):
        yield client


async def rank(client, **body):
    return await client.post("/model/rank", json=body)


async def test_the_best_answers_come_with_score_source_and_turn(client):
    answer = (await rank(client, **ASKED)).json()
    best, *others = answer["answers"]
    assert best["text"] == "your parcel comes on <date>"
    assert best["turn"] == {"conversation_id": "c-1", "event": 7}
    assert (best["source"], best["name"], best["count"]) == ("agent", None, 3)
    assert [best["confidence"], *(each["confidence"] for each in others)] == sorted(
        (each["confidence"] for each in answer["answers"]), reverse=True
    )


async def test_an_answer_of_the_faq_that_is_a_response_too_comes_once(client):
    found = (await rank(client, context=[{"speaker": "user", "text": "parcel cost"}])).json()
    names = [each["name"] for each in found["answers"]]
    assert names.count("utter_faq/price") == 1


async def test_none_of_these_where_nothing_is_sure_enough(client):
    lines = [{"speaker": "user", "text": "quantum chromodynamics"}]
    assert (await rank(client, context=lines)).json()["none_of_these"] is True
    assert (await rank(client, context=[{"speaker": "user", "text": "when do you open"}])).json()[
        "none_of_these"
    ] is False


async def test_only_what_is_asked_for_is_ranked(client):
    faq = (await rank(client, **ASKED, sources=["faq"])).json()["answers"]
    assert {each["source"] for each in faq} == {"faq"}
    named = (await rank(client, **ASKED, names=["utter_ask_size"])).json()["answers"]
    assert [each["name"] for each in named] == ["utter_ask_size"]
    assert len((await rank(client, **ASKED, limit=1)).json()["answers"]) == 1
    assert (await rank(client, **ASKED, names=["nobody"])).json() == {
        "answers": [],
        "none_of_these": True,
    }


async def test_a_conversation_in_the_log_can_be_named():
    async with ranking() as (client, parley):
        said = UserUttered(text="your parcel comes", timestamp=1.0)
        await parley.log.commit("ada", [said], seq=0, epoch=0)
        told = (await rank(client, **ASKED)).json()
        assert (await rank(client, conversation_id="ada")).json() == told
        nobody = await rank(client, conversation_id="bob")
        assert nobody.status_code == 404
        assert "no conversation 'bob'" in nobody.text


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({}, 400, "Send either context"),
        ({**ASKED, "conversation_id": "ada"}, 400, "Send either context"),
        ({"context": []}, 400, "Nobody has said anything"),
        ({"context": [{"speaker": "user", "text": " "}]}, 400, "Nobody has said anything"),
        ({"context": [{"speaker": "bot", "text": "x"}]}, 422, "context"),
        ({"context": [{"speaker": "user"}]}, 422, "text"),
        ({"context": [{"speaker": "user", "text": "x" * 100_000}]}, 413, "characters"),
        ({**ASKED, "limit": 0}, 422, "limit"),
        ({**ASKED, "limit": 51}, 422, "limit"),
        ({**ASKED, "sources": ["web"]}, 422, "sources"),
        ({"conversation_id": "x" * 300}, 422, "conversation_id"),
    ],
)
async def test_what_cannot_be_ranked_is_refused_with_a_reason(client, body, status, sentence):
    answer = await client.post("/model/rank", json=body)
    assert answer.status_code == status
    assert sentence in answer.text


async def test_a_project_with_nothing_to_rank_says_what_would_make_it():
    async with ranking(ranks=False, searches=False) as (client, _):
        answer = await rank(client, **ASKED)
    assert answer.status_code == 409
    assert "parley train ranker" in answer.json()["message"]


async def test_either_of_ranker_and_faq_is_enough():
    for parts in ({"ranks": False}, {"searches": False}):
        async with ranking(**parts) as (client, _):
            assert (await rank(client, **ASKED)).status_code == 200


async def test_who_may_not_call_the_api_ranks_nothing():
    async with ranking(Settings(auth_token="secret")) as (client, _):
        assert (await rank(client, **ASKED)).status_code == 401
        allowed = await client.post("/model/rank?token=secret", json=ASKED)
        assert allowed.status_code == 200
