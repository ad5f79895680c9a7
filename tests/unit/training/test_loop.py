"""What a training run does when all goes well, and when it does not."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

from training.checkpoint import Checkpoint
from training.loop import Group, Loop, TrainingError, portion, rows_of
from training.step import Step

pytestmark = pytest.mark.torch


@dataclass(frozen=True, slots=True)
class Points:
    """Rows of a toy."""

    x: torch.Tensor  # (B, 4)
    y: torch.Tensor  # (B,)
    note: str = "kept"


@dataclass(frozen=True, slots=True)
class Numbers:
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip_norm: float = 1.0


class Toy:
    """A regression, its data and its loop; ``spoil`` maps a step to what becomes of its loss."""

    def __init__(self, *, epochs: int = 4, dropout: float = 0.5, **options: object) -> None:
        torch.manual_seed(1)
        self.rng, self.epochs = random.Random(2), epochs
        self.x, self.y = torch.randn(24, 4), torch.randn(24)
        self.model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(dropout), nn.Linear(8, 1))
        self.steps: list[Step] = []
        self.lines: list[str] = []
        self.seen: list[int] = []
        self.loop = Loop(
            self.model,
            [Group(list(self.model.parameters()), 0.05)],
            Numbers(),
            total=epochs * 4,
            watch=self.steps.append,
            report=self.lines.append,
            rng=self.rng,
            **options,  # type: ignore[arg-type]
        )

    def batches(self) -> Iterator[Points]:
        order = self.rng.sample(range(24), 24)
        for begin in range(0, 24, 6):
            rows = order[begin : begin + 6]
            yield Points(self.x[rows], self.y[rows])

    def loss(self, part: Points) -> torch.Tensor:
        self.seen.append(len(part.x))
        return (self.model(part.x).squeeze(1) - part.y).square().mean()

    def run(self, *, stop_after: int | None = None) -> dict[str, torch.Tensor]:
        for _ in self.loop.epochs(self.epochs):
            for batch in self.loop.left(self.batches()):
                self.loop.step(batch, self.loss)
                if self.loop.done == stop_after:
                    return {}
        return self.model.state_dict()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_steps_are_counted_and_told():
    toy = Toy()
    toy.run()
    assert [step.done for step in toy.steps] == list(range(1, 17))
    assert toy.steps[0].total == 16


@pytest.mark.parametrize(("within", "stop_after"), [(False, 9), (True, 10), (True, 8), (True, 1)])
def test_a_run_that_was_killed_and_resumed_gives_the_same_weights(
    tmp_path: Path, within: bool, stop_after: int
):
    file = tmp_path / "run" / "checkpoint.safetensors"
    straight = Toy().run()

    Toy(checkpoint=Checkpoint(file, "k", every_s=0), within=within).run(stop_after=stop_after)
    resumed = Toy(checkpoint=Checkpoint(file, "k", every_s=0), within=within)
    weights = resumed.run()

    assert same(straight, weights)
    begun = stop_after if within else stop_after // 4 * 4
    assert resumed.steps[0].done == begun + 1
    assert resumed.lines == [f"going on after step {begun} of 16"]


def test_a_checkpoint_of_another_run_is_passed_over_and_told(tmp_path: Path):
    file = tmp_path / "checkpoint.safetensors"
    Toy(checkpoint=Checkpoint(file, "one", every_s=0)).run()
    lines: list[str] = []
    again = Toy(checkpoint=Checkpoint(file, "other", every_s=0, report=lines.append))
    weights = again.run()
    assert same(Toy().run(), weights)
    assert "is of another run" in lines[0]


def test_a_checkpoint_of_another_model_is_passed_over_and_told(tmp_path: Path):
    file = tmp_path / "checkpoint.safetensors"
    Toy(checkpoint=Checkpoint(file, "k", every_s=0)).run()
    average = nn.Linear(2, 2)
    toy = Toy(checkpoint=Checkpoint(file, "k"), kept={"average": average})
    assert toy.loop.done == 0
    assert toy.lines == ["the checkpoint is of another model; training begins anew."]


@pytest.mark.parametrize("content", [b"", b"no safetensors", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_checkpoint_that_is_damaged_is_passed_over_and_told(tmp_path: Path, content: bytes):
    file = tmp_path / "checkpoint.safetensors"
    file.write_bytes(content)
    lines: list[str] = []
    assert Checkpoint(file, "k", report=lines.append).load() is None
    assert "training begins anew" in lines[0]


def test_other_modules_are_kept_in_the_checkpoint_too(tmp_path: Path):
    file = tmp_path / "checkpoint.safetensors"
    average = nn.Linear(2, 2)
    toy = Toy(checkpoint=Checkpoint(file, "k", every_s=0), kept={"average": average})
    toy.run()
    other = nn.Linear(2, 2)
    Toy(checkpoint=Checkpoint(file, "k"), kept={"average": other})
    assert torch.equal(other.weight, average.weight)


def test_a_batch_read_in_parts_gives_the_gradients_of_the_whole():
    whole, parts = Toy(dropout=0.0), Toy(dropout=0.0, accumulate=4)
    one, other = whole.run(), parts.run()
    assert set(parts.seen) == {2}  # six rows in at most four parts
    assert all(torch.allclose(one[name], other[name], atol=1e-5) for name in one)


def test_what_does_not_fit_is_read_in_smaller_parts_and_said():
    toy, straight = Toy(dropout=0.0), Toy(dropout=0.0).run()
    roomy = toy.loss

    def cramped(part: Points) -> torch.Tensor:
        if len(part.x) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return roomy(part)

    toy.loss = cramped  # type: ignore[method-assign]
    weights = toy.run()
    assert all(torch.allclose(straight[name], weights[name], atol=1e-5) for name in weights)
    assert [line.split(": ")[1] for line in toy.lines] == [
        "from step 1 on batches are read in 2 parts, which are added up.",
        "from step 1 on batches are read in 4 parts, which are added up.",
    ]


def test_a_row_that_fits_nowhere_ends_the_run():
    toy = Toy()

    def full(part: Points) -> torch.Tensor:
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes")

    toy.loss = full  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match="does not hold even one row of a batch of 6x4"):
        toy.run()


def test_another_error_is_not_taken_for_a_full_memory():
    toy = Toy()

    def wrong(part: Points) -> torch.Tensor:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    toy.loss = wrong  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="mat1"):
        toy.run()


@pytest.mark.parametrize("factor", ["nan", "inf"])
def test_a_loss_that_is_no_number_stops_the_run_and_says_where(factor: str):
    toy = Toy()
    fine = toy.loss
    toy.loss = lambda part: (
        fine(part)
        * float(  # type: ignore[method-assign]
            factor if toy.loop.done == 5 else "1"
        )
    )
    with pytest.raises(TrainingError, match=rf"step 6 of 16, epoch 2: the loss is {factor}"):
        toy.run()
    assert toy.steps[-1].done == 5


def test_a_gradient_that_is_no_number_stops_the_run():
    toy = Toy()
    # The root's slope at 0 is endless while the root itself is a number.
    toy.loss = lambda part: (toy.model(part.x) * 0).abs().sqrt().sum()  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match="step 1 of 16, epoch 1: the gradient's length is nan"):
        toy.run()


def test_a_portion_keeps_what_has_no_rows():
    batch = Points(torch.arange(12.0).view(3, 4), torch.arange(3.0))
    part = portion(batch, [2, 0], torch.device("cpu"))
    assert part.y.tolist() == [2, 0]
    assert part.note == "kept"
    assert (rows_of(batch), rows_of(part)) == (3, 2)


def test_a_checkpoint_holds_no_code(tmp_path: Path):
    file = tmp_path / "checkpoint.safetensors"
    Toy(checkpoint=Checkpoint(file, "k", every_s=0)).run()
    content = file.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert json.loads(header["__metadata__"]["run"])["key"] == "k"
    assert "model/0.weight" in header
