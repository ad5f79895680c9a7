"""Texts encrypted with keys, and what is said when they cannot be opened."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SettingsError
from bot.store.sealing import PLAIN, Keyring, Locked, Plain, new_key, seal_from

OLD, NEW = new_key("2026-01"), new_key("2026-02")
ROW = ("event", "anna", 3)


def ring(*keys: str) -> Keyring:
    seal = seal_from(",".join(keys))
    assert isinstance(seal, Keyring)
    return seal


@given(st.text(), st.text(), st.integers())
def test_what_is_closed_is_opened_as_it_was(text: str, conversation: str, seq: int):
    seal, row = ring(NEW), ("event", conversation, seq)
    text = text.encode(errors="ignore").decode()
    assert seal.open(seal.close(text, *row), *row) == text
    assert seal.open_bytes(seal.close_bytes(text.encode(), *row), *row) == text.encode()


def test_what_is_closed_tells_nothing_and_is_never_the_same_twice():
    seal = ring(NEW)
    first, second = seal.close("my card", *ROW), seal.close("my card", *ROW)
    assert "card" not in first
    assert first != second
    assert first.startswith("~2026-02:")


def test_the_first_key_closes_and_every_key_opens():
    before = ring(OLD).close("{}", *ROW)
    both = ring(NEW, OLD)
    assert both.open(before, *ROW) == "{}"
    assert both.key_id == "2026-02"
    with pytest.raises(Locked, match=r"event 'anna' 3 is encrypted with key '2026-01', which"):
        ring(NEW).open(before, *ROW)


@pytest.mark.parametrize("row", [("event", "bob", 3), ("event", "anna", 4), ("inbox", "anna", 3)])
def test_a_text_put_into_another_row_is_not_opened(row: tuple[str, str, int]):
    closed = ring(NEW).close("{}", *ROW)
    with pytest.raises(Locked, match="was changed, moved, or the key is wrong"):
        ring(NEW).open(closed, *row)
    with pytest.raises(Locked, match="was changed"):
        ring(NEW).open_bytes(ring(NEW).close_bytes(b"x", *ROW), *row)


@pytest.mark.parametrize("damage", ["~2026-02:", "~2026-02:!!", "~2026-02:AAAA", "~", "~2026-02"])
def test_a_text_that_was_changed_is_not_opened(damage: str):
    with pytest.raises(Locked):
        ring(NEW).open(damage, *ROW)


def test_another_key_of_the_same_name_opens_nothing():
    closed = ring(NEW).close("{}", *ROW)
    with pytest.raises(Locked, match="the key is wrong"):
        ring(new_key("2026-02")).open(closed, *ROW)


def test_what_was_stored_before_there_were_keys_is_read_as_it_stands():
    assert ring(NEW).open('{"event":"user"}', *ROW) == '{"event":"user"}'
    assert ring(NEW).open_bytes(b"\x81", *ROW) == b"\x81"


def test_without_keys_nothing_is_encrypted_and_nothing_encrypted_is_taken_for_a_text():
    assert seal_from("") is PLAIN
    assert Plain().close("x", *ROW) == "x"
    with pytest.raises(Locked, match="'2026-02', which PARLEY_ENCRYPTION_KEYS does not name"):
        Plain().open(ring(NEW).close("x", *ROW), *ROW)
    with pytest.raises(Locked, match="'2026-02'"):
        Plain().open_bytes(ring(NEW).close_bytes(b"x", *ROW), *ROW)


@pytest.mark.parametrize("keys", ["secret", "a:", "a:c2hvcnQ=", f"{NEW},{NEW}", f"a b:{NEW[8:]}"])
def test_keys_that_are_none_are_said_so_without_being_shown(keys: str):
    with pytest.raises(SettingsError, match=r"key [12] should be NAME:KEY") as error:
        seal_from(keys)
    assert NEW[8:] not in str(error.value)


def test_a_key_has_a_name():
    with pytest.raises(SettingsError, match="no name for a key"):
        new_key("a:b")
