"""`make load`: a real server on PostgreSQL and Redis, at four fifths of its maximum, then at three
times of it, then at four fifths again. Ends with 1 when something is not as it should be.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bot.store import schema
from tests.bench.line import quantiles, show
from tests.command import CHECKOUT, Run, running
from tests.load.arrivals import Load, Users, constant, most
from tests.load.verdict import RECOVERED_S, REFUSED, overloaded, p95, recovered_after, steady, took
from tests.servers import Valkey, own_database

SHARE = 0.8
TIMES = 3.0
BOUND_S = 8.0  # the 2 s that a message may wait, the turns in hand before it, itself


def main() -> int:
    options = arguments()
    console = Console(stderr=True)
    with ExitStack() as stack:
        run = stack.enter_context(served(options))
        port = urlsplit(run.url).port or 0
        progress = stack.enter_context(Progress(console=console))
        status = asyncio.run(measured(run, port, options, progress, console))
        said = run.printed().partition("Ctrl-C ends it.")[2].splitlines()[5:]
        for line in said[-20:]:
            console.print(line[:2000], markup=False)
        return status


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--steady", type=float, default=900, help="seconds at four fifths")
    parser.add_argument("--overload", type=float, default=60, help="seconds at three times")
    parser.add_argument("--after", type=float, default=20, help="seconds at four fifths again")
    parser.add_argument("--probe", type=float, default=60, help="seconds to find the maximum")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--max", type=float, help="turns a second, instead of finding it out")
    parser.add_argument("--log-level", default="ERROR", help="of the server; shown at the end")
    parser.add_argument("--project", type=Path, default=CHECKOUT / "data/starter")
    return parser.parse_args()


@contextmanager
def served(options: argparse.Namespace):
    """`parley run` with PostgreSQL and Redis beside it."""
    with tempfile.TemporaryDirectory() as folder, own_database() as database:
        url = database.url("postgres")
        schema.upgrade(url)
        redis = Valkey()
        redis.start()
        variables = {
            "PARLEY_DATABASE_URL": url,
            "PARLEY_REDIS_URL": redis.url,
            "PARLEY_MODELS": str(options.project / "models"),
            "PARLEY_LOG_LEVEL": options.log_level,
            "SHOP_DATABASE_URL": f"sqlite:///{folder}/shop.db",
        }
        given = ("--workers", str(options.workers))
        try:
            with running(options.project, Path(folder) / "home", variables, *given) as run:
                yield run
        finally:
            redis.kill()


class Watched:
    """What is seen of the server every second."""

    def __init__(self, run: Run, move: Callable[[], None]) -> None:
        self._run, self._move = run, move
        self.memory_mb: list[float] = []
        self.on_their_way: list[float] = []

    def tick(self, load: Load) -> None:
        self._move()
        self.memory_mb.append(sum(map(rss_mb, (self._run.process.pid, *servers(self._run)))))
        self.on_their_way.append(load.on_their_way)


async def measured(
    run: Run, port: int, options: argparse.Namespace, progress: Progress, console: Console
) -> int:
    """Run all stages; the exit status."""

    async def stage(name: str, rate: float, seconds: float) -> tuple[Load, Watched]:
        task = progress.add_task(f"{name}: {rate:.0f} messages/s", total=seconds)
        watched = Watched(run, lambda: progress.advance(task))
        users = Users(f"{name}-{port}")
        load = await constant(port, users, rate=rate, seconds=seconds, tick=watched.tick)
        return load, watched

    await most(port, Users("warm"), at_once=8, seconds=3)
    maximum = options.max or await most(port, Users("max"), at_once=32, seconds=options.probe)
    calm, seen = await stage("steady", SHARE * maximum, options.steady)
    rush, pressed = await stage("overload", TIMES * maximum, options.overload)
    later, _ = await stage("after", SHARE * maximum, options.after)
    usual_s = max(1.0, 3 * p95(took(calm.answered)))
    again_s = recovered_after(later.answered, within_s=usual_s)
    verdicts = {
        **steady(calm.answered, seen.on_their_way, seen.memory_mb),
        **overloaded(rush.answered, bound_s=BOUND_S),
        f"recovered within {RECOVERED_S:g} s": again_s is not None and again_s <= RECOVERED_S,
    }
    stages = {"steady": calm, "overload": rush, "after": later}
    console.print(table(stages, maximum))
    for sentence, holds in verdicts.items():
        console.print(f"  {'[green]yes' if holds else '[bold red]NO '}[/]  {sentence}")
    show(
        "load",
        workers=options.workers,
        max_per_s=round(maximum, 1),
        seconds=[options.steady, options.overload, options.after],
        memory_mb=[round(median(part)) for part in (seen.memory_mb[:5], seen.memory_mb[-5:])],
        memory_overload_mb=round(max(pressed.memory_mb)),
        recovered_s=again_s,
        not_so=[sentence for sentence, holds in verdicts.items() if not holds],
        **{name: figures(load) for name, load in stages.items()},
    )
    return 0 if all(verdicts.values()) else 1


def figures(load: Load) -> dict[str, object]:
    """Counts by status; seconds of those answered."""
    counts: dict[int, int] = {}
    for one in load.answered:
        counts[one.status] = counts.get(one.status, 0) + 1
    refused = [one.took_s for one in load.answered if one.status in REFUSED]
    return {
        "statuses": counts,
        "took_s": quantiles(took(load.answered) or [0.0]),
        "refused_s": quantiles(refused or [0.0]),
    }


def table(stages: dict[str, Load], maximum: float) -> Table:
    shown = Table(title=f"maximum: {maximum:.0f} turns/s")
    for column in ("stage", "messages", "answered", "refused", "else", "p50", "p95", "p99 s"):
        shown.add_column(column, justify="right")
    for name, load in stages.items():
        done = took(load.answered)
        refused = sum(one.status in REFUSED for one in load.answered)
        other = len(load.answered) - len(done) - refused
        quantile = quantiles(done or [0.0])
        times = [f"{quantile[q]:.3f}" for q in ("p50", "p95", "p99")]
        counts = [len(load.answered), len(done), refused, other]
        shown.add_row(name, *map(str, counts), *times)
    return shown


def servers(run: Run) -> list[int]:
    """The processes that serve, where there are several."""

    def serves(pid: int) -> bool:
        return b"bot.commands.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()

    return [pid for pid in run.children() if serves(pid)]


def rss_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


if __name__ == "__main__":
    sys.exit(main())
