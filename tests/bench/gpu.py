"""Training speed: tokens a second, and the share of the device's arithmetic they take.

    python tests/bench/gpu.py [--out NAME] [--tiny]

Measures the training loop beside a plain Hugging Face Trainer, in one process, on the same random
sentences: the default encoder and one of BERT-base's size, in bfloat16 on a GPU. Only real tokens
count, not padding. ``--tiny`` is a smoke test for any machine. ``--out`` writes NAME.json and
NAME.md.

Share of the arithmetic = tokens/s x F / peak, with F = 3 L (2 (4 H^2 + 2 H I) + 4 s H) operations
for a token of a sentence of s (forward, and twice as much backward), and the peak that the device's
makers state for dense bfloat16, or that of a large product measured here where it is not known.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import (
    AutoModel,
    BertConfig,
    BertModel,
    PreTrainedModel,
    Trainer,
    TrainerCallback,
)
from transformers import TrainingArguments as Arguments

from training.dataset import Row, batches, collate
from training.encoders import find_encoder
from training.loop import Group, Loop, half_precision, pick_device
from training.model import JointModel

INTENTS, TAGS = 150, 41
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L4": 121e12, "4090": 165e12}
MODES = ("", "default", "reduce-overhead")  # of torch.compile; "" runs as written
BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12}
SMALL = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
         "intermediate_size": 64}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """What is trained: ``lengths`` is the range of the sentences' tokens."""

    name: str
    encoder: Callable[[], PreTrainedModel]
    lengths: tuple[int, int]
    batch: int
    steps: int


@dataclass(frozen=True)
class Numbers:
    """Of the loop; both ways take the same."""

    warmup: float = 0.06
    weight_decay: float = 0.01
    clip_norm: float = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="seconds on any machine")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    device = pick_device()
    peak, stated = peak_of(device, tiny=asked.tiny)
    report = {"about": about(device, peak, stated), "rows": []}
    for job in jobs(tiny=asked.tiny):
        for way, run in ways(device, tiny=asked.tiny):
            report["rows"].append(measure(job, way, run, device, peak))
            print(json.dumps(report["rows"][-1]), flush=True)
    print(json.dumps(report["about"]))
    print(table(report))
    if asked.out:
        asked.out.with_suffix(".json").write_text(json.dumps(report, indent=1))
        asked.out.with_suffix(".md").write_text(table(report))


def jobs(*, tiny: bool) -> list[Job]:
    """Short sentences as chatbots get them, and long ones."""
    if tiny:
        return [Job("tiny", lambda: BertModel(BertConfig(vocab_size=999, **SMALL)), (4, 12), 4, 4)]
    return [
        Job("MiniLM-L6-H384", minilm, (8, 32), 256, 200),
        Job("MiniLM-L6-H384", minilm, (64, 128), 256, 100),
        Job("BERT-base", lambda: BertModel(BertConfig(**BASE)), (8, 32), 256, 100),
        Job("BERT-base", lambda: BertModel(BertConfig(**BASE)), (64, 128), 256, 60),
    ]


def minilm() -> PreTrainedModel:
    """The default encoder."""
    return AutoModel.from_pretrained(find_encoder("all-MiniLM-L6-v2"), dtype="float32")


Way = Callable[[JointModel, Sequence[Row], Job], tuple[int, float]]
"""Trains, and gives the real tokens and the seconds of the second half of the steps; the first half
warms up and compiles."""


def ways(device: torch.device, *, tiny: bool) -> list[tuple[str, Way]]:
    """What is compared."""
    modes = MODES if device.type == "cuda" and not tiny else MODES[:1]
    ours = [(f"loop, compile={mode!r}" if mode else "loop", _ours(mode)) for mode in modes]
    if find_spec("accelerate") is None:
        print("Trainer: skipped, it needs the package accelerate (dependency group bench)")
        return ours
    return [*ours, ("Trainer", _trainer)]


