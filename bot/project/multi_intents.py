"""Labels of several intents, ``greet+ask_weather``, as a tokenizer of Rasa is told of them."""

from __future__ import annotations

from collections.abc import Iterable

from bot.project.project import Component

PLAIN = "_"  # Rasa's default symbol, which stands in ordinary names


def split_symbol(component: Component) -> str:
    """What a tokenizer with ``intent_tokenization_flag`` splits labels at; empty where it does not,
    or at Rasa's default, which would take every name apart."""
    symbol = component.options.get("intent_split_symbol", PLAIN)
    wanted = component.options.get("intent_tokenization_flag") is True and symbol != PLAIN
    return symbol if wanted and isinstance(symbol, str) else ""


def split_of(pipeline: Iterable[Component]) -> str:
    """What stands between the intents of a label; empty where a label is one intent."""
    return next(filter(None, map(split_symbol, pipeline)), "")
