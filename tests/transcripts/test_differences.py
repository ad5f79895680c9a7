"""The list of deliberate differences is true: each has its test, and each place is recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transcripts.differences import DELIBERATE, EVERY, Deliberate
from tests.transcripts.golden import GOLDEN, load

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("difference", DELIBERATE, ids=lambda each: each.name)
def test_a_deliberate_difference_has_the_test_it_names(difference: Deliberate):
    file, _, name = difference.test.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text(), difference.test


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="shared/rasa-golden is absent")
@pytest.mark.parametrize("difference", DELIBERATE, ids=lambda each: each.name)
def test_where_it_shows_is_a_recorded_conversation(difference: Deliberate):
    for place in difference.recorded:
        ids = {each["id"] for each in load(place.recording).conversations}
        assert place.conversation == EVERY or place.conversation in ids
