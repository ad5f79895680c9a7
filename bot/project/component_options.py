"""Settings of components that must be of one kind, checked where they are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.project.ignored import MEANT
from bot.project.node import Node

Check = Callable[[Node, str], object]


def _share(node: Node, what: str) -> None:
    if not 0 <= node.number(what) <= 1:
        raise node.wrong(f"{what} is {node.source}.", "It is a share, from 0 to 1.")


def _whole(least: int) -> Check:
    def check(node: Node, what: str) -> None:
        if node.whole(what) < least:
            raise node.wrong(f"{what} is {node.source}.", f"It is {least} or more.")

    return check


def _above_zero(node: Node, what: str) -> None:
    if node.number(what) <= 0:
        raise node.wrong(f"{what} is {node.source}.", "It is a number above 0.")


KINDS: Mapping[str, Check] = {
    "ambiguity_threshold": _share,
    "canned": Node.name,
    "case_sensitive": Node.truth,
    "core_fallback_action_name": Node.name,
    "core_fallback_threshold": _share,
    "dimensions": Node.names,
    "enable_fallback_prediction": Node.truth,
    "entity_recognition": Node.truth,
    "epochs": _whole(1),
    "folder": Node.name,
    "fuzzy": Node.truth,
    "ignore_intents_list": Node.names,
    "intent_classification": Node.truth,
    "latent": Node.truth,
    "learn_from_log": Node.truth,
    "locale": Node.name,
    "max_history": _whole(1),
    "priority": _whole(0),
    "ranking_length": _whole(0),
    "retrieval_intent": Node.name,
    "threshold": _share,
    "timeout": _above_zero,
    "timezone": Node.name,
    "tolerance": _share,
    "url": Node.name,
    "train": Node.truth,
    "use_lookup_tables": Node.truth,
    "use_regexes": Node.truth,
    "use_word_boundaries": Node.truth,
}


def check_options(component: str, options: Mapping[str, Node]) -> None:
    """Raise ProjectError for the first setting that means something and is of another kind.

    Null stands for the default, as it does in Rasa.
    """
    for key in MEANT.get(component.rsplit(".", 1)[-1], frozenset()) & options.keys():
        if (check := KINDS.get(key)) is not None and options[key].value is not None:
            check(options[key], f"{key} of {component}")


def is_default(key: str, node: Node) -> bool:
    """Whether a setting is null where it could be of one kind only."""
    return node.value is None and key in KINDS and key not in ("max_history", "retrieval_intent")
