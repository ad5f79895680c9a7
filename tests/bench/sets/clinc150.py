"""CLINC150: 150 intents in ten domains, and queries outside of all (Larson and others 2019)."""

from __future__ import annotations

import gzip
import json

from bot.project.project import Example

from .parts import Parts, path_of

SET = "clinc150"
OUTSIDE = "oos"  # the label of a query that has none of the intents


def in_scope(size: str = "full") -> Parts:
    """The 150 intents. ``size``: full, small or imbalanced; what is tested is the same."""
    return _parts(size, "")


def out_of_scope(size: str = "full") -> Parts:
    """Queries that have none of the intents. ``size``: also oos_plus, with 250 to train on."""
    return _parts(size, "oos_")


def _parts(size: str, prefix: str) -> Parts:
    data = json.loads(gzip.decompress(path_of(SET, f"data_{size}.json.gz").read_bytes()))
    train, valid, test = (
        [Example(text=text, intent=intent) for text, intent in data[prefix + part]]
        for part in ("train", "val", "test")
    )
    return Parts(train, test, valid)
