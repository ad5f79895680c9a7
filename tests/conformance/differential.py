"""The same conversations with Parley and with a real Rasa; where do they part?"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from bot.dialogue.policy import LISTEN
from bot.project.load import load_project
from tests.conformance import peer
from tests.conformance.walks import walk
from tests.transcripts.golden import Difference, Recording, Seen, compared, load, state_of
from tests.transcripts.over_http import Tail, say
from tests.transcripts.serving import serving

AT_ONCE = 4


@dataclass
class Outcome:
    """How many steps agreed, and the first that did not of each walk that parted, by seed."""

    steps: int = 0
    different: dict[int, tuple[list[dict[str, Any]], list[Difference]]] = field(
        default_factory=dict
    )


def compare(name: str, folder: Path, seeds: Iterable[int]) -> Outcome:
    """Walk through the recorded project ``name`` with both, once for each seed."""
    recording, outcome = load(name), Outcome()
    with serving(recording, folder, shared_actions=True) as run:
        project = folder / "project"
        domain = load_project(project).domain
        model = peer.train(project, name, core=recording.kind != "own")
        with peer.rasa(project, model) as rasa, ThreadPoolExecutor(AT_ONCE) as pool:

            def one(seed: int) -> tuple[int, list[dict[str, Any]], list[Difference], int]:
                said = walk(recording, domain, seed)
                steps, found = _parted(run.client, rasa, recording, said, f"{name}-{seed}")
                return seed, said, found, steps

            for seed, said, found, steps in pool.map(one, seeds):
                outcome.steps += steps
                if found:
                    outcome.different[seed] = said, found
    return outcome


def _parted(
    parley: httpx2.Client,
    rasa: httpx2.Client,
    recording: Recording,
    said: list[dict[str, Any]],
    sender: str,
) -> tuple[int, list[Difference]]:
    """How many steps went the same way, and what was different in the one that did not."""
    ours, theirs = Tail(parley, sender), Tail(rasa, sender)
    for number, body in enumerate(said):
        step = {"user": body}
        messages = say(rasa, step, sender)
        events, state = theirs.read()
        step |= {"bot": messages, "new_events": events, "state": state_of(state)}
        seen = Seen(say(parley, step, sender), *ours.read())
        if _left_deliberately(state, seen.events):
            return number, []
        if found := compared(step, number, seen, recording.content):
            return number, found
    return len(said), []


def _left_deliberately(state: dict[str, Any], events: list[dict[str, Any]]) -> bool:
    """Whether Rasa is silent from here on, or an action failed: both are in differences.py."""
    stuck = state["latest_action_name"] != LISTEN and not state["paused"]
    failed = any("error" in (event.get("metadata") or {}) for event in events)
    return stuck or failed
