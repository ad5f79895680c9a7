"""Rasa's FallbackClassifier: an unsure answer becomes the intent ``nlu_fallback``."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from nlu.parse import Intent, Parse

NLU_FALLBACK = "nlu_fallback"


@dataclass(frozen=True, slots=True)
class Fallback:
    """Below which confidence, or which lead over the second, an intent is not believed."""

    threshold: float = 0.3
    ambiguity_threshold: float = 0.1

    def decide(self, parse: Parse) -> Parse:
        """``parse``, or the same led by ``nlu_fallback`` with the threshold as its confidence."""
        if not self._unsure(parse):
            return parse
        intent = Intent(NLU_FALLBACK, self.threshold)
        return msgspec.structs.replace(
            parse, intent=intent, intent_ranking=(intent, *parse.intent_ranking)
        )

    def _unsure(self, parse: Parse) -> bool:
        if parse.intent.name is None or parse.intent.confidence < self.threshold:
            return True
        if len(parse.intent_ranking) < 2:
            return False
        first, second = parse.intent_ranking[:2]
        return first.confidence - second.confidence < self.ambiguity_threshold
