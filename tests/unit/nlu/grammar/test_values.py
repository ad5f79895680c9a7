"""Numbers, ordinals, durations, amounts, phones, mail addresses, URLs and order numbers."""

import pytest

from tests.unit.nlu.grammar.seen import found, values


@pytest.mark.parametrize(
    ("sentence", "words", "number"),
    [
        ("we are two", "two", 2),
        ("for 12 people", "12", 12),
        ("twenty-five of them", "twenty-five", 25),
        ("two hundred and one", "two hundred and one", 201),
        ("one thousand two hundred thirty four", "one thousand two hundred thirty four", 1_234),
        ("a hundred", "a hundred", 100),
        ("three million", "three million", 3_000_000),
        ("1,234.50", "1,234.50", 1_234.5),
        ("12.5", "12.5", 12.5),
        ("3k followers", "3k", 3_000),
        ("a dozen eggs", "a dozen", 12),
        ("a couple of friends", "a couple of", 2),
    ],
)
def test_numbers(sentence: str, words: str, number: float) -> None:
    assert values(sentence, "number") == [(words, number)]


@pytest.mark.parametrize(
    "sentence",
    ["no one", "this one", "the one", "B2", "an mp3", "anyone", "1.2.3", "AB-123"],
)
def test_no_number_is_read_into_other_words(sentence: str) -> None:
    assert values(sentence, "number") == []


def test_two_numbers_side_by_side_stay_two() -> None:
    assert values("three twenty", "number") == [("three", 3), ("twenty", 20)]


def test_a_decimal_comma_is_the_locales() -> None:
    assert values("12,50", "number", locale="de_DE") == [("12,50", 12.5)]
    assert values("1.234,50", "number", locale="de_DE") == [("1.234,50", 1_234.5)]


@pytest.mark.parametrize(
    ("sentence", "words", "ordinal"),
    [
        ("the first one", "first", 1),
        ("the 3rd", "3rd", 3),
        ("twenty-second", "twenty-second", 22),
        ("the twelfth entry", "twelfth", 12),
        ("second opinion", "second", 2),
    ],
)
def test_ordinals(sentence: str, words: str, ordinal: int) -> None:
    assert values(sentence, "ordinal") == [(words, ordinal)]


@pytest.mark.parametrize("sentence", ["wait a second", "first name", "at first it worked"])
def test_no_ordinal_is_read_into_other_words(sentence: str) -> None:
    assert values(sentence, "ordinal") == []


@pytest.mark.parametrize(
    ("sentence", "words", "duration"),
    [
        ("for three nights and 2 days", "2 days", "P2D"),
        ("half an hour", "half an hour", "PT30M"),
        ("an hour and a half", "an hour and a half", "PT90M"),
        ("two and a half hours", "two and a half hours", "PT150M"),
        ("1h30", "1h30", "PT90M"),
        ("2 hours and 30 minutes", "2 hours and 30 minutes", "PT150M"),
        ("a fortnight", "a fortnight", "P14D"),
        ("fifteen minutes", "fifteen minutes", "PT15M"),
        ("a quarter of an hour", "a quarter of an hour", "PT15M"),
        ("six months", "six months", "P6M"),
        ("a couple of weeks", "a couple of weeks", "P2W"),
        ("1.5 days", "1.5 days", "PT36H"),
        ("two to three weeks", "two to three weeks", "P2W/P3W"),
        ("it takes 30-45 minutes", "30-45 minutes", "PT30M/PT45M"),
        ("between an hour and 2 hours", "between an hour and 2 hours", "PT1H/PT2H"),
    ],
)
def test_durations(sentence: str, words: str, duration: str) -> None:
    assert values(sentence, "duration") == [(words, duration)]


@pytest.mark.parametrize("sentence", ["wait a minute", "a second please", "once a week", "daily"])
def test_no_duration_is_read_into_other_words(sentence: str) -> None:
    assert values(sentence, "duration") == []


@pytest.mark.parametrize(
    ("sentence", "words", "amount"),
    [
        ("twenty-five euros fifty", "twenty-five euros fifty", "25.5 EUR"),
        ("€25.50", "€25.50", "25.5 EUR"),
        ("25.50€", "25.50€", "25.5 EUR"),
        ("$20 off", "$20", "20 USD"),
        ("20 bucks", "20 bucks", "20 USD"),
        ("5 dollars and 20 cents", "5 dollars and 20 cents", "5.2 USD"),
        ("30 USD", "30 USD", "30 USD"),
        ("EUR 30", "EUR 30", "30 EUR"),
        ("£3", "£3", "3 GBP"),
        ("a hundred pounds", "a hundred pounds", "100 GBP"),
        ("$5k", "$5k", "5000 USD"),
        ("50 cents", "50 cents", "50 cent"),
        ("between 10 and 20 dollars", "between 10 and 20 dollars", "10/20 USD"),
        ("10-20 euros", "10-20 euros", "10/20 EUR"),
        ("under 50 euros", "under 50 euros", "../50 EUR"),
        ("more than $100", "more than $100", "100/.. USD"),
    ],
)
def test_amounts(sentence: str, words: str, amount: str) -> None:
    assert values(sentence, "amount-of-money") == [(words, amount)]


