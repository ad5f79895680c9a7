"""What personal data looks like: a pattern for each kind, and a check of what fits it.

Patterns propose, checks decide: a card's digits have a Luhn sum (ISO/IEC 7812-1), an IBAN its
check digits (ISO 13616, ISO 7064 MOD 97-10). Every pattern is linear in the length of the text.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of personal data.

    Args:
        name: Of the placeholders.
        pattern: Finds candidates.
        holds: Whether a candidate is one.
        same: Two ways to write one value become equal.
    """

    name: str
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] = lambda text: True
    same: Callable[[str], str] = str.casefold


def digits(text: str) -> str:
    """The decimal digits in ``text``, in ASCII."""
    return "".join(str(int(char)) for char in text if char.isdecimal())


def compact(text: str) -> str:
    """Letters and digits only, in upper case."""
    return "".join(char for char in text if char.isalnum()).upper()


def is_card(text: str) -> bool:
    """Whether the digits are those of a payment card: 13 to 19, with a right Luhn sum."""
    number = digits(text)
    if not 13 <= len(number) <= 19 or len(set(number)) == 1:
        return False
    doubled = [int(digit) * (2 if at % 2 else 1) for at, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether the check digits are right."""
    account = compact(text)
    if not 15 <= len(account) <= 34 or not account.isascii():
        return False
    turned = account[4:] + account[:4]
    return int("".join(str(_VALUES[char]) for char in turned)) % 97 == 1


def is_phone(text: str) -> bool:
    """Whether it is written as telephone numbers are, and long enough.

    With + or 00 in front 7 to 15 digits (E.164); without, 9 to 15, the first of them 0 or in
    brackets, or in groups as only telephone numbers are.
    """
    number = digits(text)
    if len(number) > 15 or _DATE.fullmatch(text):
        return False
    if text.startswith(("+", "00")):
        return len(number) >= 7
    if text.startswith(("0", "(")):
        return len(number) >= 9
    return bool(_GROUPED.fullmatch(text))


_VALUES = {char: value for value, char in enumerate(string.digits + string.ascii_uppercase)}
_DATE = re.compile(r"\d{1,4}([-./ ])\d{1,2}\1\d{1,4}")
_GROUPED = re.compile(r"\d{3}[-. ]\d{3}[-. ]\d{4}|1[-. ]\d{3}[-. ]\d{3}[-. ]\d{4}|1[3-9]\d{9}")

EMAIL = Kind(
    "email", re.compile(r"(?<![\w.+-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}")
)
IBAN = Kind(
    "iban",
    re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])"),
    is_iban,
    compact,
)
CARD = Kind("card", re.compile(r"(?<![\d.,])\d(?:[ -]?\d){12,18}(?![\d])"), is_card, digits)
PHONE = Kind(
    "phone",
    re.compile(r"(?<![\w.,/-])(?:\+|\(|00)?\d(?:[ ()./-]{0,2}\d){6,16}(?![\w])"),
    is_phone,
    digits,
)
KINDS = {kind.name: kind for kind in (EMAIL, IBAN, CARD, PHONE)}
"""In the order in which they are looked for: where two fit one place, the first has it."""
