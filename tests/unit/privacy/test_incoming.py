import pytest

from bot.dialogue.messages import Message
from bot.errors import SettingsError
from bot.external import external_message
from bot.privacy.incoming import cleaning
from bot.settings import Settings
from nlu.parse import Entity, Parse

SAID = Message(
    "c-1",
    '/inform{"mail": "anna@example.org"}',
    metadata={"from": ["anna@example.org", 7, {"phone": "+49 30 901820", "n": None}]},
)


def settings(**given):
    return Settings(scrub_key="k" * 32, **given)


def test_a_text_and_the_strings_of_its_metadata_are_scrubbed():
    clean = cleaning(settings(scrub=("email", "phone")))(SAID)
    mail, number, phone = clean.metadata["from"]
    assert clean.text == f'/inform{{"mail": "{mail}"}}'
    assert mail.startswith("<email_")
    assert number == 7
    assert phone["phone"].startswith("<phone_")
    assert phone["n"] is None


def test_the_same_message_again_is_the_same():
    clean = cleaning(settings(scrub=("email",), scrub_patterns={"order": r"ORD-\d+"}))
    assert clean(SAID) == clean(SAID)


def test_without_the_setting_nothing_changes():
    assert cleaning(Settings())(SAID) is SAID


def test_without_a_key_the_start_stops():
    with pytest.raises(SettingsError, match="PARLEY_SCRUB_KEY"):
        cleaning(Settings(scrub=("email",)))


def test_the_settings_are_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("PARLEY_SCRUB", "email, card")
    monkeypatch.setenv("PARLEY_SCRUB_PATTERNS", '{"order": "ORD-[0-9]+"}')
    found = Settings()
    assert found.scrub == ("email", "card")
    assert found.scrub_patterns == {"order": "ORD-[0-9]+"}


def test_what_a_text_was_parsed_to_is_scrubbed_too():
    mail = "anna@example.org"
    said = Message("c-1", mail, parse=Parse(mail, entities=(Entity("mail", mail, 0, 16),)))
    clean = cleaning(settings(scrub=("email",)))(said)
    assert clean.parse.text == clean.text != mail
    assert clean.parse.entities[0].value == clean.text


def test_what_a_program_says_keeps_its_entities():
    said = external_message("c-1", "pay", {"mail": "anna@example.org"})
    assert cleaning(settings(scrub=("email",)))(said).parse == said.parse
