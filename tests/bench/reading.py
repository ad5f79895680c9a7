"""How long a large project takes to read: parsed whole, and recalled from the cache.

    python tests/bench/reading.py [--files 500] [--examples 50000]

The project is made of what large projects are made of: a domain of several files, examples as
block texts with annotations, lists with metadata, synonyms, stories and rules. CPU seconds are
those of the reading process alone.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from line import quantiles, show

from bot.project.load import load_project

TIMES = 3
WORDS = ["show", "me", "the", "quickest", "way", "to", "change", "an", "order", "before", "noon"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--examples", type=int, default=50_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, cache = Path(folder) / "project", Path(folder) / "cache"
        size = write_project(root, options.files, options.examples)
        parsed = [_timed(lambda: load_project(root)) for _ in range(TIMES)]
        load_project(root, cache=cache)
        recalled = [_timed(lambda: load_project(root, cache=cache)) for _ in range(TIMES)]
        project = load_project(root, cache=cache)
    show(
        "project.reading",
        files=options.files,
        examples=len(project.nlu.examples),
        megabytes=round(size / 1e6, 1),
        parsed_s=quantiles([wall for wall, _ in parsed]),
        parsed_cpu_s=quantiles([cpu for _, cpu in parsed]),
        recalled_s=quantiles([wall for wall, _ in recalled]),
    )


def write_project(root: Path, files: int, examples: int) -> int:
    """Write the project; gives its size in bytes. Nine files in ten hold examples."""
    told, dialogue = files * 9 // 10, files // 20
    domains = files - told - dialogue
    texts = {"config.yml": "recipe: default.v1\nlanguage: en\n"}
    each = -(-examples // told)
    texts |= {
        f"data/nlu/{number % 20}/{number}.yml": _nlu(number, min(each, examples - number * each))
        for number in range(told)
    }
    texts |= {f"data/dialogue/{number}.yml": _stories(number) for number in range(dialogue)}
    texts |= {
        f"domain/{number}.yml": _domain(range(number, told, domains)) for number in range(domains)
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return sum(len(text) for text in texts.values())


def _nlu(number: int, examples: int) -> str:
    lines = ['version: "3.1"', "nlu:", f"- intent: intent_{number}"]
    if number % 10 == 9:
        lines += ["  examples:"]
        lines += [
            f"  - text: '{_sentence(number, n)}'\n    metadata: {{source: made}}"
            for n in range(examples)
        ]
    else:
        lines += ["  examples: |", *(f"    - {_sentence(number, n)}" for n in range(examples))]
    lines += [f"- synonym: value {number}", "  examples: |", f"    - word {number}"]
    return "\n".join(lines) + "\n"


def _sentence(number: int, n: int) -> str:
    start = (number + n) % len(WORDS)
    said = " ".join(WORDS[start:] + WORDS[:start])
    city = f"[city {n}](city)" if n % 3 else f'[town {n}]{{"entity": "city", "role": "from"}}'
    return f"{said} {number} {n} in {city}" if n % 2 else f"{said} {number} {n}"


def _stories(number: int) -> str:
    steps = "".join(
        f"  - intent: intent_{number + n}\n  - action: utter_{number + n}\n" for n in range(5)
    )
    stories = "".join(f"- story: story {number} {n}\n  steps:\n{steps}" for n in range(10))
    rule = f"- rule: rule {number}\n  steps:\n  - intent: intent_{number}\n"
    return f'version: "3.1"\nstories:\n{stories}rules:\n{rule}  - action: utter_{number}\n'


def _domain(intents: range) -> str:
    names = "".join(f"- intent_{number}\n" for number in intents)
    responses = "".join(
        f"  utter_{number}:\n  - text: 'Answer {number}'\n    buttons:\n"
        f"    - title: again\n      payload: /intent_{number}\n"
        for number in intents
    )
    entities = "entities:\n- city:\n    roles: [from, to]\n" if intents.start == 0 else ""
    return f'version: "3.1"\nintents:\n{names}{entities}responses:\n{responses}'


def _timed(read: Callable[[], Any]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    read()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
