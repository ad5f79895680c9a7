"""Every recorded conversation, over HTTP with a `parley run` of its project, goes as in Rasa."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transcripts.agreement import over_http
from tests.transcripts.golden import GOLDEN, load

ELSEWHERE = (
    *("http_api", "http_api_sqlite", "http_auth"),  # tests/live/test_server_golden.py
    "callouts",  # what a server says to the outside is no conversation
    "rasa_init_default",  # needs a trained model
    "format_verdicts",
    "load_verdicts",
)
RECORDINGS = sorted(
    path.stem
    for path in GOLDEN.glob("*.json")
    if path.stem not in ELSEWHERE and not path.stem.startswith("ted-")
)

pytestmark = [
    pytest.mark.skipif(not RECORDINGS, reason="shared/rasa-golden is absent"),
    pytest.mark.services,
]


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recorded_project_answers_as_in_rasa(name: str, tmp_path: Path):
    agreement = over_http(load(name), tmp_path)
    assert not agreement.unexplained, str(agreement)
    assert not agreement.stale, str(agreement)
