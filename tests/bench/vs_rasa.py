"""Understanding and whole turns beside Rasa 3.6 with its default pipeline, in one run.

    python tests/bench/vs_rasa.py [--rasa PATH] [--seconds S] [--rounds N] [--folder DIR]

Both train on moodbot of shared/rasa-projects with one config.yml: what `rasa init` writes (DIET of
100 epochs, MemoizationPolicy, RulePolicy, TEDPolicy of 100 epochs), which Parley reads as its own
NLU and policies. PATH is the `rasa` of a Rasa 3.6 (default: PARLEY_RASA, else .venv-rasa36 of the
checkout); without one there is nothing to compare, which is said. DIR keeps what was trained, so
that another run need not train again. Parsing and serving alternate, round by round; ratios are of
what was measured side by side.

Prints one JSON line and a table.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import servers
from line import CHECKOUT, quantiles, show
from servers import PARLEY, Connection, Server, family, rss_mb, run

MOODBOT = CHECKOUT / ".." / "shared" / "rasa-projects" / "moodbot"
CONFIG = """\
recipe: default.v1
assistant_id: bench
language: en
pipeline:
- name: WhitespaceTokenizer
- name: RegexFeaturizer
- name: LexicalSyntacticFeaturizer
- name: CountVectorsFeaturizer
- name: CountVectorsFeaturizer
  analyzer: char_wb
  min_ngram: 1
  max_ngram: 4
- name: DIETClassifier
  epochs: 100
  constrain_similarities: true
- name: EntitySynonymMapper
- name: ResponseSelector
  epochs: 100
  constrain_similarities: true
policies:
- name: MemoizationPolicy
- name: RulePolicy
- name: TEDPolicy
  max_history: 5
  epochs: 100
  constrain_similarities: true
