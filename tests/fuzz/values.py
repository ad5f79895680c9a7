"""Values that people, programs and attackers send."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

DATA = Path(__file__).parents[1] / "data"
NASTY = (
    "\x00",
    "\ud800",
    "\udfff\ud800",
    "\u202e",
    "\ufeff",
    "\u2028",
    "🏴\U000e0067",
    "a" * 3000,
    "((((" * 50,
    "{" * 200,
    "[" * 200,
    "9" * 400,
    "-0.0",
    "1e999",
    "NaN",
    "../../etc/passwd",
    "{slot}",
    "${HOME}",
    "!!python/object:os.system",
    "&a *a",
    "? :",
    "|\n  x",
    "\t- x",
    "/greet{",
    '/greet{"a": [[[',
    "[x](y){",
    "İıſK",
)
TEXT = st.text(max_size=30) | st.sampled_from(NASTY)
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)


def json_of(keys: str = "") -> st.SearchStrategy[Any]:
    """JSON values; objects have ``keys``, words of one text, more often than others."""
    names = (st.sampled_from(keys.split()) | TEXT) if keys else TEXT
    return st.recursive(
        SCALAR,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5),
        max_leaves=12,
    )


@st.composite
def spoiled(draw: st.DrawFn, texts: tuple[str, ...]) -> str:
    """One of ``texts`` with a few places changed, doubled, moved or cut out."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 4))):
        here = draw(st.integers(0, len(text)))
        there = draw(st.integers(here, min(len(text), here + 60)))
        part = text[here:there]
        other = draw(st.sampled_from(("", part + part, part.upper())) | TEXT)
        text = text[:here] + other + text[there:]
    return text
