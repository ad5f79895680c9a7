"""What every training run does with a batch and its loss: devices, precision, steps, mishaps.

On several devices each process reads its share of every batch (``training.team``). What does not
fit into a device's memory is read in parts, whose gradients are added up. A run that was killed
goes on from its checkpoint (``training.checkpoint``) as if nothing had been.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from torch import nn

from bot.errors import ParleyError
from training.checkpoint import Checkpoint, Place, Saved
from training.step import Step
from training.team import ALONE, Team

READ_EVERY = 10  # steps after which a GPU is asked for its losses: asking makes it wait


class TrainingError(ParleyError):
    """A run cannot go on, or would only spoil the model."""

    reason = "TrainingFailed"


class Numbers(Protocol):
    """What a recipe says about steps."""

    @property
    def warmup(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def clip_norm(self) -> float: ...


class Rows(Protocol):
    """A batch: a dataclass whose tensors have a row for each example; other fields are kept."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


B = TypeVar("B", bound=Rows)


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters with a learning rate of their own."""

    parameters: Sequence[nn.Parameter]
    rate: float


class Loop:
    """Takes a model through ``total`` steps.

    Args:
        rng: What the batches of an epoch are drawn by; None where they are drawn by nothing.
        accumulate: Parts that a batch is read in from the start.
        checkpoint: Where to go on from, and where to write how far the run is.
        kept: Other modules and tensors that change during the run, by name: an average of the
            weights, say. They are written and read with the model.
        decay: How the rates fall; see ``ramp``.
        within: Whether a checkpoint may be written within an epoch. It may where an epoch's
            batches depend on ``rng`` alone, not on what the model was when it began.
    """

    def __init__(
        self,
        model: nn.Module,
        groups: Sequence[Group],
        numbers: Numbers,
        *,
        total: int,
        watch: Callable[[Step], None] = lambda step: None,
        report: Callable[[str], None] = lambda line: None,
        rng: random.Random | None = None,
        accumulate: int = 1,
        team: Team = ALONE,
        checkpoint: Checkpoint | None = None,
        kept: Mapping[str, nn.Module] | None = None,
        decay: str = "linear",
        within: bool = False,
    ) -> None:
        self.model, self.total, self.done = model, total, 0
        self._numbers, self._watch, self._report = numbers, watch, report
        self._rng = rng or random.Random(0)
        self._parts, self._team, self._within = accumulate, team, within
        self._decay = decay
        self._checkpoint, self._kept = checkpoint, {"model": model, **(kept or {})}
        self._device = next(model.parameters()).device
        self._unread: list[torch.Tensor] = []
        self._place = Place()
        self._optimizer = torch.optim.AdamW(
            [{"params": list(group.parameters), "lr": group.rate} for group in groups],
            betas=(0.9, 0.98),
            weight_decay=numbers.weight_decay,
            fused=True,
        )
        self._rates = [group.rate for group in groups]
        self._saved = self._resume()
        team.alike(model)

    def epochs(self, count: int) -> Iterator[int]:
        """The number of each epoch that is left, of ``count``."""
        first = self._place.epoch
        for epoch in range(first, count):
            if epoch > first or self._place.rng is None:  # else as the checkpoint has it
                self._place = Place(epoch=epoch, rng=self._rng.getstate())
                self._maybe_save()
            yield epoch

    def finish(self, count: int) -> None:
        """Write down that all of ``count`` epochs are done, for a run that is part of a longer."""
        if self._checkpoint and self._team.leads:
            place = Place(epoch=count, rng=self._rng.getstate())
            self._checkpoint.save(place, self.done, self._kept, self._optimizer)

    def left(self, batches: Iterable[B]) -> Iterator[B]:
        """What is left of an epoch's ``batches``."""
        before = self._place.batches
        for index, batch in enumerate(batches):
            if index < before:
                continue
            if index == before and self._saved is not None:
                self._saved.restore_torch()  # drawing the batches may have used it
                self._saved = None
            yield batch

    def step(self, batch: B, loss_of: Callable[[B], torch.Tensor]) -> None:
        """Learn from ``batch``; ``loss_of`` gives the mean loss of the rows it is handed.

        Raises:
            TrainingError: The loss is no number any more, or one row is too much for the device.
        """
        loss = self._gradients(batch, loss_of)
        loss = self._team.add_up(loss, self.model)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self._numbers.clip_norm)
        share = ramp(self.done, self.total, self._numbers.warmup, self._decay)
        for held, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            held["lr"] = rate * share
        self._optimizer.step()
        self.done += 1
        self._place = replace(self._place, batches=self._place.batches + 1)
        # A loss may be a number where its gradient is none.
        self._unread.append(torch.stack([loss, norm.detach().float()]))
        waits = 1 if self._device.type == "cpu" else READ_EVERY
        if self.done % waits == 0 or self.done == self.total:
            self._read()
        if self._within:
            self._maybe_save()

    def _gradients(self, batch: B, loss_of: Callable[[B], torch.Tensor]) -> torch.Tensor:
        """The loss, and with it the gradients, of this process's share of ``batch``."""
        mine, share = self._team.share(rows_of(batch))
        while True:
            self._optimizer.zero_grad(set_to_none=True)
            try:
                return self._in_parts(batch, mine, share, loss_of)
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                shape = "x".join(str(size) for size in _tensors(batch)[0].shape[:2])
            # Outside of the except clause, whose error holds on to what is to be given back.
            self._smaller(len(mine), shape)

    def _in_parts(
        self, batch: B, mine: Sequence[int], share: float, loss_of: Callable[[B], torch.Tensor]
    ) -> torch.Tensor:
        total = torch.zeros((), device=self._device)
        for part in _even(mine, self._parts):
            loss = loss_of(portion(batch, part, self._device)) * (share * len(part) / len(mine))
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return total

    def _smaller(self, rows: int, shape: str) -> None:
        """From now on a batch is read in twice as many parts."""
        self._optimizer.zero_grad(set_to_none=True)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        if self._parts >= rows:
            raise TrainingError(
                f"step {self.done + 1} of {self.total}: the memory of {self._device} does not hold "
                f"even one row of a batch of {shape}. A smaller max_tokens or a smaller encoder "
                "would fit."
            )
        self._parts = min(2 * self._parts, rows)
        self._report(
            f"{self._device} is out of memory at a batch of {shape}: from step {self.done + 1} on "
            f"batches are read in {self._parts} parts, which are added up."
        )

    def _read(self) -> None:
        """Look at the losses since the last look."""
        read, self._unread = torch.stack(self._unread).tolist(), []
        for step, (loss, norm) in enumerate(read, self.done - len(read) + 1):
            if not (abs(loss) < float("inf") and abs(norm) < float("inf")):
                raise TrainingError(self._spoiled(step, loss, norm))
            self._watch(Step(step, self.total, loss))

    def _spoiled(self, step: int, loss: float, norm: float) -> str:
        what = (
            f"the loss is {loss}"
            if abs(loss) >= float("inf") or loss != loss
            else (f"the gradient's length is {norm} at a loss of {loss:.3g}")
        )
        rates = ", ".join(f"{rate:.2g}" for rate in self._rates)
        return (
            f"step {step} of {self.total}, epoch {self._place.epoch + 1}: {what}, so training "
            f"stopped and nothing is published. Learning rates at most: {rates}. Smaller rates, a "
            "longer warmup or a smaller clip_norm help; an encoder with broken weights needs "
            "another copy."
        )

    def _maybe_save(self) -> None:
        if self._checkpoint and self._team.leads and self._checkpoint.due():
            self._checkpoint.save(self._place, self.done, self._kept, self._optimizer)

    def _resume(self) -> Saved | None:
        """Go to where the checkpoint was written; what torch still has to be told of it."""
        saved = self._checkpoint.load() if self._checkpoint else None
        if saved is not None and not saved.fits(self._kept):
            self._report("the checkpoint is of another model; training begins anew.")
            return None
        if saved is None:
            return None
        saved.restore(self._kept, self._optimizer)
        self.done, self._place = saved.done, saved.place
        self._rng.setstate(saved.place.rng)
        self._report(f"going on after step {self.done} of {self.total}")
        if saved.place.batches:
            return saved
        saved.restore_torch()
        return None


