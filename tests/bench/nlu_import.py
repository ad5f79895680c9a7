"""What a serving process pays before it can understand: import, open the model, first answer.

    python tests/bench/nlu_import.py [REGISTRY]        (default: the starter project's models)

Each start is a new process; CPU milliseconds count its threads too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from line import CHECKOUT, quantiles, show

STARTS = 7
PROGRAM = """
import json, resource, sys, time
begun, cpu = time.perf_counter(), time.process_time()
import asyncio, pathlib
import nlu.pipeline, nlu.registry, bot.model.nlu
imported, imported_cpu = time.perf_counter(), time.process_time()
from nlu.bundle import open_bundle
registry = nlu.registry.Registry(pathlib.Path(sys.argv[1]))
bundle = open_bundle(registry.folder(registry.current()))
opened = time.perf_counter()

async def first():
    async with nlu.pipeline.serve(bundle) as served:
        await nlu.pipeline.Nlu(nlu.pipeline.Pipeline(), served).parse("where is my order?")

asyncio.run(first())
print(json.dumps({
    "import_ms": 1000 * (imported - begun),
    "import_cpu_ms": 1000 * (imported_cpu - cpu),
    "open_ms": 1000 * (opened - imported),
    "first_answer_ms": 1000 * (time.perf_counter() - opened),
    "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def main() -> None:
    registry = Path(sys.argv[1]) if len(sys.argv) > 1 else CHECKOUT / "data/starter/models"
    starts = [_start(registry) for _ in range(STARTS)]
    show("nlu.import", **{key: quantiles([start[key] for start in starts]) for key in starts[0]})


def _start(registry: Path) -> dict[str, float]:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, registry.resolve()],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    if ran.returncode:
        sys.exit(f"{registry} has no model that opens (make train): {ran.stderr.strip()[-300:]}")
    return dict(json.loads(ran.stdout))


if __name__ == "__main__":
    main()
