"""Whatever is typed: nothing raises, spans lie in the text, values can be read, time is bounded."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlu.grammar.calendar import reference
from nlu.grammar.grammar import DIMENSIONS, Found
from nlu.grammar.languages import grammar_for

WORDS = (
    "a an the at on in of from to and - / : . , half quarter past next last this monday "
    "tuesday sun march may january 3 7 12 30 31 1999 2026 19:30 7.30 2026-11-22 31/12 99 pm "
    "am o'clock morning night noon tomorrow today now week weekend month year day hour minute "
    "second seconds two twenty hundred thousand first third € $ euros dollars fifty between "
    "after before until by ago within fortnight christmas eve easter end early late 下 周 三 点 半 "
    "今天 明天 下午 一 十 百 万 个 月 日 号 年 小时 后 前 到 块 元 第 星期 "
    "+ ( ) @ # a.b x@y.org +49 030 650-650-6500 "
).split()
LOCALES = ("en", "en_GB", "zh", "de_DE", "ja", "")
ZONES = ("UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Shanghai", "Pacific/Apia")
DURATION = re.compile(r"P(?:\d+(?:\.\d+)?[YMWD]|T\d+(?:\.\d+)?[HMS])")

texts = st.one_of(
    st.text(max_size=80),
    st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join),
    st.lists(st.sampled_from(WORDS), max_size=14).map("".join),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    texts,
    st.sampled_from(LOCALES),
    st.sampled_from(ZONES),
    st.floats(min_value=-6e10, max_value=2e11),
    st.booleans(),
)
def test_what_is_found_lies_in_the_text_and_can_be_read(
    text: str, locale: str, zone: str, at: float, latent: bool
) -> None:
    finds = grammar_for(locale, latent=latent).find(text, reference(at, ZoneInfo(zone)))
    for find in finds:
        assert 0 <= find.start < find.end <= len(text)
        assert text[find.start : find.end].strip() == text[find.start : find.end]
        assert find.dimension in DIMENSIONS
        _check(find)
    for one, other in pairwise(finds):
        same = (one.start, one.end) == (other.start, other.end)
        assert one.end <= other.start or (same and one.dimension != other.dimension)


def _check(find: Found) -> None:
    value = find.value
    match find.dimension:
        case "time":
            ends = [value] if value["type"] == "value" else [value.get("from"), value.get("to")]
            read = [datetime.fromisoformat(end["value"]) for end in ends if end]
            assert read == sorted(read)
            assert read[0].tzinfo is not None
            assert len({str(each) for each in value["values"]}) == len(value["values"])
        case "duration":
            assert all(DURATION.fullmatch(part) for part in value["iso"].split("/"))
        case "phone-number" if "e164" in value:
            assert re.fullmatch(r"\+[1-9]\d{6,14}", value["e164"])
        case "number" | "ordinal":
            assert isinstance(value["value"], int | float)


HOSTILE = {
    "digits": "9" * 10_000,
    "digits apart": "1 " * 2_000,
    "a's": "a " * 2_000,
    "days": "monday " * 600,
    "ranges": "monday - " * 450,
    "numbers in words": "one hundred and " * 250,
    "clocks": "19:30 to " * 450,
    "chinese numerals": "一二三四五六七八九十" * 400,
    "chinese weeks": "下周三下午三点到" * 500,
    "dashes": "1-" * 2_000,
    "slashes": "1/" * 2_000,
    "dots": "a." * 2_000,
    "at signs": "a@" * 2_000,
    "plus signs": "+1" * 2_000,
    "parentheses": "(1)" * 1_300,
    "phones": "030 1234567 " * 340,
    "half past": "half past " * 400,
    "the last day of": "the last day of " * 250,
    "hashes": "#1a-" * 1_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_work_grows_no_faster_than_the_text(name: str) -> None:
    """Counted in lines run, not in seconds: four times the text is at most five times the work."""
    text = HOSTILE[name][:1_200]
    once, four_times = _lines_run(text[:300]), _lines_run(text)
    assert four_times <= 5 * once + 2_000


def _lines_run(text: str) -> int:
    grammar, now = grammar_for("en"), reference(1.8e9, ZoneInfo("UTC"))
    grammar.find("monday at 3", now)
    count = 0

    def trace(frame: object, event: str, arg: object) -> object:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        grammar.find(text, now)
    finally:
        sys.settrace(before)
    return count
