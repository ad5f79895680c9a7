import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.door import clean, read_json
from bot.errors import BadRequest


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("hello", "hello"),
        ("a\ud800b", "a\ufffdb"),
        ("\udc00", "\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("a\x00b", "a\ufffdb"),
        ("tab\tline\n\x1b[31m", "tab\tline\n\x1b[31m"),
    ],
)
def test_text_is_made_valid_unicode(text, cleaned):
    assert clean(text) == cleaned


def test_strings_are_cleaned_wherever_they_are():
    raw = b'{"k\\ud800": ["\\ud800", {"a": "x\\u0000"}], "n": 1.5, "b": true, "z": null}'
    assert read_json(raw) == {
        "k\ufffd": ["\ufffd", {"a": "x\ufffd"}],
        "n": 1.5,
        "b": True,
        "z": None,
    }


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not JSON: expecting value at line 1, column 1"),
        (b"{'a': 1}", "not JSON"),
        (b"\xff\xfe{}", "not UTF-8: byte 0"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": 1e999}', "does not fit"),
        (b'{"a": 9223372036854775808}', "does not fit"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[" * 65 + b"]" * 65, "nests deeper than 64"),
        (b"[" * 100_000, "nests deeper than 64"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(data, said):
    with pytest.raises(BadRequest) as raised:
        read_json(data)
    assert said in str(raised.value)


def test_sixty_four_levels_are_read():
    assert read_json(b"[" * 64 + b"]" * 64)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    with suppress(BadRequest):  # anything else fails the test
        read_json(data)


@given(st.recursive(st.text() | st.booleans() | st.none(), lambda v: st.lists(v, max_size=3)))
def test_whatever_is_read_can_be_written_in_utf8(value):
    read = read_json(json.dumps(value).encode())
    assert json.dumps(read, ensure_ascii=False).encode("utf-8")
