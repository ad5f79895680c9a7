"""Rasa's KeywordIntentClassifier: a text that contains an example has its intent."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from nlu.parse import Intent, Parse
from nlu.phrases import Phrases


class Keywords:
    """Examples looked for as whole words, letter by letter: ``what?`` is no pattern.

    Of several that occur the one listed first counts, wherever it stands in the text. An example
    listed under two intents tells nothing and is left out.
    """

    def __init__(
        self, examples: Iterable[tuple[str, str]], *, case_sensitive: bool = False
    ) -> None:
        intents: dict[str, set[str]] = {}
        for text, intent in examples:
            keyword = text.strip() if case_sensitive else text.strip().lower()
            intents.setdefault(keyword, set()).add(intent.partition("/")[0])
        clear = {text: next(iter(names)) for text, names in intents.items() if len(names) == 1}
        self._intents = tuple(clear.values())
        self._phrases = Phrases(clear, case_sensitive=case_sensitive)

    def intent(self, text: str) -> str | None:
        """The intent of the first example that occurs in ``text``."""
        numbers = (number for number, _, _ in self._phrases.find(text))
        first = min(numbers, default=None)
        return None if first is None else self._intents[first]

    def decide(self, parse: Parse) -> Parse:
        """``parse`` with the intent found, at confidence 1; as it was when nothing is found.

        Where nothing was ranked nothing is ranked now: Rasa shows a keyword's intent alone.
        """
        if (name := self.intent(parse.text)) is None:
            return parse
        intent = Intent(name, 1.0)
        if not parse.intent_ranking:
            return msgspec.structs.replace(parse, intent=intent)
        others = (other for other in parse.intent_ranking if other.name != name)
        return msgspec.structs.replace(parse, intent=intent, intent_ranking=(intent, *others))
