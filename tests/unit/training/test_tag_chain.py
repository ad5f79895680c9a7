from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from nlu.chain import Chain
from training.dataset import IGNORED
from training.tag_chain import TagChain

pytestmark = pytest.mark.torch

TAGS = 5


@pytest.fixture
def chain() -> TagChain:
    torch.manual_seed(0)
    made = TagChain(TAGS)
    torch.nn.init.normal_(made.start)
    torch.nn.init.normal_(made.transitions)
    return made


def surprise(chain: TagChain, emissions: torch.Tensor, tags: list[int]) -> float:
    """The negative log-likelihood, by counting all tags."""
    decoder = Chain.of(chain.start.detach().numpy(), chain.transitions.detach().numpy())

    def score(path: tuple[int, ...]) -> float:
        said = sum(float(emissions[word, tag]) for word, tag in enumerate(path))
        steps = sum(float(decoder.transitions[pair]) for pair in itertools.pairwise(path))
        return float(decoder.start[path[0]]) + said + steps

    every = [score(path) for path in itertools.product(range(TAGS), repeat=len(tags))]
    return float(np.logaddexp.reduce(every)) - score(tuple(tags))


def test_the_loss_is_that_of_the_words_alone(chain: TagChain):
    emissions = torch.randn(2, 5, TAGS)
    tags = torch.tensor([[IGNORED, 1, IGNORED, 2, 0], [IGNORED, 3, IGNORED, IGNORED, IGNORED]])
    first = surprise(chain, emissions[0][[1, 3, 4]], [1, 2, 0])
    second = surprise(chain, emissions[1][[1]], [3])
    assert chain(emissions, tags).item() == pytest.approx((first + second) / 4, abs=1e-4)


def test_texts_without_words_cost_nothing(chain: TagChain):
    emissions = torch.randn(2, 3, TAGS, requires_grad=True)
    loss = chain(emissions, torch.full((2, 3), IGNORED))
    loss.backward()
    assert loss.item() == 0
    assert emissions.grad is not None
    assert torch.isfinite(emissions.grad).all()


def test_it_learns_what_follows_what():
    chain = TagChain(TAGS)
    emissions, tags = torch.zeros(2, 4, TAGS), torch.tensor([[1, 2, 0, 0], [3, 0, 0, 0]])
    optimizer = torch.optim.Adam(chain.parameters(), lr=0.3)
    for _ in range(60):
        optimizer.zero_grad()
        loss = chain(emissions, tags)
        loss.backward()
        optimizer.step()
    decoder = Chain.of(chain.start.detach().numpy(), chain.transitions.detach().numpy())
    for tags_of in ([1, 2, 0, 0], [3, 0, 0, 0]):
        hint = np.zeros((4, TAGS))
        hint[0, tags_of[0]] = 1.0
        assert decoder.best(hint) == tags_of