@pytest.mark.parametrize("sentence", ["pound cake", "pass the buck", "sign here", "25"])
def test_no_amount_is_read_into_other_words(sentence: str) -> None:
    assert values(sentence, "amount-of-money") == []


def test_a_dollar_is_that_of_the_region() -> None:
    assert values("$20", "amount-of-money", locale="en_AU") == [("$20", "20 AUD")]
    (find,) = found("$20", dimensions=("amount-of-money",))
    assert (find.value["unit"], find.value["currency"]) == ("$", "USD")


@pytest.mark.parametrize(
    ("sentence", "locale", "words", "value", "e164"),
    [
        ("call 650-701-8887", "en_US", "650-701-8887", "6507018887", "+16507018887"),
        ("(650) 701 8887", "en_US", "(650) 701 8887", "6507018887", "+16507018887"),
        ("+33 1 23 45 67 89", "en", "+33 1 23 45 67 89", "(+33) 123456789", "+33123456789"),
        ("0049 30 1234567", "en", "0049 30 1234567", "(+49) 301234567", "+49301234567"),
        ("020 7946 0958", "en_GB", "020 7946 0958", "02079460958", "+442079460958"),
        ("电话13812345678", "zh", "13812345678", "13812345678", "+8613812345678"),
        ("010-51979888", "zh", "010-51979888", "01051979888", "+861051979888"),
    ],
)
def test_phones(sentence: str, locale: str, words: str, value: str, e164: str) -> None:
    (find,) = found(sentence, locale=locale, dimensions=("phone-number",))
    assert sentence[find.start : find.end] == words
    assert find.value == {"value": value, "e164": e164}


@pytest.mark.parametrize(
    "sentence", ["2026-11-18", "12 3 4 5 6 7 8", "1.2.3.4", "€ 12345678", "1234", "19:30", "+12"]
)
def test_other_figures_are_no_phone(sentence: str) -> None:
    assert values(sentence, "phone-number") == []


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("mail anna.b@example.org!", "anna.b@example.org"),
        ("it is <A+b@mail.Example.co.uk>.", "A+b@mail.Example.co.uk"),
        ("写信到a@b.cn。", "a@b.cn"),
    ],
)
def test_mail_addresses(sentence: str, words: str) -> None:
    (find,) = found(sentence, dimensions=("email",))
    assert sentence[find.start : find.end] == words


@pytest.mark.parametrize("sentence", ["meet @ noon", "a@b", "@anna", "x@@y.org"])
def test_other_words_with_an_at_sign_are_no_address(sentence: str) -> None:
    assert values(sentence, "email") == []


@pytest.mark.parametrize(
    ("sentence", "words", "domain"),
    [
        ("see https://example.org/a?b=1.", "https://example.org/a?b=1", "example.org"),
        ("on www.example.com", "www.example.com", "www.example.com"),
        ("go to example.com please", "example.com", "example.com"),
        ("http://localhost:8080/x", "http://localhost:8080/x", "localhost"),
    ],
)
def test_urls(sentence: str, words: str, domain: str) -> None:
    (find,) = found(sentence, dimensions=("url",))
    assert (sentence[find.start : find.end], find.value["domain"]) == (words, domain)


@pytest.mark.parametrize("sentence", ["thank you.please", "a@example.org", "3.14", "e.g. this"])
def test_other_words_with_a_dot_are_no_url(sentence: str) -> None:
    assert values(sentence, "url") == []


@pytest.mark.parametrize(
    ("sentence", "number"),
    [
        ("where is order 4711-22", "4711-22"),
        ("order no. ab12345", "AB12345"),
        ("it is #A-99812", "A-99812"),
        ("AB-123456 never came", "AB-123456"),
        ("订单号20261118", "20261118"),
    ],
)
def test_order_numbers(sentence: str, number: str) -> None:
    assert [value for _, value in values(sentence, "order-number")] == [number]


@pytest.mark.parametrize("sentence", ["order pizza", "in order to go", "#yolo", "mp3", "1234"])
def test_other_words_are_no_order_number(sentence: str) -> None:
    assert values(sentence, "order-number") == []


def test_the_longer_of_two_finds_counts() -> None:
    finds = found("tomorrow at 7pm for 2 hours")
    assert [(find.dimension, find.start, find.end) for find in finds] == [
        ("time", 0, 15),
        ("duration", 20, 27),
    ]


def test_what_is_not_wanted_hides_nothing() -> None:
    assert values("tomorrow at 7 pm", "number") == [("7", 7)]
