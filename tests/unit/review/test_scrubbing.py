"""Turns without personal data."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.review.item import Said
from bot.review.scrubbing import KEY, Rules, rules_of, whole
from bot.review.turn import Turn
from bot.settings import load_settings
from nlu.parse import Entity

RULES = Rules(("email", "phone", "iban", "card"), {"order": r"ORD-\d+"}, b"secret")
SECRETS = ("ann@example.com", "+49 30 1234567", "4111 1111 1111 1111", "ORD-123")


@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_of_a_turn_keeps_personal_data(secret: str):
    text = f"it is {secret} ok"
    entity = Entity("contact", secret, 6, 6 + len(secret))
    turn = Turn(
        "c", 1, text, before=text, replies=(text,), agent=(text,), said=Said("a", 1, (entity,))
    )
    clean = RULES.clean(turn)
    assert secret not in repr(clean)
    assert clean.text == clean.before == clean.replies[0] == clean.agent[0]
    [found] = clean.said.entities
    assert clean.text[found.start : found.end] == found.value
    assert found.value.startswith("<")
    assert clean.scrub == RULES.version


def test_spans_behind_a_placeholder_move_with_it():
    text = "to ann@example.com in Paris"
    turn = Turn("c", 1, text, said=Said("a", 1, (Entity("city", "Paris", 22, 27),)))
    clean = RULES.clean(turn)
    [found] = clean.said.entities
    assert clean.text[found.start : found.end] == "Paris" == found.value


@given(some.integers(0, 40), some.integers(0, 40))
def test_any_span_stays_within_the_text_and_in_order(one: int, other: int):
    text = "x ann@example.com y +49 30 1234567 z ORD-1"
    start, end = sorted((min(one, len(text)), min(other, len(text))))
    clean = RULES.clean(Turn("c", 1, text, said=Said("a", 1, (Entity("e", "v", start, end),))))
    [found] = clean.said.entities
    assert 0 <= found.start <= found.end <= len(clean.text)


def test_what_a_model_found_in_a_part_of_a_placeholder_is_no_entity():
    text = "mail <email_3fa94c01> to Ann"
    half, full, other = Entity("n", "x", 12, 20), Entity("m", "x", 5, 21), Entity("p", "x", 25, 28)
    assert whole(text, (half, full, other)) == (full, other)
    clean = RULES.clean(Turn("c", 1, text, said=Said("a", 1, (half, other))))
    assert [one.entity for one in clean.said.entities] == ["p"]


def test_a_value_in_another_place_of_the_entity_is_scrubbed_too():
    turn = Turn("c", 1, "that one", said=Said("a", 1, (Entity("e", {"to": ["a@b.de"]}, 0, 4),)))
    assert "a@b.de" not in repr(RULES.clean(turn))


def test_the_version_changes_with_the_rules_and_not_with_the_key():
    assert Rules(RULES.kinds, RULES.patterns, b"other").version == RULES.version
    assert Rules(("email",), RULES.patterns, b"secret").version != RULES.version
    assert Rules(RULES.kinds, {}, b"secret").version != RULES.version


def test_without_rules_of_its_own_every_kind_is_scrubbed_with_a_key_that_is_kept(tmp_path: Path):
    settings = load_settings(home=tmp_path / "home")
    rules = rules_of(settings)
    assert set(rules.kinds) == {"email", "phone", "iban", "card"}
    assert rules_of(settings) == rules
    assert stat.S_IMODE((tmp_path / "home" / KEY).stat().st_mode) == 0o600
    assert len(rules.key) == 64
