"""An entry of an FAQ."""

from __future__ import annotations

import msgspec

RETRIEVER = "FaqRetriever"  # how config.yml calls what answers from an FAQ
THRESHOLD = 0.4  # confidence, unless a project says otherwise


class FaqEntry(msgspec.Struct, frozen=True):
    """A question in one or more wordings, and its answer; ``name`` is ``faq/<id>``."""

    name: str
    questions: tuple[str, ...]
    answer: str
