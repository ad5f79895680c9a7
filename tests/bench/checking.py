"""How long `parley check` takes on a large project, and what of it the reading takes.

    python tests/bench/checking.py [--examples 50000] [--stories 500] [--rules 200]

Sentences are made of few words, so that many are nearly the same; stories share their
beginnings, a tenth of them go through checkpoints, and one of a hundred contradicts another.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections import Counter
from pathlib import Path

from line import show

from bot.project.check import judge
from bot.project.load import load_project

INTENTS, SLOTS, FILES = 200, 20, 50
WORDS = [
    "please",
    "can",
    "you",
    "show",
    "me",
    "the",
    "order",
    "status",
    "change",
    "address",
    "delivery",
    "invoice",
    "refund",
    "cancel",
    "account",
    "password",
    "yesterday",
    "tomorrow",
    "morning",
    "evening",
    "because",
    "where",
    "when",
    "which",
    "could",
    "would",
    "number",
    "parcel",
    "broken",
    "missing",
    "return",
    "exchange",
    "payment",
    "credit",
    "voucher",
    "size",
    "colour",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("examples", 50_000), ("stories", 500), ("rules", 200)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_project(root, options.examples, options.stories, options.rules)
        began = time.process_time()
        load_project(root)
        read = time.process_time() - began
        verdict = judge(root)
        checked = time.process_time() - began - read
    show(
        "project.checking",
        examples=options.examples,
        stories=options.stories,
        rules=options.rules,
        read_cpu_s=round(read, 2),
        check_cpu_s=round(checked, 2),
        memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        found=dict(Counter(problem.code for problem in verdict.problems)),
    )


def write_project(root: Path, examples: int, stories: int, rules: int) -> None:
    """A project of this many examples, stories and rules in ``root``."""
    chosen = random.Random(1)
    (root / "data").mkdir()
    names = [f"intent_{n}" for n in range(INTENTS)]
    slots = "".join(
        f"  slot_{n}: {{type: text, mappings: [{{type: from_entity, entity: slot_{n}}}]}}\n"
        for n in range(SLOTS)
    )
    (root / "domain.yml").write_text(
        f"intents: [{', '.join(names)}, ruled]\nslots:\n{slots}"
        f"entities: [{', '.join(f'slot_{n}' for n in range(SLOTS))}]\nresponses:\n"
        + "".join(f"  utter_{n}: [{{text: '{n}'}}]\n" for n in range(INTENTS))
    )
    (root / "config.yml").write_text("policies: [{name: RulePolicy}, {name: MemoizationPolicy}]\n")
    for file in range(FILES):
        text = "nlu:\n"
        for name in names[file::FILES]:
            text += f"- intent: {name}\n  examples: |\n"
            for _ in range(examples // INTENTS):
                words = [chosen.choice(WORDS) for _ in range(chosen.randint(3, 12))]
                entity = chosen.randrange(SLOTS)
                text += f"    - {' '.join(words)} [{chosen.choice(WORDS)}](slot_{entity})\n"
        (root / "data" / f"nlu_{file}.yml").write_text(text)
    told = "stories:\n" + "".join(_story(n, chosen) for n in range(stories))
    told += "rules:\n" + "".join(_rule(n) for n in range(rules))
    (root / "data" / "told.yml").write_text(told)


def _story(number: int, chosen: random.Random) -> str:
    steps = []
    for turn in range(8):
        intent = (
            (number // 5 + turn) % (INTENTS // 2) if turn < 6 else chosen.randrange(INTENTS // 2)
        )
        steps += [f"- intent: intent_{intent}", f"- action: utter_{(intent + turn) % INTENTS}"]
        if turn == 3 and number % 10 == 0:
            steps.append("- slot_was_set: [{slot_1: x}]")
    if number % 100 == 1:
        steps[5] = "- action: utter_0"
    if number % 10 == 3:
        steps.append(f"- checkpoint: point_{number % 50}")
    if number % 10 == 4:
        steps.insert(0, f"- checkpoint: point_{(number - 1) % 50}")
    return f"- story: story {number}\n  steps:\n" + "".join(f"  {step}\n" for step in steps)


def _rule(number: int) -> str:
    condition = f"  condition:\n  - slot_was_set: [{{slot_{number % SLOTS}: null}}]\n"
    intent = INTENTS // 2 + number % (INTENTS // 2)
    steps = f"  steps:\n  - intent: intent_{intent}\n  - action: utter_{number % INTENTS}\n"
    return f"- rule: rule {number}\n{condition if number % 2 else ''}{steps}"


if __name__ == "__main__":
    main()
