from __future__ import annotations

import pytest
import torch
from torch import nn

from training.adamw import AdamW, Group

pytestmark = pytest.mark.torch

RATES, BETAS, DECAY = (0.1, 0.01), (0.9, 0.98), 0.1


def parameters() -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(3, 4, generator=generator)) for _ in RATES]


def groups(own: list[nn.Parameter]) -> list[Group]:
    return [Group([each], rate) for each, rate in zip(own, RATES, strict=True)]


def slope(own: list[nn.Parameter], step: int) -> None:
    for each in own:
        each.grad = torch.sin(each.detach() * (step + 1))


def test_it_steps_as_torch_does():
    ours, theirs = parameters(), parameters()
    own = AdamW(groups(ours), betas=BETAS, weight_decay=DECAY)
    known = torch.optim.AdamW(
        [{"params": [each], "lr": rate} for each, rate in zip(theirs, RATES, strict=True)],
        betas=BETAS,
        weight_decay=DECAY,
    )
    for step in range(5):
        slope(ours, step)
        slope(theirs, step)
        own.step()
        known.step()
    torch.testing.assert_close(ours, theirs)


def test_a_parameter_without_a_gradient_stays_as_it_is():
    moved, still = own = parameters()
    before = [each.detach().clone() for each in own]
    optimizer = AdamW(groups(own), betas=BETAS, weight_decay=DECAY)
    moved.grad = torch.ones_like(moved)
    optimizer.step()
    assert torch.equal(still, before[1])
    assert not torch.equal(moved, before[0])
    assert {name.split("/")[0] for name in optimizer.state()} == {"0"}


def test_half_a_rate_is_half_a_step():
    (whole, _), (half, _) = both = parameters(), parameters()
    before = whole.detach().clone()
    for own, share in zip(both, (1.0, 0.5), strict=True):
        slope(own, 0)
        AdamW(groups(own), betas=BETAS).step(share)
    torch.testing.assert_close(half - before, (whole - before) / 2)


def test_what_it_remembers_goes_on_elsewhere():
    ours, later = parameters(), parameters()
    first = AdamW(groups(ours), betas=BETAS)
    slope(ours, 0)
    first.step()
    second = AdamW(groups(later), betas=BETAS)
    second.restore(first.state())
    for one, other in zip(ours, later, strict=True):
        other.data.copy_(one.data)
    for own, optimizer in ((ours, first), (later, second)):
        slope(own, 1)
        optimizer.step()
    torch.testing.assert_close(ours, later)


def test_forgotten_gradients_move_nothing():
    own = parameters()
    before = [each.detach().clone() for each in own]
    optimizer = AdamW(groups(own), betas=BETAS)
    slope(own, 0)
    optimizer.zero_grad()
    optimizer.step()
    torch.testing.assert_close([each.detach() for each in own], before)
