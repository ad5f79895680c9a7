"""Peers that are at hand are compared with; a run without them says so."""

from __future__ import annotations

from tests.conformance.peer import RASA

collect_ignore = [] if RASA else ["test_peer.py"]


def pytest_report_header() -> list[str]:
    if RASA:
        return [f"Rasa to compare with: {RASA}"]
    return ["no Rasa to compare with: name its program in PARLEY_RASA"]
