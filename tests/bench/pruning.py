"""Size and speed of what is left of an encoder: `python -m tests.bench.pruning`.

The heads are random and nothing is trained: how long a graph takes does not depend on what it says.
One thread, 14 positions, int8 as it is served; the versions take turns.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nlu.session import Session
from nlu.tokenizer import Batch, Tokens
from training.encoders import load_encoder
from training.export import export
from training.model import JointModel
from training.pruning import keep_layers, keep_parts

ENCODER, INTENTS, TAGS, POSITIONS, ROUNDS, RUNS = "all-MiniLM-L6-v2", 77, 21, 14, 10, 20


@dataclass(frozen=True, slots=True)
class Kept:
    """What is left of each encoder; 0 is all."""

    layers: int = 0
    heads: int = 0
    columns: int = 0


VERSIONS = (
    Kept(),
    Kept(layers=5),
    Kept(layers=4),
    Kept(layers=3),
    Kept(columns=1024),
    Kept(columns=768),
    Kept(heads=8),
    Kept(heads=6),
    Kept(layers=4, heads=8, columns=1024),
)


def main() -> None:
    torch.set_num_threads(1)
    sessions: list[Session] = []
    sizes: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        for number, kept in enumerate(VERSIONS):
            graph = Path(scratch) / f"{number}.onnx"
            export(_model(kept), Path(scratch) / "float32.onnx", graph, sentences=_sentences())
            sizes.append(graph.stat().st_size / 1e6)
            sessions.append(Session(graph))
    ids = np.arange(1000, 1000 + POSITIONS, dtype=np.int64)[None]
    batch = Batch(ids, np.ones_like(ids), np.zeros_like(ids))
    took: list[list[float]] = [[] for _ in sessions]
    for _ in range(ROUNDS):
        for number, session in enumerate(sessions):
            took[number].append(_least(session, batch))
    print("| layers | heads | columns | MB | ms |\n|---|---|---|---|---|")
    for kept, size, times in zip(VERSIONS, sizes, took, strict=True):
        row = (kept.layers or 6, kept.heads or 12, kept.columns or 1536)
        print("|", " | ".join(map(str, row)), f"| {size:.1f} | {min(times):.2f} |")


def _model(kept: Kept) -> JointModel:
    torch.manual_seed(0)
    encoder = load_encoder(ENCODER, 128)
    if kept.layers:
        keep_layers(encoder, kept.layers)
    model = JointModel(encoder, INTENTS, TAGS).eval()

    def losses() -> Iterator[torch.Tensor]:
        ids = torch.tensor([tokens.ids for tokens in _sentences(long=POSITIONS)])
        outputs = model(ids, torch.ones_like(ids))
        yield outputs.intent_logits.square().sum() + outputs.tag_logits.square().sum()

    keep_parts(encoder, losses, heads=kept.heads, columns=kept.columns)
    return model


def _sentences(*, long: int = 0) -> list[Tokens]:
    rng = np.random.default_rng(0)
    sizes = [long or int(rng.integers(4, 24)) for _ in range(16)]
    texts = [[101, *rng.integers(1000, 20000, size - 2).tolist(), 102] for size in sizes]
    return [Tokens(ids, (), ()) for ids in texts]


def _least(session: Session, batch: Batch) -> float:
    times = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        session.run(batch)
        times.append(time.perf_counter() - begun)
    return min(times) * 1000


if __name__ == "__main__":
    main()
