"""How many messages a second one process understands with 1, 16 and 64 always waiting.

    python tests/bench/nlu_throughput.py [REGISTRY]    (default: the starter project's models)

Every caller asks again as soon as it is answered. One line for each number of callers.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from pathlib import Path

from line import CHECKOUT, quantiles, show

from nlu.bundle import open_bundle
from nlu.errors import BundleError
from nlu.pipeline import Nlu, Pipeline, serve
from nlu.registry import Registry

TEXTS = (
    "hello",
    "where is my order A1234567?",
    "yes",
    "can i send it back if the box is open",
    "no thanks, that was all",
    "i want to change the address of my order to 12 mill lane, leeds",
    "how long does delivery to france take",
    "talk to a human",
)
SECONDS = 3.0


async def main() -> None:
    registry = Registry(
        Path(sys.argv[1]) if len(sys.argv) > 1 else CHECKOUT / "data/starter/models"
    )
    try:
        bundle = open_bundle(registry.folder(registry.current() or "none"))
    except BundleError as error:
        sys.exit(f"No model to measure (make train): {error}")
    async with serve(bundle) as served:
        nlu = Nlu(Pipeline(selectors={None: 10}), served)
        await asyncio.gather(*(nlu.parse(text) for text in TEXTS * 4))
        for callers in (1, 16, 64):
            await _load(nlu, callers)


async def _load(nlu: Nlu, callers: int) -> None:
    texts, waits = itertools.cycle(TEXTS), list[float]()
    begun, cpu = time.perf_counter(), time.process_time()

    async def caller() -> None:
        while (asked := time.perf_counter()) - begun < SECONDS:
            await nlu.parse(next(texts))
            waits.append(1000 * (time.perf_counter() - asked))

    await asyncio.gather(*(caller() for _ in range(callers)))
    took = time.perf_counter() - begun
    show(
        "nlu.throughput",
        callers=callers,
        model=nlu.model_id,
        messages_per_s=round(len(waits) / took, 1),
        cpu_ms_per_message=round(1000 * (time.process_time() - cpu) / len(waits), 3),
        wait_ms=quantiles(waits),
    )


if __name__ == "__main__":
    asyncio.run(main())
