"""How a policy model is trained, from stories to floors; read from top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from bot.dialogue.domain import Domain
from bot.dialogue.learned import WORDS
from bot.dialogue.stories import Story
from training.policy_data import Names, Window, answers, conversations, windows
from training.policy_model import PolicyNet
from training.policy_recipe import PolicyRecipe
from training.policy_texts import Texts
from training.policy_vary import Table, Varied, table
from training.step import Step


@dataclass(frozen=True, slots=True)
class TrainedPolicy:
    """A model on the CPU, and what is behind its inputs and outputs."""

    net: PolicyNet
    names: Names
    floors: tuple[float, ...]
    answers: dict[str, tuple[str, ...]]
    windows: int


def train_policy(
    stories: Sequence[Story],
    domain: Domain,
    recipe: PolicyRecipe,
    *,
    texts: Texts | None = None,
    tolerance: float = 0.0,
    watch: Callable[[Step], None] = lambda step: None,
) -> TrainedPolicy:
    """Train on ``stories``.

    Args:
        texts: What the words are about that ``stories`` tell; None to see nothing of them.
        tolerance: So large a share of the contexts in which stories do not tell an intent may
            pass for likely; 0 to be as strict as the stories allow.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small are the products that sharing one takes longer
    try:
        return _train(stories, domain, recipe, texts, tolerance, watch)
    finally:
        torch.set_num_threads(threads)


def _train(
    stories: Sequence[Story],
    domain: Domain,
    recipe: PolicyRecipe,
    texts: Texts | None,
    tolerance: float,
    watch: Callable[[Step], None],
) -> TrainedPolicy:
    torch.manual_seed(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    told = conversations(stories, domain, augmentation=recipe.augmentation, seed=recipe.seed)
    found = windows(told, domain, recipe.max_history)
    names = Names.of(found, domain, words=0 if texts is None else texts.width)
    whole = table(found, names, recipe.max_history, texts)
    contexts = contexts_of(found, whole, names)
    varied = Varied(whole, names, recipe, generator, texts)

    net = PolicyNet(
        len(names.columns),
        len(names.actions),
        len(names.intents),
        recipe.max_history,
        width=recipe.width,
        heads=recipe.heads,
        dropout=recipe.dropout,
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=recipe.rate)
    matrices = [value for value in net.parameters() if value.ndim == 2]
    batches = _batches(len(found), recipe)
    net.train()
    for done, rows in enumerate(_rows(batches, len(found), generator), 1):
        batch = varied.draw(rows)
        actions, _ = net(batch.states, batch.mask)
        loss = cross_entropy(actions, batch.targets)
        some = torch.randint(len(contexts.states), (len(rows),), generator=generator)
        loss = loss + recipe.intent_weight * intent_loss(net, contexts.pick(some))
        small = sum((value.square().sum() for value in matrices), torch.zeros(()))
        optimizer.zero_grad(set_to_none=True)
        (loss + recipe.weight_decay * small).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        watch(Step(done, len(batches), loss.item()))
    net.eval()
    return TrainedPolicy(net, names, floors(net, contexts, tolerance), answers(found), len(found))


def _batches(count: int, recipe: PolicyRecipe) -> list[int]:
    """The size of every batch of the run; they grow from epoch to epoch."""
    sizes: list[int] = []
    for epoch in range(recipe.epochs):
        grown = epoch / max(recipe.epochs - 1, 1)
        size = round(recipe.batch_size + grown * (recipe.last_batch_size - recipe.batch_size))
        sizes += [size] * max(-(-count // size), recipe.fewest_batches)
    return sizes


def _rows(sizes: Sequence[int], count: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """The rows of every batch: all of them in a new order, again and again."""
    order = torch.empty(0, dtype=torch.long)
    for size in sizes:
        while len(order) < size:
            order = torch.cat([order, torch.randperm(count, generator=generator)])
        yield order[:size]
        order = order[size:]


def contexts_of(found: Iterable[Window], whole: Table, names: Names) -> Table:
    """Where users spoke, as it was before they did, with all the intents told there as targets."""
    intents = {name: number for number, name in enumerate(names.intents)}
    ofs = ("intent", "entity", WORDS.strip())
    said = [n for n, name in enumerate(names.columns) if name.split(" ")[0] in ofs]
    rows: dict[tuple[bytes, bytes], int] = {}
    where: list[int] = []
    told: list[tuple[int, int]] = []
    states = whole.states.clone()
    states[:, -1, said] = 0
    for row, window in enumerate(found):
        if window.intent is None:
            continue
        key = (states[row].numpy().tobytes(), whole.mask[row].numpy().tobytes())
        if key not in rows:
            rows[key] = len(where)
            where.append(row)
        told.append((rows[key], intents[window.intent]))
    targets = torch.zeros(len(where), len(intents))
    for row, intent in told:
        targets[row, intent] = 1
    return Table(states[where], whole.mask[where], targets)


def intent_loss(net: PolicyNet, contexts: Table) -> torch.Tensor:
    """How far the intents expected in ``contexts`` are from those told there."""
    _, intents = net(contexts.states, contexts.mask)
    return binary_cross_entropy_with_logits(intents, contexts.targets)


@torch.no_grad()
def floors(net: PolicyNet, contexts: Table, tolerance: float) -> tuple[float, ...]:
    """For each intent the least logit with which it is still likely.

    What it gets in the least of its own contexts; or less, so that ``tolerance`` of the other
    contexts pass.
    """
    _, logits = net(contexts.states, contexts.mask)
    found = []
    for intent in range(logits.shape[1]):
        own = contexts.targets[:, intent] > 0
        least = [logits[own, intent].min()] if own.any() else [torch.tensor(-torch.inf)]
        if tolerance and not own.all():
            least.append(logits[~own, intent].quantile(1 - tolerance))
        found.append(float(torch.stack(least).min()))
    return tuple(found)
