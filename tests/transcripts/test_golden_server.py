"""Some recordings over HTTP against a real `parley run`; `make conformance` replays them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transcripts.agreement import over_http
from tests.transcripts.golden import GOLDEN, load

QUICK = ("forms", "form_validation", "slots", "two_stage")

pytestmark = [
    pytest.mark.skipif(not GOLDEN.is_dir(), reason="shared/rasa-golden is absent"),
    pytest.mark.services,
]


@pytest.mark.parametrize("name", QUICK)
def test_a_recorded_project_is_served_as_rasa_served_it(name: str, tmp_path: Path):
    agreement = over_http(load(name), tmp_path)
    assert not agreement.unexplained, str(agreement)
    assert not agreement.stale, str(agreement)
