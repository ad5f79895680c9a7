"""An encoder that knows words by heart."""

from __future__ import annotations

import pytest

from tests.words import Words


@pytest.fixture
def words() -> Words:
    return Words()
