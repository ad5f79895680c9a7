import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.privacy.kinds import KINDS, is_card, is_iban

HOLDS = {
    "email": [
        "anna@example.org",
        "a.b+c-d@mail.example.co.uk",
        "ANNA_99@Example.ORG",
        "jürgen@müller.example",
    ],
    "iban": [
        "DE89 3704 0044 0532 0130 00",
        "de89370400440532013000",
        "GB82-WEST-1234-5698-7654-32",
        "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S",
    ],
    "card": [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "378282246310005",
        "6011111111111117",
    ],
    "phone": [
        "+49 30 901820",
        "+1 (212) 555-0100",
        "0049 30 90 18 20",
        "030/90182000",
        "(212) 555-0100",
        "212-555-0100",
        "1-212-555-0100",
        "07700 900123",
        "13800138000",
        "+86 138 0013 8000",
        "+852 5123 4567",
    ],
}
HOLDS_NOT = {
    "email": ["anna at example.org", "@anna", "a@b", "anna@localhost", "meet @ 5.pm"],
    "iban": ["DE89 3704 0044 0532 0130 01", "DE89", "XX00 0000 0000 0000", "AB12 hello to you all"],
    "card": ["4111 1111 1111 1112", "0000 0000 0000 0000", "1234567890123", "order 12345678"],
    "phone": [
        "2026-11-22",
        "22.11.2026",
        "2026 11 22",
        "12345678",
        "order 100000001",
        "1.234.567,89",
        "19:30",
        "v1.2.3.4",
        "3 or 4",
        "192.168.0.1",
    ],
}


def held(kind, text):
    found = KINDS[kind]
    return [match.group() for match in found.pattern.finditer(text) if found.holds(match.group())]


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in HOLDS.items() for text in texts]
)
@pytest.mark.parametrize("around", ["{}", "it is {}.", "({})", "My number: {}, thanks"])
def test_it_is_found_whole_wherever_it_stands(kind, text, around):
    (found,) = held(kind, around.format(text))
    assert found.strip("()") == text.strip("()")


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in HOLDS_NOT.items() for text in texts]
)
def test_what_only_looks_like_it_is_left(kind, text):
    assert held(kind, text) == []


@given(st.integers(10**14, 10**15 - 1))
def test_one_digit_makes_a_card_number_right_and_any_other_wrong(number):
    assert sum(is_card(f"{number}{last}") for last in range(10)) == 1


@given(st.text("0123456789ABCDEF", min_size=11, max_size=20))
def test_two_digits_make_an_account_right(account):
    assert 1 <= sum(is_iban(f"DE{check:02}{account}") for check in range(100)) <= 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "unit", ["1", "1 ", "a", "a.", "a@", "+", "(1)", "A1", "DE89 ", "@a.", "-"]
)
def test_a_long_text_takes_no_longer_than_its_length(kind, unit):
    """Twice the text gives twice the candidates at most: patterns never look back far."""
    assert len(held(kind, unit * 20_000)) <= 2 * 20_000
    assert re.search(KINDS[kind].pattern, "") is None
