from __future__ import annotations

import pytest

from bot.actions.remote import RemoteActions
from bot.dialogue.domain import Domain, EntitySpec, IntentSpec
from bot.dialogue.messages import Message
from bot.dialogue.tracker import Tracker
from bot.dialogue.written import event_state
from bot.project.project import Config, NluData, Project
from bot.testing.services import memory_services
from bot.understand import cleaned, read_payload, understand
from nlu.parse import NO_CONTEXT, Context, Entity, Intent, Parse

DOMAIN = Domain(intents={"greet": IntentSpec("greet")}, entities={"name": EntitySpec("name")})


class NoNlu:
    """Must not be asked."""

    async def parse(self, text: str, context: Context = NO_CONTEXT) -> Parse:
        raise AssertionError(text)


@pytest.mark.parametrize(
    ("text", "intent", "confidence", "values"),
    [
        ("/greet", "greet", 1.0, []),
        ("/greet@0.4", "greet", 0.4, []),
        ("/greet@7", "greet", 1.0, []),
        ("/greet@much", "greet", 0.0, []),
        ('/greet{"name": "Ada"}', "greet", 1.0, ["Ada"]),
        ('/greet@0.5{"name": "Ada"}', "greet", 0.5, ["Ada"]),
        ('/greet{"name": ["Ada", "Bo"]}', "greet", 1.0, ["Ada", "Bo"]),
        ('/greet{"name": null}', "greet", 1.0, [None]),
        ('/greet{"unknown": 1, "name": 2}', "greet", 1.0, [2]),
        ('/greet{"name": ', "greet", 1.0, []),
        ("/greet{1}", "greet", 1.0, []),
        ("/restart", "restart", 1.0, []),
    ],
)
def test_a_payload_says_intent_confidence_and_entities(text, intent, confidence, values):
    parse = read_payload(text, DOMAIN)
    assert parse is not None
    assert (parse.intent.name, parse.intent.confidence) == (intent, confidence)
    assert [entity.value for entity in parse.entities] == values


@pytest.mark.parametrize("text", ["greet", "/", "/other", "/greet you", "/{}", "/@1"])
def test_what_names_no_intent_is_no_payload(text: str):
    assert read_payload(text, DOMAIN) is None


def test_entities_of_a_payload_stand_where_its_json_stands():
    parse = read_payload('/greet{"name": "Ada"}', DOMAIN)
    assert parse is not None
    assert (parse.entities[0].start, parse.entities[0].end) == (6, 21)


@pytest.mark.parametrize(
    ("text", "kept"),
    [("  hi  ", "hi"), ("a\x00b", "ab"), ("a\nb\tc", "a\nb\tc"), ("\ud83d!", "?!"), ("🦀", "🦀")],
)
def test_what_no_database_takes_is_taken_out(text: str, kept: str):
    assert cleaned(text) == kept


async def test_a_message_that_brings_its_parse_is_not_understood_again():
    parse = Parse("EXTERNAL: greet", Intent("greet"), (Entity("name", "Ada"),))
    message = Message("anna", parse.text, input_channel=None, parse=parse)
    parley = memory_services(
        Project(".", DOMAIN, NluData(), (), Config()), NoNlu(), RemoteActions(None)
    )
    user, *_ = await understand(message, Tracker.start("anna", DOMAIN), parley)
    said = event_state(user)
    assert said["input_channel"] is None
    assert said["parse_data"]["intent"]["name"] == "greet"
    assert said["parse_data"]["entities"] == [{"entity": "name", "value": "Ada"}]
