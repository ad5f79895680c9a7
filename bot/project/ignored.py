"""What config.yml says that has no effect here, to be told once and by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from bot.project.multi_intents import split_symbol
from bot.project.project import Component

CLASSIFIER = frozenset({"intent_classification", "entity_recognition", "ranking_length"})
MEANT: Mapping[str, frozenset[str]] = {
    "DIETClassifier": CLASSIFIER,
    "LogisticRegressionClassifier": CLASSIFIER,
    "SklearnIntentClassifier": CLASSIFIER,
    "MitieIntentClassifier": CLASSIFIER,
    "CRFEntityExtractor": frozenset({"entity_recognition"}),
    "MitieEntityExtractor": frozenset({"entity_recognition"}),
    "SpacyEntityExtractor": frozenset({"entity_recognition"}),
    "ResponseSelector": frozenset({"retrieval_intent", "ranking_length"}),
    "RegexEntityExtractor": frozenset(
        {"case_sensitive", "use_regexes", "use_lookup_tables", "use_word_boundaries", "fuzzy"}
    ),
    "DucklingEntityExtractor": frozenset({"url", "dimensions", "locale", "timezone", "timeout"}),
    "GrammarEntityExtractor": frozenset({"dimensions", "locale", "timezone", "latent"}),
    "FaqRetriever": frozenset({"folder", "retrieval_intent", "threshold", "train"}),
    "EntitySynonymMapper": frozenset(),
    "KeywordIntentClassifier": frozenset({"case_sensitive"}),
    "FallbackClassifier": frozenset({"threshold", "ambiguity_threshold"}),
    "RulePolicy": frozenset(
        {
            "core_fallback_threshold",
            "core_fallback_action_name",
            "enable_fallback_prediction",
            "priority",
        }
    ),
    "MemoizationPolicy": frozenset({"max_history", "priority"}),
    "AugmentedMemoizationPolicy": frozenset({"max_history", "priority"}),
    "ResponseRankingPolicy": frozenset({"canned", "learn_from_log", "priority", "threshold"}),
    "TEDPolicy": frozenset({"max_history", "epochs", "priority"}),
    "UnexpecTEDIntentPolicy": frozenset(
        {"max_history", "epochs", "tolerance", "ignore_intents_list", "priority"}
    ),
}
"""The settings of each component that mean something here; all others are ignored."""

MAKES_FEATURES = ("Tokenizer", "Featurizer", "NLP")  # how such components' names end


class Ignored(msgspec.Struct, frozen=True):
    """A component and its settings that have no effect; no settings: the whole component."""

    component: str
    settings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.component}: {', '.join(self.settings)}" if self.settings else self.component


def ignored(components: Iterable[Component]) -> tuple[Ignored, ...]:
    """What has no effect, in the order of the file, each component once."""
    found: dict[str, dict[str, None]] = {}
    for component in components:
        name = component.name.rsplit(".", 1)[-1]
        if name.endswith(MAKES_FEATURES):
            if not split_symbol(component):
                found.setdefault(name, {})
        elif name in MEANT:
            for key in component.options.keys() - MEANT[name]:
                found.setdefault(name, {})[key] = None
    return tuple(Ignored(name, tuple(sorted(keys))) for name, keys in found.items())


def said(components: Iterable[Component]) -> str:
    """The same in a sentence; empty if nothing is ignored."""
    found = ignored(components)
    needless = [each.component for each in found if each.component.endswith(MAKES_FEATURES)]
    without = [str(each) for each in found if each.component not in needless]
    sentences = []
    if needless:
        sentences.append(f"not needed, the model brings its own: {', '.join(needless)}.")
    if without:
        sentences.append(f"without effect here: {'; '.join(without)}.")
    return " ".join(sentences)
