"""Answers in the shapes that Rasa 3.6 gives for other services; observed of a running one."""

from __future__ import annotations

import pytest

from bot.api.emulation import as_dialogflow, as_luis, as_wit
from nlu.parse import Entity, Intent, Parse
from tests.serving import echo_app, served

CITY = Entity("city", "New York", 6, 9, extractor="RegexEntityExtractor")
PARSE = Parse("go to NYC", Intent("travel", 1.0), (CITY,), (Intent("travel", 1.0),))
NOTHING = Parse("zzz")


def test_wit():
    instance = {
        "confidence": 1,
        "name": "city",
        "value": "New York",
        "body": "NYC",
        "start": 6,
        "end": 9,
        "role": "city",
        "entities": [],
    }
    assert as_wit(PARSE) == {
        "text": "go to NYC",
        "intents": [{"name": "travel", "confidence": 1.0}],
        "entities": {"city:city": [instance]},
    }
    assert as_wit(NOTHING) == {
        "text": "zzz",
        "intents": [{"name": None, "confidence": 0.0}],
        "entities": {},
    }


def test_luis():
    instance = {
        "role": None,
        "type": "city",
        "text": "New York",
        "startIndex": 6,
        "length": 3,
        "score": None,
        "modelType": "RegexEntityExtractor",
    }
    assert as_luis(PARSE) == {
        "query": "go to NYC",
        "prediction": {
            "normalizedQuery": "go to NYC",
            "topIntent": "travel",
            "intents": {"travel": {"score": 1.0}},
            "entities": {"$instance": {"city": [instance]}, "city": ["New York"]},
        },
    }
    assert as_luis(NOTHING)["prediction"]["intents"] == {"null": {"score": 0.0}}


def test_dialogflow():
    answer = as_dialogflow(PARSE)
    assert answer.pop("responseId")
    assert answer == {
        "queryResult": {
            "queryText": "go to NYC",
            "action": "travel",
            "parameters": {"city": ["New York"]},
            "fulfillmentText": "",
            "fulfillmentMessages": [],
            "outputContexts": [],
            "intent": {"name": "travel", "displayName": "travel"},
            "intentDetectionConfidence": 1.0,
        }
    }


@pytest.mark.parametrize(
    ("mode", "key"), [("WIT", "intents"), ("luis", "prediction"), ("DialogFlow", "queryResult")]
)
async def test_a_mode_is_asked_for_by_name(mode, key):
    async with served(echo_app()) as client:
        query = {"emulation_mode": mode}
        answer = await client.post("/model/parse", json={"text": "hello"}, params=query)
    assert key in answer.json()


async def test_another_mode_is_refused_as_rasa_does():
    async with served(echo_app()) as client:
        answer = await client.post("/model/parse?emulation_mode=nope", json={"text": "hello"})
    assert answer.status_code == 400
    assert answer.json()["details"] == {"parameter": "emulation_mode", "in": "query"}
