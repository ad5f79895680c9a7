"""What every extractor promises. Subclass, and give fixtures ``extractor`` and ``sentence``."""

from __future__ import annotations

import time

from nlu.extractors.base import Extractor


class ExtractorContract:
    """``extractor`` finds one entity in ``sentence``, which holds nothing else it would find."""

    def test_its_find_is_the_text_at_its_place(self, extractor: Extractor, sentence: str) -> None:
        [entity] = extractor.extract(sentence)
        assert 0 <= entity.start < entity.end <= len(sentence)
        assert entity.entity
        assert entity.extractor

    def test_places_count_code_points(self, extractor: Extractor, sentence: str) -> None:
        [alone] = extractor.extract(sentence)
        for before in ("👩‍👩‍👧 ", "שלום ", "e\u0301 ", "\u202e ", "\x00 ", "\ufffd "):
            [moved] = extractor.extract(before + sentence)
            assert moved.start == alone.start + len(before)
            assert moved.end == alone.end + len(before)
            assert moved.value == alone.value

    def test_it_finds_nothing_in_nothing(self, extractor: Extractor) -> None:
        for text in ("", " ", "\n\t", "\x00\x01", "\ud800", "🎉"):
            assert extractor.extract(text) == []

    def test_it_answers_the_same_again(self, extractor: Extractor, sentence: str) -> None:
        assert extractor.extract(sentence) == extractor.extract(sentence)

    def test_it_is_quick_whatever_is_written(self, extractor: Extractor, sentence: str) -> None:
        for text in (f"{sentence} " * 30_000, "a" * 1_000_000, "1" * 100_000, "a@" * 50_000):
            begun = time.process_time()
            extractor.extract(text)
            assert time.process_time() - begun < 1

    def test_it_says_how_sure_it_is_beside_the_model(self, extractor: Extractor) -> None:
        assert extractor.exact in (True, False)
