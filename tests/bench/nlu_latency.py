"""How long one message takes to understand, alone in the queue, and in which step.

    python tests/bench/nlu_latency.py [REGISTRY]       (default: the starter project's models)

``parse`` is what a turn waits for; the steps are the same work called one after the other in
this thread. CPU milliseconds are of the whole process.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

from line import CHECKOUT, quantiles, show

from nlu import decode
from nlu.bundle import Bundle, open_bundle
from nlu.errors import BundleError
from nlu.model import Reading
from nlu.pipeline import Nlu, Pipeline, serve
from nlu.registry import Registry

TEXTS = {
    "short": "yes please",
    "usual": "where is my order A1234567, it should be here today",
    "long": "hi there, i bought two lamps from you last week and one of them came broken, can i "
    "send it back and get my money or do you only give a new one?",
}
RUNS = 300


async def main() -> None:
    registry = Registry(
        Path(sys.argv[1]) if len(sys.argv) > 1 else CHECKOUT / "data/starter/models"
    )
    try:
        bundle = open_bundle(registry.folder(registry.current() or "none"))
    except BundleError as error:
        sys.exit(f"No model to measure (make train): {error}")
    async with serve(bundle) as served:
        nlu = Nlu(Pipeline(selectors=(None,)), served)
        for name, text in TEXTS.items():
            await _measure(name, text, nlu, bundle)


async def _measure(name: str, text: str, nlu: Nlu, bundle: Bundle) -> None:
    model, manifest = bundle.model, bundle.manifest
    for _ in range(20):
        await nlu.parse(text)
    waits, cpu = [], time.process_time()
    for _ in range(RUNS):
        begun = time.perf_counter()
        await nlu.parse(text)
        waits.append(1000 * (time.perf_counter() - begun))
    cpu = time.process_time() - cpu

    reading = Reading(text, model.tokenizer)
    [scores] = model.read([reading])

    def decoded() -> None:
        probabilities = decode.softmax(scores.intents / manifest.temperature).tolist()
        decode.ranking(probabilities, manifest.intents)
        decode.selection(probabilities, manifest.intents, (None,))
        decode.entities(text, scores.words, scores.tags, manifest.labels, extractor="bench")

    show(
        "nlu.latency",
        text=name,
        tokens=reading.length,
        model=manifest.version,
        parse_ms=quantiles(waits),
        parse_cpu_ms=round(1000 * cpu / RUNS, 3),
        tokenize_ms=_time(lambda: model.tokenizer.encode(text)),
        model_ms=_time(lambda: model.read([reading])),
        decode_ms=_time(decoded),
    )


def _time(step: Callable[[], object]) -> dict[str, float]:
    taken = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        step()
        taken.append(1000 * (time.perf_counter() - begun))
    return quantiles(taken)


if __name__ == "__main__":
    asyncio.run(main())