def measure(job: Job, way: str, run: Way, device: torch.device, peak: float) -> dict[str, Any]:
    """A row of the table."""
    torch.manual_seed(0)
    rows = sentences(job)
    model = JointModel(job.encoder(), INTENTS, TAGS, dropout=0.1).to(device).train()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    tokens, seconds = run(model, rows, job)
    length = sum(len(row.ids) ** 2 for row in rows) / sum(len(row.ids) for row in rows)
    work = flops(model.encoder.config, length)
    memory = torch.cuda.max_memory_allocated() / 1e9 if device.type == "cuda" else None
    del model
    gc.collect()
    return {
        "encoder": job.name, "lengths": job.lengths, "batch": job.batch, "way": way,
        "tokens_per_s": round(tokens / seconds),
        "utilisation": round(tokens / seconds * work / peak, 4),
        "ms_per_step": round(1000 * seconds / (job.steps // 2), 2),
        "memory_gb": memory and round(memory, 2),
    }  # fmt: skip


def sentences(job: Job) -> list[Row]:
    """As many as the steps need, of random words."""
    rng = random.Random(0)
    size = job.encoder().config.vocab_size
    found = []
    for _ in range(job.batch * job.steps):
        length = rng.randint(*job.lengths)
        ids = [rng.randrange(5, size) for _ in range(length)]
        tags = [rng.randrange(TAGS) for _ in range(length)]
        found.append(Row(ids, rng.randrange(INTENTS), tags))
    return found


def _ours(mode: str) -> Way:
    def run(model: JointModel, rows: Sequence[Row], job: Job) -> tuple[int, float]:
        if mode:
            torch._dynamo.reset()
            model.encoder.compile(mode=mode, dynamic=True)
        device = next(model.parameters()).device
        loop = Loop(model, [Group(list(model.parameters()), 1e-4)], Numbers(), total=job.steps)
        tokens, begun = 0, 0.0
        for step, batch in enumerate(batches(rows, job.batch, 0, random.Random(0))):
            if step == job.steps // 2:
                _wait(device)
                tokens, begun = 0, time.perf_counter()
            tokens += int(batch.mask.sum())
            loop.step(
                batch, lambda part: _loss(model, part.ids, part.mask, part.intents, part.tags)
            )
        _wait(device)
        return tokens, time.perf_counter() - begun

    return run


class Plain(torch.nn.Module):
    """The model as the Trainer wants it: it gives its own loss."""

    def __init__(self, model: JointModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor, intents: torch.Tensor, tags: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        return {"loss": _loss(self.model, ids, mask, intents, tags)}


class Rows(Dataset[Row]):
    """Sentences as the Trainer wants them."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Row:
        return self._rows[index]


class Clock(TrainerCallback):
    """When the second half of the steps began."""

    def __init__(self, half: int, device: torch.device) -> None:
        self._half, self._device, self.begun = half, device, 0.0

    def on_step_begin(self, arguments: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self._half:
            _wait(self._device)
            self.begun = time.perf_counter()


def _trainer(model: JointModel, rows: Sequence[Row], job: Job) -> tuple[int, float]:
    """Hugging Face's, as its examples set it up: batches by chance, padded to the longest."""
    device = next(model.parameters()).device
    clock = Clock(job.steps // 2, device)
    with tempfile.TemporaryDirectory() as folder:
        Trainer(
            model=Plain(model),
            args=Arguments(
                output_dir=folder, max_steps=job.steps, per_device_train_batch_size=job.batch,
                learning_rate=1e-4, bf16=device.type == "cuda", report_to=[], save_strategy="no",
                logging_strategy="no", remove_unused_columns=False, disable_tqdm=True,
                use_cpu=device.type == "cpu", dataloader_pin_memory=device.type == "cuda",
            ),
            train_dataset=Rows(rows),
            data_collator=_collated,
            callbacks=[clock],
        ).train()  # fmt: skip
    _wait(device)
    seconds = time.perf_counter() - clock.begun
    # Every sentence is read once, so half of the steps read about half of the tokens.
    share = (job.steps - job.steps // 2) / job.steps
    return round(share * sum(len(row.ids) for row in rows)), seconds


def _collated(group: Sequence[Row]) -> dict[str, torch.Tensor]:
    batch = collate(group, 0)
    return {"ids": batch.ids, "mask": batch.mask, "intents": batch.intents, "tags": batch.tags}


def _loss(
    model: JointModel,
    ids: torch.Tensor,
    mask: torch.Tensor,
    intents: torch.Tensor,
    tags: torch.Tensor,
) -> torch.Tensor:
    with half_precision(ids.device):
        said = model(ids, mask)
    one = torch.nn.functional.cross_entropy(said.intent_logits.float(), intents)
    other = torch.nn.functional.cross_entropy(said.tag_logits.float().flatten(0, 1), tags.flatten())
    return one + other


def flops(config: Any, length: float) -> float:
    """Operations to train on one token of a sentence of ``length``."""
    layers, hidden, wide = config.num_hidden_layers, config.hidden_size, config.intermediate_size
    return 3 * layers * (2 * (4 * hidden**2 + 2 * hidden * wide) + 4 * length * hidden)


def peak_of(device: torch.device, *, tiny: bool) -> tuple[float, bool]:
    """Operations a second in bfloat16, and whether the makers state it or it was measured here."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        for part, peak in PEAKS.items():
            if part in name:
                return peak, True
    size = 8192 if device.type == "cuda" else 256 if tiny else 1024
    one = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    for _ in range(3):
        one @ one
    _wait(device)
    begun = time.perf_counter()
    for _ in range(10):
        one @ one
    _wait(device)
    return 10 * 2 * size**3 / (time.perf_counter() - begun), False


def about(device: torch.device, peak: float, stated: bool) -> dict[str, Any]:
    """The device and the versions."""
    cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if cuda else platform.processor() or "cpu",
        "peak_tflops": round(peak / 1e12, 2), "peak": "stated" if stated else "measured",
        "torch": torch.__version__, "cuda": torch.version.cuda if cuda else None,
        "transformers": version("transformers"), "python": platform.python_version(),
    }  # fmt: skip


def table(report: dict[str, Any]) -> str:
    """The rows, for RESULTS.md."""
    facts = report["about"]
    lines = [
        f"{facts['device']}, torch {facts['torch']}, transformers {facts['transformers']}; peak "
        f"{facts['peak_tflops']} TFLOP/s ({facts['peak']})",
        "",
        "| encoder | tokens of a sentence | batch | way | tokens/s | of the peak | ms a step |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['encoder']} | {row['lengths'][0]}-{row['lengths'][1]} | {row['batch']} | "
        f"{row['way']} | {row['tokens_per_s']:,} | {row['utilisation']:.1%} | "
        f"{row['ms_per_step']} |"
        for row in report["rows"]
    ]
    return "\n".join(lines) + "\n"


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
