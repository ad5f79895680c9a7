"""How far a served project goes as its recording, but for the differences that are deliberate."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from tests.transcripts.differences import DELIBERATE, EVERY, Place
from tests.transcripts.golden import Difference, Recording
from tests.transcripts.over_http import replay
from tests.transcripts.serving import serving

AT_ONCE = 8  # conversations; some wait for sessions to expire


@dataclass
class Agreement:
    """What differed in a recording's conversations."""

    recording: str
    unexplained: dict[str, list[Difference]] = field(default_factory=dict)
    places: set[Place] = field(default_factory=set)
    replayed: set[str] = field(default_factory=set)

    def add(self, conversation: str, differences: list[Difference]) -> None:
        """Sort the ``differences`` of a replayed conversation into deliberate ones and others."""
        self.replayed.add(conversation)
        for each in differences:
            place = _place(self.recording, conversation, each)
            if place is not None:
                self.places.add(place)
            else:
                self.unexplained.setdefault(conversation, []).append(each)

    @property
    def stale(self) -> list[Place]:
        """Places that are listed as different and are the same now."""
        listed = (place for each in DELIBERATE for place in each.recorded)
        here = (place for place in listed if place.recording == self.recording)
        told = (place for place in here if place.conversation in (EVERY, *self.replayed))
        return [place for place in told if place not in self.places]

    def __str__(self) -> str:
        lines = [
            f"{name} step {each.step}, {each.part}:\n  got  {each.got}\n  want {each.want}"
            for name, found in self.unexplained.items()
            for each in found
        ]
        return "\n".join([*lines, *(f"the same now: {place}" for place in self.stale)])


def over_http(recording: Recording, folder: Path) -> Agreement:
    """Replay ``recording`` against a server of its own, several conversations at once."""
    agreement = Agreement(recording.name)
    conversations = [each for each in recording.conversations if "steps" in each]
    with serving(recording, folder) as run, ThreadPoolExecutor(AT_ONCE) as pool:
        limits = httpx2.Limits(max_connections=AT_ONCE)
        with httpx2.Client(base_url=run.url, timeout=60, limits=limits) as client:

            def one(conversation: dict) -> list[Difference]:
                sender = f"{recording.name}-{conversation['id']}"
                return replay(client, recording, conversation, sender=sender)

            for conversation, found in zip(
                conversations, pool.map(one, conversations), strict=True
            ):
                agreement.add(conversation["id"], found)
    return agreement


def _place(recording: str, conversation: str, difference: Difference) -> Place | None:
    for each in DELIBERATE:
        for place in each.recorded:
            if place.covers(recording, conversation, difference.step, difference.part):
                return place
    return None
