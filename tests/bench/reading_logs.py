"""How fast a log is read, and in how much memory: `python tests/bench/reading_logs.py`.

Rasa's tracker events as JSON lines, conversations interleaved; each is decoded, folded into turns,
scrubbed and shelved. One process reads, on one core.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from line import show

from bot.privacy.kinds import KINDS
from bot.review.scrubbing import Rules
from bot.store.shelf import open_shelf
from training.logs.engine import Read, read_parts
from training.logs.files import LogFile

AT_ONCE = 200  # conversations that go on beside each other
TURNS = 8
WORDS = ("where", "is", "my", "order", "20413", "please", "mail", "ann@example.com", "thanks", "no")


def events(count: int) -> Iterator[dict[str, object]]:
    """``count`` tracker events: a turn is what the user says, an action, an answer, listening."""
    draw, begun = random.Random(0), 0
    for number in range(count):
        if number % 4 == 0:
            begun += 1
        turn, at = begun // AT_ONCE, begun % AT_ONCE
        name = f"user-{at}-{turn // TURNS}"
        text = " ".join(draw.choices(WORDS, k=8))
        intent = {"name": "track_order", "confidence": round(draw.random(), 4)}
        parse = {"text": text, "intent": intent, "entities": [], "intent_ranking": [intent]}
        event = (
            {"event": "user", "text": text, "parse_data": parse, "timestamp": 1.0 * number},
            {"event": "action", "name": "utter_answer", "policy": None, "confidence": 1.0},
            {"event": "bot", "text": f"The answer to {text}.", "data": {}},
            {"event": "action", "name": "action_listen", "policy": None, "confidence": None},
        )[number % 4]
        yield {"sender_id": name, "event": event}


def measured(count: int, folder: Path) -> dict[str, object]:
    """Reading ``count`` events: the time it took, and the most memory the process held."""
    path = folder / "events.jsonl"
    with path.open("w") as file:
        for event in events(count):
            file.write(json.dumps(event) + "\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun, cpu = time.perf_counter(), time.process_time()
    rules = Rules(tuple(KINDS), {}, b"bench")
    with open_shelf(folder / "turns.db") as shelf:
        read: Read = read_parts([LogFile(path, "rasa", "bench", rules)], shelf)
    took = time.perf_counter() - begun
    return {
        "events": read.events,
        "turns": read.turns,
        "bad": read.bad,
        "file_mb": round(path.stat().st_size / 1e6),
        "seconds": round(took, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "events_per_second": round(read.events / took),
        "most_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "most_mb_before": round(before / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        show("reading_logs", **measured(wanted.events, Path(folder)))


if __name__ == "__main__":
    main()
