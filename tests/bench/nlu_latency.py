"""How long one message takes to understand, alone in the queue, and in which step.

    python tests/bench/nlu_latency.py [REGISTRY]       (default: the starter project's models)

``parse`` is what a turn waits for; the steps are the same work called one after the other in
this thread, ``alone`` all of them. CPU milliseconds are of the whole process. The last line sets
the text of twelve words beside what its int8 products take by themselves (``floor.py``), measured
in turns with it: the least of each, since whatever runs beside it can only add.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

from floor import floor
from line import CHECKOUT, quantiles, show

from nlu import decode
from nlu.bundle import Bundle, open_bundle
from nlu.errors import BundleError
from nlu.manifest import Manifest
from nlu.model import Reading, Scores
from nlu.pipeline import Nlu, Pipeline, serve
from nlu.registry import Registry

TEXTS = {
    "short": "yes please",
    "usual": "where is my order A1234567, it should be here today",
    "twelve words": "where is my order and why has nobody told me about it",
    "long": "hi there, i bought two lamps from you last week and one of them came broken, can i "
    "send it back and get my money or do you only give a new one?",
}
RUNS = 300
ROUNDS = 5


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
        for name, text in TEXTS.items():
            await _measure(name, text, nlu, bundle)
        _beside_the_floor(TEXTS["twelve words"], bundle, registry)


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

    show(
        "nlu.latency",
        text=name,
        tokens=reading.length,
        model=manifest.version,
        parse_ms=quantiles(waits),
        parse_cpu_ms=round(1000 * cpu / RUNS, 3),
        tokenize_ms=_time(lambda: model.tokenizer.encode(text)),
        model_ms=_time(lambda: model.read([reading])),
        decode_ms=_time(lambda: _decode(text, scores, manifest)),
        alone_ms=_time(lambda: _alone(text, bundle)),
    )


def _alone(text: str, bundle: Bundle) -> None:
    """A parse, without a queue and a thread to hand it to."""
    [scores] = bundle.model.read([Reading(text, bundle.model.tokenizer)])
    _decode(text, scores, bundle.manifest)


def _decode(text: str, scores: Scores, manifest: Manifest) -> None:
    probabilities = decode.softmax(scores.intents / manifest.temperature).tolist()
    decode.ranking(probabilities, manifest.intents)
    decode.selection(probabilities, manifest.intents, {None: 10})
    decode.entities(text, scores.words, scores.tags, manifest.labels, extractor="bench")


def _beside_the_floor(text: str, bundle: Bundle, registry: Registry) -> None:
    """The least of each of several rounds, so that both had a quiet moment."""
    tokens = len(Reading(text, bundle.model.tokenizer).tokens.ids)
    graph = registry.folder(bundle.manifest.version) / "model.onnx"
    alone, floors = [], []
    for _ in range(ROUNDS):
        alone.append(_time(lambda: _alone(text, bundle))["min"])
        floors.append(floor(graph, tokens))
    products = min(each.products_ms for each in floors)
    arithmetic = min(each.arithmetic_ms for each in floors)
    show(
        "nlu.floor",
        tokens=tokens,
        gops=round(max(each.gops for each in floors)),
        alone_ms=min(alone),
        products_ms=round(products, 3),
        times_products=round(min(alone) / products, 2),
        arithmetic_ms=round(arithmetic, 3),
        times_arithmetic=round(min(alone) / arithmetic, 2),
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
