"""Chinese amounts of money: 一百二十块, 三块五, 3.5元, 100美元, 50-100元."""

from __future__ import annotations

from typing import Any

import msgspec

from nlu.grammar.chart import Made, Rules
from nlu.grammar.measures import Amount, AmountRange
from nlu.grammar.numerals import Number, tidy

_WORDS = {
    ("CNY", "CNY"): "元 块 块钱 圆 元钱 人民币 元人民币 块人民币 塊 塊錢",
    ("$", "USD"): "美元 美金 美刀 刀",
    ("EUR", "EUR"): "欧元 歐元",
    ("£", "GBP"): "英镑 英鎊",
    ("JPY", "JPY"): "日元 日圆 日币",
    ("HKD", "HKD"): "港币 港元 港幣",
    ("KRW", "KRW"): "韩元",
    ("TWD", "TWD"): "台币 新台币",
}
WORDS: list[tuple[str, str, Any]] = [
    (word, "yuan" if code == "CNY" else "hancurrency", Amount(0, unit, code))
    for (unit, code), words in _WORDS.items()
    for word in words.split()
]


def add_amounts(rules: Rules) -> None:
    """What amounts are made of."""

    @rules.add("cnum yuan|hancurrency")
    def amount(number: Number, currency: Amount) -> Made:
        return _made(number.value, currency)

    @rules.add("=人民币 cnum [=元|=块]")
    def currency_first(number: Number) -> Made:
        return _made(number.value, Amount(0, "CNY", "CNY"))

    @rules.add("cnum =块|=塊 hannum")
    def and_tenths(number: Number, tenths: Number) -> Made | None:
        if not 1 <= tenths.value <= 9:
            return None
        return _made(number.value + tenths.value / 10, Amount(0, "CNY", "CNY"))

    @rules.add("cnum =角|=毛|=毛钱")
    def tenths(number: Number) -> Made:
        return Made("money", Amount(tidy(number.value / 10), "CNY", "CNY"))

    @rules.add("money money")
    def with_coins(amount: Amount, coins: Amount) -> Made | None:
        if amount.unit != coins.unit or coins.value >= 1 or amount.value != int(amount.value):
            return None
        return _made(amount.value + coins.value, amount)

    @rules.add("cnum =-|=到|=至 cnum yuan|hancurrency")
    def between(first: Number, last: Number, currency: Amount) -> Made | None:
        return _range(_amount(first.value, currency), _amount(last.value, currency))

    @rules.add("money =-|=到|=至 money")
    def amounts_between(first: Amount, last: Amount) -> Made | None:
        return _range(first, last) if first.unit == last.unit else None

    @rules.add("money =以下|=以内|=之内|=以內", "=不到|=不超过|=低于|=少于 money")
    def at_most(amount: Amount) -> Made:
        return Made("moneyrange", AmountRange(None, amount))

    @rules.add("money =以上|=起", "=超过|=高于|=不低于|=多于 money")
    def at_least(amount: Amount) -> Made:
        return Made("moneyrange", AmountRange(amount, None))


def _amount(value: float, currency: Amount) -> Amount:
    return msgspec.structs.replace(currency, value=tidy(value))


def _made(value: float, currency: Amount) -> Made:
    return Made("money", _amount(value, currency))


def _range(first: Amount, last: Amount) -> Made | None:
    return Made("moneyrange", AmountRange(first, last)) if first.value < last.value else None
