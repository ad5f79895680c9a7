"""A bot's languages are told apart, and no others are thought of."""

from __future__ import annotations

import msgspec
import pytest

from nlu.language import Languages
from nlu.parse import Parse
from nlu.pipeline import Nlu, Pipeline


@pytest.mark.parametrize(
    ("codes", "text", "expected"),
    [
        (("en", "zh"), "where is my order", "en"),
        (("en", "zh"), "我的订单在哪", "zh"),
        (("en", "zh"), "订 iPhone 手机吗", "zh"),
        (("en", "zh"), "order 茶 please", "en"),
        (("en", "zh"), "12345 😀!", None),
        (("en", "zh"), "", None),
        (("en", "zh"), "Привет", None),
        (("zh", "ja"), "お茶をください", "ja"),
        (("zh", "ja"), "我想买茶", "zh"),
        (("en", "ko", "ru"), "안녕하세요", "ko"),
        (("en", "ko", "ru"), "Где мой заказ", "ru"),
        (("en", "ar", "he"), "שלום", "he"),
        (("zh-CN", "en-GB"), "你好", "zh"),
        (("en",), "hallo", "en"),
    ],
)
def test_a_script_tells_a_language(codes: tuple[str, ...], text: str, expected: str | None):
    assert Languages(codes, judge=lambda codes: None).of(text) == expected


def test_languages_of_one_script_are_judged_and_the_main_one_is_meant_in_doubt():
    asked: list[tuple[str, ...]] = []

    def judge(codes: tuple[str, ...]):
        asked.append(codes)
        return lambda text: ("de", 0.9 if "Bestellung" in text else 0.55)

    languages = Languages(("en", "zh", "de"), judge=judge)
    assert asked == [("en", "de")]
    assert languages.of("wo ist meine Bestellung") == "de"
    assert languages.of("ok") == "en"
    assert languages.of("你好") == "zh"


def test_without_a_judge_the_main_language_is_meant():
    assert Languages(("de", "en"), judge=lambda codes: None).of("where is it") == "de"


def test_sentences_of_one_script_are_told_apart_by_what_is_installed():
    languages = Languages(("en", "de", "fr"))
    assert languages.of("where is my order please") == "en"
    assert languages.of("wo ist denn meine Bestellung") == "de"
    assert languages.of("je voudrais commander du thé") == "fr"


async def test_a_parse_carries_the_language_where_a_bot_has_several():
    several = Nlu(Pipeline(intents=False, entities=False, languages=Languages(("en", "zh"))))
    assert (await several.parse("你好")).language == "zh"
    assert b"language" not in msgspec.json.encode(await several.parse("123"))
    one = Nlu(Pipeline(intents=False, entities=False))
    assert b"language" not in msgspec.json.encode(await one.parse("hello"))


def test_a_parse_that_was_written_is_read_again():
    parse = Parse("你好", language="zh")
    assert msgspec.json.decode(msgspec.json.encode(parse), type=Parse) == parse
    assert msgspec.json.decode(msgspec.json.encode(Parse("x")), type=Parse) == Parse("x")
