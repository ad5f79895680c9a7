"""What can be found by its form alone: mail addresses, URLs, phone numbers, order numbers.

Every pattern is linear: no part of it can match what the part after it begins with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nlu.grammar.phone import phones

_MAIL = re.compile(
    r"(?<![\w.+-])[\w.+'-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}[a-z]{2,24}"
    r"(?![\w@-])",
    re.ASCII,
)
_URL = re.compile(
    r"(?<![\w@.-])(?:(https?|ftp)://|(www\.))?"
    r"((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}[a-z]{2,24}|localhost)"
    r"(:[0-9]{2,5})?(?![\w@-])((?:[/?#][^\s<>\"，。；）]{0,2000})?)",
    re.ASCII,
)
_ENDINGS = frozenset(
    "com org net edu gov io co uk de fr cn hk tw jp us eu ch at nl es it info biz app dev ai me tv "
    "shop online store be ca au in ru pl se no dk fi pt ie nz sg kr br mx".split()
)
"""Of a domain without a scheme or path: ``you.please`` is none."""
_ORDER = re.compile(
    r"#\s?(?P<hash>[a-z0-9][a-z0-9-]{2,23})(?![\w-])"
    r"|(?<![\w-])(?P<code>[a-z]{1,5}-?[0-9]{4,12}|[a-z]{2,5}(?:-[0-9]{2,10}){1,3})(?![\w-])"
    r"|(?:order|booking|tracking|ticket|case|invoice|reference|reservation|confirmation|订单|单号|编号)"
    r"(?: ?(?:no|nr|number|id|code|num|号码|号))?\.?(?: ?(?:is|:|#|是|为))? ?#?"
    r"(?P<said>(?=[a-z-]{0,8}[0-9])[a-z0-9-]{4,24})(?![\w-])",
    re.ASCII,
)
_DOT_END = ".,;:!?'\")]}"

Place = tuple[str, int, int, dict[str, Any]]


def scan(text: str, region: str) -> Iterator[Place]:
    """Dimension, start, end and value of each find in a text that is ``plain``."""
    if "@" in text:
        for match in _MAIL.finditer(text):
            yield "email", *match.span(), {"value": match[0]}
    if "." in text or "://" in text:
        yield from _urls(text)
    if any("0" <= char <= "9" for char in text):
        yield from phones(text, region)
        yield from _orders(text)


def _urls(text: str) -> Iterator[Place]:
    for match in _URL.finditer(text):
        scheme, www, domain, port, path = match.groups()
        if not (scheme or www or path or port) and domain.rpartition(".")[2] not in _ENDINGS:
            continue
        if domain == "localhost" and not scheme:
            continue
        whole = match[0].rstrip(_DOT_END)
        host = f"www.{domain}" if www else domain
        yield "url", match.start(), match.start() + len(whole), {"value": whole, "domain": host}


def _orders(text: str) -> Iterator[Place]:
    for match in _ORDER.finditer(text):
        kind = match.lastgroup or "code"
        if any(char.isdigit() for char in match[kind]):
            yield "order-number", *match.span(kind), {"value": match[kind].upper()}
