"""How often drift is called where there is none, and found where there is: by simulation.

    python -m tests.bench.drift --runs 60

A bot of eight intents; conversations of four turns with a favourite intent, so that turns are not
independent. The reference has 1,000 turns, each of four windows 250.
"""

from __future__ import annotations

import argparse

from tests.unit.watch.test_drift import drawn
from training.watch.drift import alarms, shifts
from training.watch.measures import MEASURES

TURNS, WINDOW, WINDOWS = 1000, 250, 4


def run(number: int, kind: str) -> tuple[int, int, set[str]]:
    """Comparisons above, all of them, and the measures that alarmed; from the third window on,
    ``kind`` has moved."""
    seed = 100 * number
    windows = [drawn(seed + at, WINDOW, kind if at > 2 else "") for at in range(1, WINDOWS + 1)]
    found = list(shifts({"all": (drawn(seed, TURNS), windows)}, seed=number))
    above = sum(each.level == "act" for each in found)
    return above, len(found), {each.measure for each in alarms(found)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=60)
    runs = parser.parse_args().runs
    for kind in ("", *MEASURES):
        told = [run(number, kind) for number in range(1, runs + 1)]
        above, all_ = sum(each[0] for each in told), sum(each[1] for each in told)
        right = sum(kind in each[2] for each in told) if kind else 0
        other = sum(bool(each[2] - {kind}) for each in told)
        print(
            f"{kind or 'nothing':<11} moved: alarm for it {right}/{runs}, another {other}/{runs}; "
            f"{above} of {all_} comparisons above"
        )


if __name__ == "__main__":
    main()
