"""What a plain scalar of YAML means, by the core schema of YAML 1.2 (``yes`` is a text)."""

from __future__ import annotations

import re

from bot.project.node import Scalar

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
INT = re.compile(r"[-+]?[0-9][0-9_]*")
RADIX_INT = re.compile(r"[-+]?0(?:x[0-9a-fA-F][0-9a-fA-F_]*|o[0-7][0-7_]*|b[01][01_]*)")
FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?)"
)
MAYBE_NOT_TEXT = frozenset("-+.0123456789")


def resolve(source: str) -> Scalar:
    """The value of a plain scalar."""
    if source in NULLS:
        return None
    if source in BOOLS:
        return BOOLS[source]
    if source[0] not in MAYBE_NOT_TEXT or len(source) > 100:
        return source
    if INT.fullmatch(source):
        return stored(int(source.replace("_", "")), source)
    if RADIX_INT.fullmatch(source):
        return stored(int(source.replace("_", ""), 0), source)
    if FLOAT.fullmatch(source):
        return float(source.replace("_", ""))
    if source.lstrip("+-") in (".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"):
        return float(source.lower().replace(".", ""))
    return source


def stored(number: int, source: str) -> int | str:
    """``number``, or the text where no event could hold it: those keep 64 bits."""
    return number if -(2**63) <= number < 2**63 else source
