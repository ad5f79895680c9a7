"""HINT3: what was typed to three live bots, often outside of their intents (Arora, 2020)."""

from __future__ import annotations

from .parts import Parts, path_of, read_csv

SET = "hint3"
BOTS = ("curekart", "powerplay11", "sofmattress")
OUTSIDE = "NO_NODES_DETECTED"  # the label of a test sentence that has none of the intents


def bot(name: str, version: str = "v1") -> Parts:
    """One of ``BOTS``. ``version``: v1, as in the paper, or v2, with labels corrected."""
    train, test = (
        list(read_csv(path_of(SET, version, part, f"{name}_{part}.csv"), "sentence", "label"))
        for part in ("train", "test")
    )
    return Parts(train, test)
