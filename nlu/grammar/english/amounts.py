"""Amounts of money: €25.50, twenty-five euros fifty, 20 bucks, between 10 and 20 dollars."""

from __future__ import annotations

import msgspec

from nlu.grammar.chart import Made, Rules
from nlu.grammar.measures import Amount, AmountRange
from nlu.grammar.numerals import Number, tidy


class Currency(msgspec.Struct, frozen=True):
    """``unit`` as Duckling writes it, ``code`` of ISO 4217, None where the word does not tell."""

    unit: str
    code: str | None


_WORDS: dict[Currency, str] = {
    Currency("EUR", "EUR"): "euro euros eur €",
    Currency("£", "GBP"): "£ pound pounds quid",
    Currency("GBP", "GBP"): "gbp",
    Currency("$", "USD"): "$ dollar dollars buck bucks us$",
    Currency("USD", "USD"): "usd",
    Currency("CNY", "CNY"): "cny rmb yuan renminbi",
    Currency("JPY", "JPY"): "jpy yen",
    Currency("INR", "INR"): "inr rupee rupees ₹",
    Currency("CHF", "CHF"): "chf francs",
    Currency("KRW", "KRW"): "krw ₩",
    Currency("CAD", "CAD"): "cad c$",
    Currency("AUD", "AUD"): "aud a$",
    Currency("HKD", "HKD"): "hkd hk$",
    Currency("SEK", "SEK"): "sek",
    Currency("NOK", "NOK"): "nok",
    Currency("DKK", "DKK"): "dkk",
    Currency("PLN", "PLN"): "pln zł",
    Currency("BRL", "BRL"): "brl r$",
    Currency("RUB", "RUB"): "rub ruble rubles",
    Currency("SGD", "SGD"): "sgd s$",
}
CENT = Currency("cent", None)
BY_WORD = {word: currency for currency, words in _WORDS.items() for word in words.split()}
BY_WORD |= dict.fromkeys(("cent", "cents", "¢", "penny", "pence", "pennies"), CENT)
DOLLARS = {"US": "USD", "CA": "CAD", "AU": "AUD", "NZ": "NZD", "SG": "SGD", "HK": "HKD"}
_PREFIXES = (("us", "USD"), ("canadian", "CAD"), ("australian", "AUD"), ("american", "USD"))
SIGNS = ("€", "£", "$", "¥", "₹", "₩", "us$", "c$", "a$", "hk$", "r$", "s$")


def currencies(region: str) -> list[tuple[str, str, Currency]]:
    """The words of currencies: ``$`` is that of the region, ``¥`` of China or Japan."""
    dollar = Currency("$", DOLLARS.get(region, "USD"))
    found = [
        (word, "sign" if word in SIGNS else "currency", dollar if each.unit == "$" else each)
        for word, each in BY_WORD.items()
    ]
    found += [(f"{prefix} dollars", "currency", Currency("$", code)) for prefix, code in _PREFIXES]
    return [*found, ("¥", "sign", Currency("¥", "JPY" if region == "JP" else "CNY"))]


def add_amounts(rules: Rules) -> None:
    """What amounts are made of."""

    @rules.add("sign num|bignum")
    def sign_first(currency: Currency, number: Number) -> Made:
        return _made(number.value, currency)

    @rules.add("num|bignum sign|currency", "num|bignum =- currency", "article currency")
    def currency_last(number: Number, currency: Currency) -> Made | None:
        return None if number.one and currency == CENT else _made(number.value, currency)

    @rules.add("currency num|bignum")
    def code_first(currency: Currency, number: Number) -> Made | None:
        is_code = currency.unit == currency.code
        return _made(number.value, currency) if is_code and number.digits else None

    @rules.add("money num")
    def cents_follow(amount: Amount, number: Number) -> Made | None:
        if amount.value != int(amount.value) or amount.unit == "cent" or number.digits == 1:
            return None
        cents = number.whole
        if cents is None or not 1 <= cents <= 99:
            return None
        value = tidy(amount.value + cents / 100)
        return Made("coins", msgspec.structs.replace(amount, value=value))

    @rules.add("money [=and] money")
    def with_cents(amount: Amount, cents: Amount) -> Made | None:
        whole = amount.value == int(amount.value) and amount.unit != "cent"
        if not whole or cents.unit != "cent" or not cents.value < 100:
            return None
        value = tidy(amount.value + cents.value / 100)
        return Made("money", msgspec.structs.replace(amount, value=value))

    @rules.add("num =-|=to num sign|currency")
    @rules.add("=between|=from num =and|=to|=- num sign|currency")
    def between(first: Number, last: Number, currency: Currency) -> Made | None:
        return _range(Amount(first.value, *_names(currency)), _amount(last.value, currency))

    @rules.add("money =-|=to money", "=between|=from money =and|=to|=- money")
    def amounts_between(first: Amount, last: Amount) -> Made | None:
        return _range(first, last) if first.unit == last.unit else None

    @rules.add("sign num =- num")
    def sign_between(currency: Currency, first: Number, last: Number) -> Made | None:
        return _range(_amount(first.value, currency), _amount(last.value, currency))

    @rules.add("=under|=below|=less_than|=at_most|=up_to|=no_more_than|=lower_than money")
    def at_most(amount: Amount) -> Made:
        return Made("moneyrange", AmountRange(None, amount))

    @rules.add("=over|=above|=more_than|=at_least|=no_less_than money")
    def at_least(amount: Amount) -> Made:
        return Made("moneyrange", AmountRange(amount, None))

    @rules.add("=about|=around|=exactly|=roughly|=approximately money")
    def about(amount: Amount) -> Made:
        return Made("money", amount)


def _names(currency: Currency) -> tuple[str, str | None]:
    return currency.unit, currency.code


def _amount(value: float, currency: Currency) -> Amount:
    return Amount(tidy(value), *_names(currency))


def _made(value: float, currency: Currency) -> Made:
    return Made("money", _amount(value, currency))


def _range(first: Amount, last: Amount) -> Made | None:
    return Made("moneyrange", AmountRange(first, last)) if first.value < last.value else None