def rows_of(batch: Rows) -> int:
    """How many rows ``batch`` has."""
    return len(_tensors(batch)[0])


def portion(batch: B, rows: Sequence[int], device: torch.device) -> B:
    """These rows of ``batch``, on ``device``."""
    chosen = torch.tensor(rows)
    whole = list(rows) == list(range(rows_of(batch)))
    changes = {}
    for field in fields(batch):
        value = getattr(batch, field.name)
        if isinstance(value, torch.Tensor):
            some = value if whole else value[chosen.to(value.device)]
            changes[field.name] = some.to(device, non_blocking=True)
    return replace(batch, **changes)


def out_of_memory(error: RuntimeError) -> bool:
    """Whether this is a device's way to say that its memory is full."""
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error)


def ramp(step: int, total: int, warmup: float, decay: str = "linear") -> float:
    """The share of the learning rate at ``step``: up in a line, then down to 0 in a line, or as
    half a wave of a cosine (Loshchilov and Hutter 2017, arXiv 1608.03983, without restarts)."""
    rising = max(1, round(total * warmup))
    left = max(total - step, 0) / max(total - rising, 1)
    if decay == "cosine":
        left = 0.5 - 0.5 * math.cos(math.pi * min(left, 1.0))
    return min((step + 1) / rising, left, 1.0)


def pick_device() -> torch.device:
    """The GPU if there is one; of several processes on a machine, each its own."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")


def half_precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 where the processor multiplies it faster than float32."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported()
    else:
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.autocast(device.type, torch.bfloat16) if fast else nullcontext()


def _tensors(batch: Rows) -> list[torch.Tensor]:
    values = (getattr(batch, field.name) for field in fields(batch))
    return [value for value in values if isinstance(value, torch.Tensor)]


def _even(rows: Sequence[int], parts: int) -> Iterator[Sequence[int]]:
    """``rows`` in at most ``parts`` runs of about one length."""
    size = -(-len(rows) // parts)
    for begin in range(0, len(rows), max(size, 1)):
        yield rows[begin : begin + size]
