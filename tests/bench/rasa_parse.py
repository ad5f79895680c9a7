"""Parses in one process of Rasa 3.6: run by Rasa's own Python, asked by ``vs_rasa.py``.

    python rasa_parse.py MODEL       then on standard input: how many parses, and a list of texts

Each line of standard input is ``[runs, [text, ...]]``; each is answered by a line of milliseconds.
"""

import asyncio
import json
import sys
import time

from rasa.core.agent import Agent


async def main() -> None:
    agent = Agent.load(sys.argv[1])
    for line in sys.stdin:
        runs, texts = json.loads(line)
        took = []
        for number in range(runs):
            began = time.perf_counter()
            await agent.parse_message(texts[number % len(texts)])
            took.append(1000 * (time.perf_counter() - began))
        print(json.dumps(took), flush=True)


asyncio.run(main())
