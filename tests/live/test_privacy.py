"""A server that is told to scrub: no store, answer or log line holds what a user gave away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.command import running, write

pytestmark = pytest.mark.services

CANARIES = ("anna@canary.example", "+49 30 90182077", "4111 1111 1111 1111", "ORD-778899")


def test_no_byte_of_it_is_left_anywhere(tmp_path: Path) -> None:
    project = write(tmp_path / "project")
    scrub = {
        "PARLEY_SCRUB": "email,phone,card",
        "PARLEY_SCRUB_PATTERNS": '{"order": "ORD-[0-9]+"}',
        "PARLEY_SCRUB_KEY": "k" * 32,
        "PARLEY_LOG_LEVEL": "DEBUG",
    }
    with running(project, tmp_path / "home", scrub) as server:
        for number, canary in enumerate(CANARIES):
            said = {"message_id": f"m-{number}", "metadata": {"canary": canary}}
            first = server.say(f"hello {canary}", **said)
            assert server.say(f"hello {canary}", **said) == first  # known although it is scrubbed
        assert canary not in str(server.events())
        assert server.end() == 0
    held = [
        path.read_bytes()
        for folder, _, names in os.walk(tmp_path / "home")
        for path in (Path(folder) / name for name in names)
        if path.is_file()  # a Redis that was slow to end, and killed, leaves its socket
    ]
    assert any(b"<email_" in content for content in held)
    for canary in CANARIES:
        assert not any(canary.encode() in content for content in held)
