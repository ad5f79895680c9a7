"""Parses in one process of Parley: asked by ``vs_rasa.py`` as it asks ``rasa_parse.py``.

python parley_parse.py REGISTRY       then on standard input: how many parses, and a list of texts
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from nlu.bundle import open_bundle
from nlu.pipeline import Nlu, Pipeline, serve
from nlu.registry import Registry


async def main() -> None:
    registry = Registry(Path(sys.argv[1]))
    bundle = open_bundle(registry.folder(registry.current() or "none"))
    async with serve(bundle) as served:
        nlu = Nlu(Pipeline(selectors={None: 10}), served)
        for line in sys.stdin:
            runs, texts = json.loads(line)
            took = []
            for number in range(runs):
                began = time.perf_counter()
                await nlu.parse(texts[number % len(texts)])
                took.append(1000 * (time.perf_counter() - began))
            print(json.dumps(took), flush=True)


asyncio.run(main())
