"""Chinese numbers: 十二, 一百二, 两千零一, 二零二六, 3万, 1.5亿."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nlu.grammar.chart import Item, Made, Rules
from nlu.grammar.numerals import Number, tidy
from nlu.grammar.tokens import Token

DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {
    "〇": 0,
    "两": 2,
    "兩": 2,
    "俩": 2,
    "壹": 1,
    "贰": 2,
    "叁": 3,
}
SCALES = {"十": 10, "百": 100, "千": 1_000}
GREAT = {"万": 10_000, "萬": 10_000, "亿": 100_000_000, "億": 100_000_000}
MOST_CHARACTERS = 16  # of one number


def number_characters(text: str, tokens: Sequence[Token], start: int) -> list[Item]:
    """The number in characters that begins at ``start``, and where it is short its first digit."""
    end = start
    while end < len(tokens) and end - start < MOST_CHARACTERS and _counts(tokens[end].text):
        end += 1
    while end > start:
        value = spoken("".join(token.text for token in tokens[start:end]))
        if value is not None:
            return [Item("hannum", Number(value, digits=0), start, end)]
        end -= 1
    return []


def _counts(char: str) -> bool:
    return char in DIGITS or char in SCALES or char in GREAT


def spoken(chars: str) -> int | None:
    """What numerals say together; None where they are no number (``五十百``)."""
    if all(char in DIGITS for char in chars):
        if len(chars) == 1:
            return DIGITS[chars]
        return int("".join(str(DIGITS[char]) for char in chars)) if len(chars) > 2 else None
    total = rest = 0
    largest = 10**12
    for part, scale in _by_great(chars):
        below = _below_ten_thousand(part, first=not total)
        if below is None or scale >= largest or (scale > 1 and not below):
            return None
        total, largest, rest = total + below * scale, scale, scale
    return total if rest else None


def _by_great(chars: str) -> list[tuple[str, int]]:
    """The numerals before each 万 and 亿, and those after the last."""
    parts: list[tuple[str, int]] = []
    part = ""
    for char in chars:
        if char in GREAT:
            parts.append((part, GREAT[char]))
            part = ""
        else:
            part += char
    if part:
        single = len(part) == 1 and bool(parts)  # 两万五 is 25,000
        parts.append((part, parts[-1][1] // 10) if single else (part, 1))
    return parts


def _below_ten_thousand(chars: str, *, first: bool) -> int | None:
    """一千二百三十四; 一百二 is 120, 十二 is 12."""
    total, digit, last = 0, None, 10_000
    zero = False
    for char in chars:
        if char in DIGITS:
            if digit is not None:
                return None
            zero = zero or DIGITS[char] == 0
            digit = DIGITS[char] or None
            continue
        scale = SCALES[char]
        if scale >= last or (digit is None and not (scale == 10 and total == 0)):
            return None
        total, digit, last = total + (digit or 1) * scale, None, scale
    if digit is None:
        return total
    short = last in (100, 1_000) and not zero
    return total + digit * (last // 10 if short else 1)


CLASSIFIERS = (
    "个 個 位 人 张 張 间 間 份 杯 只 条 件 本 台 部 辆 輛 瓶 盒 碗 家 名 次 遍 楼 层 号 桌 颗 斤 "
    "米 度 岁 页 套 双 对 盘 包 箱 支 枝 座 种 首 门 把 块 晚 折 口"
).split()

WORDS: list[tuple[str, str, Any]] = [
    (word, "great", factor) for word, factor in (GREAT | {"千": 1_000, "百": 100}).items()
]


def add_numbers(rules: Rules) -> None:
    """What numbers and ordinals are made of."""

    @rules.add("hannum")
    def counted(number: Number) -> Made:
        return Made("cnum", number)

    @rules.add("num")
    def figures(number: Number) -> Made:
        return Made("cnum", number)

    @rules.add("num great")
    def scaled(number: Number, factor: int) -> Made:
        return Made("scaled", Number(tidy(number.value * factor)))

    @rules.add("scaled")
    def as_number(number: Number) -> Made:
        return Made("cnum", number)

    @rules.add("=第 hannum|num")
    def ordinal(number: Number) -> Made | None:
        return None if number.whole is None else Made("ord", number.whole)
