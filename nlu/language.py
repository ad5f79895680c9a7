"""Which of a bot's languages a text is in.

By its script where that says it, and else by the shares of byte sequences that py3langid knows (Lui
and Baldwin 2012, langid.py), if it is installed (`parley[language]`). Other languages than the
bot's are not considered, so that a short text is not taken for one that nobody here speaks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

LATIN = "latin"
HAN = "han"
SURE = 0.6  # below it a text counts as of the bot's main language; too few letters tell nothing

# Of a script, its letters; a language that is not named is written in Latin ones.
_SCRIPTS = {
    LATIN: "a-zA-Z\u00aa-\u024f\u1e00-\u1eff",
    HAN: "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    "kana": "\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f",
    "hangul": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
    "cyrillic": "\u0400-\u052f",
    "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "hebrew": "\u0590-\u05ff",
    "arabic": "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff",
    "devanagari": "\u0900-\u097f",
    "bengali": "\u0980-\u09ff",
    "tamil": "\u0b80-\u0bff",
    "telugu": "\u0c00-\u0c7f",
    "thai": "\u0e01-\u0e5b",
    "georgian": "\u10a0-\u10ff",
    "armenian": "\u0530-\u058f",
}
_WRITTEN = {
    "zh": (HAN,), "ja": ("kana", HAN), "ko": ("hangul",), "el": ("greek",), "th": ("thai",),
    "he": ("hebrew",), "yi": ("hebrew",), "ka": ("georgian",), "hy": ("armenian",),
    "bn": ("bengali",), "as": ("bengali",), "ta": ("tamil",), "te": ("telugu",),
    **dict.fromkeys(("ru", "uk", "be", "bg", "mk", "kk", "ky", "mn"), ("cyrillic",)),
    **dict.fromkeys(("ar", "fa", "ur", "ps", "ckb", "ug"), ("arabic",)),
    **dict.fromkeys(("hi", "mr", "ne", "sa"), ("devanagari",)),
    "sr": ("cyrillic", LATIN),
}  # fmt: skip
_LETTERS = {script: re.compile(f"[{letters}]") for script, letters in _SCRIPTS.items()}

_WEIGHT = {HAN: 3, "kana": 2, "hangul": 2}  # a letter says so much more of a word than others do

Judge = Callable[[str], tuple[str, float]]
"""The likeliest language of a text, and its probability among those that were asked for."""


class Languages:
    """Tells a bot's languages apart.

    Args:
        codes: ISO 639-1, such as ``en`` and ``zh``; the first is the main one.
        judge: Tells languages of one script apart; made of ``codes``. None: py3langid if it is
            installed.
    """

    def __init__(
        self,
        codes: Sequence[str],
        *,
        judge: Callable[[tuple[str, ...]], Judge | None] | None = None,
    ) -> None:
        self.codes = tuple(code.lower().partition("-")[0] for code in codes)
        asked = judge or statistics_of
        shared = (self._written(script) for script in _SCRIPTS)
        self._judges = {codes: asked(codes) for codes in shared if len(codes) > 1}

    def of(self, text: str) -> str | None:
        """The language of ``text``; None where it has no letters of any, as digits have none."""
        found = self._possible(text)
        judge = self._judges.get(found)
        if judge is None:
            return found[0] if found else None
        name, probability = judge(text)
        return name if probability >= SURE else found[0]

    def _possible(self, text: str) -> tuple[str, ...]:
        """The languages written in the script of most of ``text``.

        A few kana make a text Japanese, however many of its letters are Chinese.
        """
        counts = Counter(
            {
                name: len(each.findall(text)) * _WEIGHT.get(name, 1)
                for name, each in _LETTERS.items()
            }
        )
        if counts["kana"] and "ja" in self.codes:
            return ("ja",)
        for script, count in counts.most_common():
            if count and (known := self._written(script)):
                return known
        return ()

    def _written(self, script: str) -> tuple[str, ...]:
        return tuple(code for code in self.codes if script in _WRITTEN.get(code, (LATIN,)))


def statistics_of(codes: tuple[str, ...]) -> Judge | None:
    """py3langid among ``codes``, or among those of them it knows; None without it."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ModuleNotFoundError:
        return None
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    known = [code for code in codes if code in identifier.nb_classes]
    if len(known) < 2:
        return None
    identifier.set_languages(known)

    def judge(text: str) -> tuple[str, float]:
        name, probability = identifier.classify(text)
        return str(name), float(probability)

    return judge
