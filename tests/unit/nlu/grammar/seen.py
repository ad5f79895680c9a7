"""What the grammar finds, written shortly: for tables of sentences."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from nlu.grammar.calendar import Reference
from nlu.grammar.grammar import DIMENSIONS, Found
from nlu.grammar.languages import grammar_for

BERLIN = ZoneInfo("Europe/Berlin")
WEDNESDAY = Reference(datetime(2026, 11, 18, 10, 0), BERLIN)
"""The user's clock in the tables: Wednesday, 18 November 2026, ten in the morning."""


def found(
    text: str,
    *,
    locale: str = "en",
    now: Reference = WEDNESDAY,
    dimensions: tuple[str, ...] = DIMENSIONS,
    latent: bool = False,
) -> list[Found]:
    return grammar_for(locale, latent=latent).find(text, now, dimensions)


def times(text: str, **options: object) -> list[tuple[str, str]]:
    """Each time's words and ISO 8601, its offset left out where it is Berlin's in winter."""
    finds = found(text, dimensions=("time",), **options)  # type: ignore[arg-type]
    return [(text[f.start : f.end], f.value["iso"].replace("+01:00", "")) for f in finds]


def values(text: str, dimension: str, **options: object) -> list[tuple[str, object]]:
    """Each find of one dimension: its words and value, with its unit where it has one."""
    finds = found(text, dimensions=(dimension,), **options)  # type: ignore[arg-type]
    return [(text[f.start : f.end], _short(f)) for f in finds]


def _short(find: Found) -> object:
    value = find.value
    match find.dimension:
        case "duration":
            return value["iso"]
        case "amount-of-money" if value["type"] == "interval":
            ends = [str(value[k]["value"]) if k in value else ".." for k in ("from", "to")]
            return f"{'/'.join(ends)} {value['currency']}"
        case "amount-of-money":
            return f"{value['value']} {value.get('currency', value['unit'])}"
        case _:
            return value["value"]
