import pytest

from bot.testing.extractor import ExtractorContract
from nlu.extractors.lookup import LookupExtractor
from nlu.extractors.regex import RegexExtractor


class TestRegexExtractor(ExtractorContract):
    @pytest.fixture
    def extractor(self):
        return RegexExtractor({"order_number": [r"\bA-?\d{4,8}\b"], "email": [r"\S+@\S+\.\w+"]})

    @pytest.fixture
    def sentence(self):
        return "where is A-12345 now?"


class TestLookupExtractor(ExtractorContract):
    @pytest.fixture
    def extractor(self):
        return LookupExtractor({"city": ["Berlin", "New York"], "drink": ["tea", "café au lait"]})

    @pytest.fixture
    def sentence(self):
        return "send it to new york, please"
