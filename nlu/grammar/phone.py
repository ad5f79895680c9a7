"""Phone numbers, and E.164 where the country is known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_PHONE = re.compile(
    r"(?<![\w.,/:+$€£-])(?P<plus>\+ ?|00(?=[1-9]))?"
    r"(?P<digits>\(?[0-9](?:[ .()\-/]{0,3}[0-9]){6,14})"
    r"(?P<ext> ?(?:ext\.?|x|extension) ?[0-9]{1,6})?(?![\w-]|[.,:/][0-9])",
    re.ASCII,
)
_DATE = re.compile(r"[0-9]{1,4}([-/.])[0-9]{1,2}\1[0-9]{1,4}$")
_LONGEST_CODE = 3


class Country(NamedTuple):
    """Calling code, the prefix of calls inside the country, and how many digits follow it."""

    code: str
    trunk: str
    lengths: range


COUNTRIES = {
    "US": Country("1", "1", range(10, 11)),
    "CA": Country("1", "1", range(10, 11)),
    "GB": Country("44", "0", range(9, 11)),
    "IE": Country("353", "0", range(7, 10)),
    "AU": Country("61", "0", range(9, 10)),
    "NZ": Country("64", "0", range(8, 11)),
    "IN": Country("91", "0", range(10, 11)),
    "DE": Country("49", "0", range(6, 12)),
    "AT": Country("43", "0", range(6, 13)),
    "CH": Country("41", "0", range(9, 10)),
    "FR": Country("33", "0", range(9, 10)),
    "NL": Country("31", "0", range(9, 10)),
    "BE": Country("32", "0", range(8, 10)),
    "ES": Country("34", "", range(9, 10)),
    "IT": Country("39", "", range(8, 12)),
    "CN": Country("86", "0", range(9, 12)),
    "HK": Country("852", "", range(8, 9)),
    "TW": Country("886", "0", range(8, 10)),
    "SG": Country("65", "", range(8, 9)),
    "JP": Country("81", "0", range(9, 11)),
}
"""The regions of the locales that the grammar has words for, and their neighbours (ITU-T E.164
and national numbering plans)."""
CODES = frozenset(
    "1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 "
    "64 65 66 81 82 84 86 90 91 92 93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227 "
    "228 229 230 231 232 233 234 235 236 237 238 239 240 241 242 243 244 245 246 247 248 249 250 "
    "251 252 253 254 255 256 257 258 260 261 262 263 264 265 266 267 268 269 290 291 297 298 299 "
    "350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 380 381 382 383 "
    "385 386 387 389 420 421 423 500 501 502 503 504 505 506 507 508 509 590 591 592 593 594 595 "
    "596 597 598 599 670 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690 "
    "691 692 800 808 850 852 853 855 856 870 878 880 881 882 883 886 888 960 961 962 963 964 965 "
    "966 967 968 970 971 972 973 974 975 976 977 979 992 993 994 995 996 998".split()
)
"""Every calling code that is in use (ITU-T E.164, list of assigned codes)."""


def phones(text: str, region: str) -> Iterator[tuple[str, int, int, dict[str, Any]]]:
    """Phone numbers in a text that is ``plain``."""
    for match in _PHONE.finditer(text):
        value = _value(match, region)
        if value is not None:
            yield "phone-number", *match.span(), value


def _value(match: re.Match[str], region: str) -> dict[str, Any] | None:
    written = match["digits"]
    digits = "".join(char for char in written if char.isdigit())
    if not 7 <= len(digits) <= 15 or _DATE.match(written) or written.count("(") > 1:
        return None
    extension = "".join(char for char in match["ext"] or "" if char.isdigit())
    after = f" ext {extension}" if extension else ""
    if match["plus"]:
        return _international(digits, after)
    e164 = _national(digits, region)
    grouped = any(char in written for char in " -.()/")
    if e164 is None and not (grouped and _looks_grouped(written) and len(digits) >= 8):
        return None
    return {"value": digits + after, **({"e164": e164} if e164 else {})}


def _international(digits: str, after: str) -> dict[str, Any] | None:
    """As Duckling writes it: ``(+33) 123456789``."""
    if (code := calling_code(digits)) is None or len(digits) < 8:
        return None
    rest = digits[len(code) :].removeprefix("0") if code != "39" else digits[len(code) :]
    return {"value": f"(+{code}) {rest}{after}", "e164": f"+{code}{rest}"}


def calling_code(digits: str) -> str | None:
    """The calling code that an international number begins with; no code begins another."""
    prefixes = (digits[:length] for length in range(1, _LONGEST_CODE + 1))
    return next((prefix for prefix in prefixes if prefix in CODES), None)


def _national(digits: str, region: str) -> str | None:
    country = COUNTRIES.get(region)
    if country is None:
        return None
    rest = digits
    if country.trunk and digits.startswith(country.trunk):
        rest = digits.removeprefix(country.trunk)
    elif country.trunk == "0" and not (region == "CN" and re.match(r"1[3-9][0-9]{9}$", digits)):
        return None
    return f"+{country.code}{rest}" if len(rest) in country.lengths else None


def _looks_grouped(written: str) -> bool:
    """Groups of two to five digits, as people write phones; 12 3 4 is a list."""
    groups = re.findall(r"[0-9]+", written)
    return len(groups) >= 2 and all(2 <= len(group) <= 8 for group in groups)
