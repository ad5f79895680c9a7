"""What differs from one customer to the next, taken out of an answer; its kind stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sep|oct|nov|dec)[a-z]*\.?"
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_RULES = (
    ("url", re.compile(r"\b(?:https?://|www\.)[^\s<>]+[^\s<>.,;:!?)]", re.IGNORECASE)),
    ("email", re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")),
    (
        "money",
        re.compile(r"[$€£¥]\s?\d[\d.,]*\d|[$€£¥]\s?\d|\b\d[\d.,]*\s?(?:euros?|dollars?|EUR|USD)\b"),
    ),
    (
        "date",
        re.compile(
            rf"\b\d{{4}}-\d\d-\d\d\b|\b\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}\b|"
            rf"\b{_MONTH}\s+(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th)?\b|"
            rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}\b|\b{_DAY}\b",
            re.IGNORECASE,
        ),
    ),
    (
        "time",
        re.compile(r"\b\d{1,2}:\d\d(?:\s?[ap]\.?m\b\.?)?|\b\d{1,2}\s?[ap]\.?m\b\.?", re.IGNORECASE),
    ),
    ("phone", re.compile(r"(?<!\w)\+?\(?\d[\d()\s-]{6,}\d(?!\w)")),
    ("code", re.compile(r"\b(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9][A-Z0-9-]{3,}\b")),
    ("number", re.compile(r"(?<![\w<])#?\d+(?:[.,]\d+)*\b")),
)
# Names: words with a capital that do not begin a sentence.
_NAME = re.compile(
    r"(?<=[a-z,;:] )(?!I\b)(?:[A-Z][\w'&-]*)(?: (?:of |the |and |& )?[A-Z][\w'&-]*)*"
)
_PLACE = re.compile(r"[{<]([A-Za-z_][\w -]*)[}>]")
FEWEST_CHARACTERS = 2  # of a slot's value, so that not every "a" is one


def delexicalised(text: str, slots: Mapping[str, Any] | None = None) -> str:
    """``text`` with ``{slot}`` for what a slot holds, and ``<number>``, ``<date>`` and the like
    for whatever looks like one."""
    for name, value in sorted((slots or {}).items(), key=lambda pair: -len(str(pair[1]))):
        written = str(value).strip()
        if len(written) >= FEWEST_CHARACTERS and not isinstance(value, bool | list | dict):
            whole = rf"(?<!\w){re.escape(written)}(?!\w)"
            text = re.sub(whole, f"{{{name}}}", text, flags=re.IGNORECASE)
    for kind, rule in _RULES:
        text = rule.sub(f"<{kind}>", text)
    return _NAME.sub("<name>", " ".join(text.split()))


def spoken(template: str) -> str:
    """``template`` for an encoder: each place becomes the words it is called by."""
    return " ".join(_PLACE.sub(lambda found: found[1].replace("_", " "), template).split())
