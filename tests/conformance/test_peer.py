"""Conversations that nobody recorded go the same way with Parley and with a real Rasa."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.conformance.differential import compare

PROJECTS = (
    "rules",
    "stories",
    "stories_augmented",
    "stories_maxhist2",
    "slots",
    "forms",
    "forms_requested_slot",
    "form_validation",
    "responses",
    "session_carry",
    "two_stage",
    "actions_events",
    "retrieval",
    "overrides",
    "e2e_text",
    "real-formbot",
    "real-concertbot",
    "real-rules",
    "real-helpdesk-assistant",
)
FIRST = int(os.environ.get("PARLEY_PEER_SEED", "0"))
WALKS = int(os.environ.get("PARLEY_PEER_WALKS", "20"))

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]


@pytest.mark.parametrize("name", PROJECTS)
def test_a_random_walk_goes_as_in_rasa(name: str, tmp_path: Path):
    outcome = compare(name, tmp_path, range(FIRST, FIRST + WALKS))
    told = [
        f"seed {seed}:\n" + "\n".join([*map(json.dumps, said), *map(str, found)])
        for seed, (said, found) in outcome.different.items()
    ]
    assert outcome.steps > WALKS
    assert not told, "\n".join(told)