"""
TEXTS = (
    "hello there, it is good to see you again today my friend",  # 12 words each
    "i am feeling very sad today because my best friend left me",
    "no, that did not help me at all, thank you for trying",
    "are you a bot or am i talking to a real human",
)
SAID = ("hey there", "i am so sad today", "no, not at all", "are you a bot?", "see you later")
MANY = 16
PARSES = 100
numbers = itertools.count()

Visit = Callable[[Connection, float], Awaitable[int]]
Row = tuple[str, float, float, bool, float | None]  # what, ours, theirs, less is better, the bar


def main() -> None:
    options = arguments()
    if not Path(options.rasa).is_file():
        print(f"There is no Rasa at {options.rasa} (make peers installs one); nothing to compare.")
        return
    with ExitStack() as stack:
        folder = options.folder
        if folder is None:
            named = tempfile.TemporaryDirectory(prefix="parley-bench-")
            folder = Path(stack.enter_context(named))
        rows = trained(folder, options.rasa)
        rows += parsed(folder, options)
        rows += served(folder, options)
    table(rows)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = os.environ.get("PARLEY_RASA", str(CHECKOUT / ".venv-rasa36/bin/rasa"))
    parser.add_argument("--rasa", type=os.path.abspath, default=known, help="a Rasa 3.6 command")
    parser.add_argument("--seconds", type=float, default=5.0, help="of load, each time")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keeps what is trained")
    return parser.parse_args()


def trained(folder: Path, program: str) -> list[Row]:
    """Seconds of training, of which a folder that has its models remembers."""
    known = folder / "trained.json"
    if not known.is_file():
        commands = {
            "parley": [PARLEY, "train", "--quiet", "--project", str(folder / "parley")],
            "rasa": [program, "train", "--fixed-model-name", "bench"],
        }
        took = {}
        for name, command in commands.items():
            project = folder / name
            shutil.copytree(MOODBOT, project)
            (project / "config.yml").write_text(CONFIG)
            (project / "credentials.yml").write_text("rest:\n")
            took[name] = run(command, project)
        known.write_text(json.dumps(took))
    times = json.loads(known.read_text())
    ours, theirs = times["parley"], times["rasa"]
    return [
        ("training, s", ours[0], theirs[0], True, 2.0),
        ("training, s of CPU", ours[1], theirs[1], True, None),
    ]


def parsed(folder: Path, options: argparse.Namespace) -> list[Row]:
    """A parse within the process: milliseconds."""
    own = [sys.executable, str(Path(__file__).with_name("parley_parse.py"))]
    python = Path(options.rasa).with_name("python")
    other = [str(python), str(Path(__file__).with_name("rasa_parse.py"))]
    with ExitStack() as stack:
        ask = {
            "parley": answering(stack, [*own, str(folder / "parley/models")]),
            "rasa": answering(stack, [*other, str(folder / "rasa/models/bench.tar.gz")]),
        }
        took: dict[str, list[float]] = {name: [] for name in ask}
        for name in ask:
            ask[name](PARSES)  # warm
        for _, name in itertools.product(range(options.rounds), ask):
            took[name] += ask[name](PARSES)
    ours, theirs = quantiles(took["parley"]), quantiles(took["rasa"])
    return [
        (f"parse in process, ms, {rank}", ours[rank], theirs[rank], True, bar)
        for rank, bar in (("min", None), ("p50", 5.0), ("p99", 5.0))
    ]


def answering(stack: ExitStack, command: list[str]) -> Callable[[int], list[float]]:
    """A child that parses as often as it is asked."""
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    stack.callback(child.wait, 30)
    assert child.stdin
    assert child.stdout
    stack.callback(child.stdin.close)
    told, said = child.stdin, child.stdout

    def ask(runs: int) -> list[float]:
        told.write(json.dumps([runs, TEXTS]) + "\n")
        told.flush()
        # Among what a Rasa logs to the same place.
        answer = next(line for line in said if line.startswith("["))
        return [float(ms) for ms in json.loads(answer)]

    return ask


def served(folder: Path, options: argparse.Namespace) -> list[Row]:
    """Both servers under load, and what they cost."""
    with ExitStack() as stack:
        own = servers.parley(folder, folder / "parley", "--enable-api")
        both = (
            stack.enter_context(own),
            stack.enter_context(servers.rasa(options.rasa, folder / "rasa")),
        )
        starts = [server.ready_s for server in both]
        rows: list[Row] = [
            (
                f"/model/parse at {MANY} connections, /s",
                *rates(both, parse, MANY, options),
                False,
                5.0,
            ),
            (f"turns at {MANY} connections, /s", *rates(both, turns, MANY, options), False, 8.0),
            ("turns at 1 connection, /s", *rates(both, turns, 1, options), False, 6.0),
            ("start to first answer, s", starts[0], starts[1], True, 10.0),
        ]
        alone = [rss_mb(server.pid) for server in both]
        whole = [sum(map(rss_mb, family(server.pid))) for server in both]
    return [
        *rows,
        ("resident, server process, MB", alone[0], alone[1], True, 5.0),
        ("resident, with its children, MB", whole[0], whole[1], True, 5.0),
    ]


def rates(
    both: Sequence[Server], visit: Visit, connections: int, options: argparse.Namespace
) -> tuple[float, float]:
    """Of each server, how many a second: the median of its rounds, taken in turns."""
    each: list[list[float]] = [[] for _ in both]
    for server in both:
        asyncio.run(load(server, visit, connections, 1.0))
    for _ in range(options.rounds):
        for server, known in zip(both, each, strict=True):
            known.append(asyncio.run(load(server, visit, connections, options.seconds)))
    ours, theirs = map(statistics.median, each)
    return ours, theirs


async def load(server: Server, visit: Visit, connections: int, seconds: float) -> float:
    """How many a second were answered."""
    began = time.perf_counter()

    async def visitor() -> int:
        connection = await Connection.to(server.port)
        done = await visit(connection, began + seconds)
        connection.close()
        return done

    done = await asyncio.gather(*(visitor() for _ in range(connections)))
    return sum(done) / (time.perf_counter() - began)


async def parse(connection: Connection, until: float) -> int:
    """Texts to be understood, one after the other; how many."""
    done = 0
    while time.perf_counter() < until:
        await connection.post("/model/parse", {"text": TEXTS[next(numbers) % len(TEXTS)]})
        done += 1
    return done


async def turns(connection: Connection, until: float) -> int:
    """Conversations, one after the other; how many turns."""
    done = 0
    while time.perf_counter() < until:
        sender = f"visitor-{next(numbers)}"
        for said in SAID:
            await connection.say(sender, said)
            done += 1
    return done


def table(rows: Sequence[Row]) -> None:
    """Each figure, how many times better ours is, and how many times it should be."""
    print("| what | Parley | Rasa 3.6 | times better | bar |\n|---|---|---|---|---|")
    facts = {}
    for what, ours, theirs, less_is_better, bar in rows:
        better = round(theirs / ours if less_is_better else ours / theirs, 1)
        facts[what] = {"parley": round(ours, 2), "rasa": round(theirs, 2), "times": better}
        print(f"| {what} | {ours:.4g} | {theirs:.4g} | {better:g} | {bar or '-'} |")
    show("vs_rasa", texts_words=12, **facts)


if __name__ == "__main__":
    main()
