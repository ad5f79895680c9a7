import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SettingsError
from bot.privacy.kinds import KINDS
from bot.privacy.scrub import PLACEHOLDER, Scrubber

SCRUBBER = Scrubber(KINDS, patterns={"order": r"\bORD-\d{4,12}\b"}, key=b"k")


def kinds(text):
    return [each.kind for each in SCRUBBER.scrub(text).found]


def test_what_is_personal_is_gone_and_the_rest_is_there():
    text = "I am Anna, anna@example.org or +49 30 901820, about ORD-12345."
    scrubbed = SCRUBBER.scrub(text)
    assert PLACEHOLDER.sub("#", scrubbed.text) == "I am Anna, # or #, about #."
    assert [each.kind for each in scrubbed.found] == ["email", "phone", "order"]
    assert [text[each.start : each.end] for each in scrubbed.found] == [
        "anna@example.org",
        "+49 30 901820",
        "ORD-12345",
    ]


def test_one_value_has_one_placeholder_however_it_is_written():
    first = SCRUBBER.scrub("+49 30 901820", scope="c-1").text
    assert SCRUBBER.scrub("+49 (30) 90-18-20", scope="c-1").text == first
    assert SCRUBBER.scrub("+49 30 901821", scope="c-1").text != first
    assert SCRUBBER.scrub("+49 30 901820", scope="c-2").text != first
    assert Scrubber(KINDS, key=b"other").scrub("+49 30 901820", scope="c-1").text != first


def test_what_is_scrubbed_stays_as_it_is():
    once = SCRUBBER.scrub("mail anna@example.org, card 4111 1111 1111 1111").text
    assert SCRUBBER.scrub(once).text == once
    assert SCRUBBER.scrub(once).found == ()


def test_a_place_belongs_to_the_first_kind_that_fits():
    assert kinds("4111 1111 1111 1111") == ["card"]
    assert kinds("DE89 3704 0044 0532 0130 00") == ["iban"]
    assert kinds("0049.30.901820@example.org") == ["email"]


def test_only_wanted_kinds_are_looked_for():
    only = Scrubber(["card"], key=b"k").scrub("anna@example.org 4111 1111 1111 1111")
    assert only.text.startswith("anna@example.org <card_")


@given(st.text(max_size=200), st.lists(st.sampled_from(["a@b.example", "+49 30 901820"])))
def test_no_canary_survives(text, canaries):
    said = " ; ".join([text, *canaries, text])
    scrubbed = SCRUBBER.scrub(said)
    assert not any(f" ; {canary} ; " in scrubbed.text for canary in canaries)
    kept = PLACEHOLDER.split(scrubbed.text)
    assert "".join(kept) in said or len(kept) > 1


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"kinds": ["mail"]}, "no kind of personal data. Known: .*email"),
        ({"kinds": [], "patterns": {"Order": "x"}}, "no name"),
        ({"kinds": [], "patterns": {"order": "(x"}}, "no regular expression"),
    ],
)
def test_wrong_settings_are_named(options, what):
    with pytest.raises(SettingsError, match=what):
        Scrubber(**options, key=b"k")


def test_a_text_full_of_personal_data_takes_no_longer_than_its_length():
    text = "anna@example.org " * 40_000  # each find beside every other would take minutes
    assert PLACEHOLDER.sub("#", SCRUBBER.scrub(text).text) == "# " * 40_000
