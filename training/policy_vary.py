"""What users do that no story tells: windows of a batch, varied at random."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from bot.dialogue.learned import ANY_INTENT, SCALE, VECTOR, WORDS
from bot.dialogue.states import LISTEN
from training.policy_data import Names, Seen, Window
from training.policy_recipe import PolicyRecipe
from training.policy_texts import Texts


@dataclass(frozen=True, slots=True)
class Table:
    """Windows as tensors, right-aligned: N of them, T states, C columns, A actions."""

    states: torch.Tensor  # (N, T, C)
    mask: torch.Tensor  # (N, T), true where there is a state
    targets: torch.Tensor  # (N, A), shares of what should come next

    def pick(self, rows: torch.Tensor) -> Table:
        return Table(self.states[rows], self.mask[rows], self.targets[rows])


def table(
    windows: Mapping[Window, int], names: Names, max_history: int, texts: Texts | None = None
) -> Table:
    """``windows`` as tensors, a row for each; ``texts`` are what users' words are about.

    Where stories go on differently after the same states, each of them has the shares of all.
    """
    columns = {name: number for number, name in enumerate(names.columns)}
    vector = columns.get(VECTOR, 0)
    actions = {name: number for number, name in enumerate(names.actions)}
    told: dict[tuple[Seen, ...], torch.Tensor] = defaultdict(lambda: torch.zeros(len(actions)))
    for window, often in windows.items():
        if window.action in actions:
            told[window.states][actions[window.action]] += often
    states = torch.zeros(len(windows), max_history, len(columns))
    mask = torch.zeros(len(windows), max_history, dtype=torch.bool)
    targets = torch.zeros(len(windows), len(actions))
    for row, window in enumerate(windows):
        first = max_history - len(window.states)
        mask[row, first:] = True
        for place, seen in enumerate(window.states, first):
            for name, value in seen:
                if name.startswith(WORDS) and texts is not None:
                    states[row, place, vector:] = SCALE * texts.told[name.removeprefix(WORDS)]
                elif name in columns:
                    states[row, place, columns[name]] = value
        shares = told[window.states]
        targets[row] = shares / shares.sum().clamp(min=1)
    return Table(states, mask, targets)


class Varied:
    """Draws windows of ``whole`` and varies them, by the shares of ``recipe``.

    - detour: what was before the user's last words is another window's past; stories are
      followed from wherever a user comes, as far as the last words tell
    - forget: only the last few states are there
    - any intent: of an intent nothing is seen but that there is one, as of an intent no story
      tells of; what follows is what usually follows here
    - bare: no entity was named; the same follows, as the intent is the same
    - unknown: nothing is seen of the last words; nothing should follow, so every action is as
      likely, and the fallback's turn comes
    - in loop: whatever is said while a loop is active, the loop takes it
    - other words: what a story tells word by word was said in other words; or, of half of what is
      not understood, the words are some that tell an intent and no story
    """

    def __init__(
        self,
        whole: Table,
        names: Names,
        recipe: PolicyRecipe,
        generator: torch.Generator,
        texts: Texts | None = None,
    ) -> None:
        self._whole = whole
        self._recipe = recipe
        self._generator = generator
        self._listen = names.columns.index(f"action {LISTEN}")
        self._any = names.columns.index(ANY_INTENT)
        self._intents = _starting(names, "intent ")
        self._entities = _starting(names, "entity ")
        self._words = _starting(names, WORDS)
        self._others = None if texts is None else texts.others
        loops = [name for name in names.columns if name.startswith("loop ")]
        loops = [name for name in loops if name.removeprefix("loop ") in names.actions]
        self._loops = torch.tensor([names.columns.index(name) for name in loops], dtype=torch.long)
        takes = [names.actions.index(name.removeprefix("loop ")) for name in loops]
        self._takes = torch.eye(len(names.actions))[takes]
        self._heard = (whole.states[:, -1, self._listen] > 0).nonzero()[:, 0]
        anything = torch.ones(len(names.actions))
        anything[names.actions.index(LISTEN)] = 0  # listening on would be an answer too
        self._anything = anything / anything.sum()

    def draw(self, rows: torch.Tensor) -> Table:
        """The windows ``rows``, varied."""
        batch = self._whole.pick(rows)
        batch = self._take_detours(batch)
        batch = self._forget(batch)
        self._blur_intents(batch.states)
        self._leave_entities_out(batch.states)
        self._leave_to_loops(batch)
        self._say_otherwise(batch.states)
        self._misunderstand(batch)
        return batch

    def _take_detours(self, batch: Table) -> Table:
        rows, length = batch.mask.shape
        places = torch.arange(length)
        heard = batch.states[:, :, self._listen] > 0
        latest = (heard * (places + 1)).amax(1) - 1  # where the user spoke last; -1: never
        chosen = self._chance((rows,), self._recipe.detour) & (latest > 0)
        if not chosen.any() or not len(self._heard):
            return batch
        other = self._whole.pick(self._heard[self._whole_number(len(self._heard), (rows,))])
        source = places - latest[:, None] + length - 1  # both users' last words at one place
        within = source.clamp(0, length - 1)
        row = torch.arange(rows)[:, None]
        past = chosen[:, None] & (places < latest[:, None])
        there = other.mask[row, within] & (source >= 0)
        states = other.states[row, within] * there[..., None]
        return Table(
            torch.where(past[..., None], states, batch.states),
            torch.where(past, there, batch.mask),
            batch.targets,
        )

    def _forget(self, batch: Table) -> Table:
        rows, length = batch.mask.shape
        kept = 1 + self._whole_number(length, (rows,))
        kept = torch.where(self._chance((rows,), self._recipe.forget), kept, length)
        mask = batch.mask & (torch.arange(length) >= length - kept[:, None])
        return Table(batch.states.clone(), mask, batch.targets.clone())

    def _blur_intents(self, states: torch.Tensor) -> None:
        blurred = self._chance(states.shape[:2], self._recipe.any_intent)
        states[:, :, self._intents] *= ~blurred[..., None]

    def _leave_entities_out(self, states: torch.Tensor) -> None:
        if not len(self._entities):
            return
        bare = self._chance((len(states),), self._recipe.bare)
        states[:, :, self._entities] *= ~bare[:, None, None]

    def _leave_to_loops(self, batch: Table) -> None:
        if not len(self._loops):
            return
        latest = batch.states[:, -1]
        active = latest[:, self._loops].amax(1) > 0
        chosen = self._chance(active.shape, self._recipe.in_loop)
        chosen &= active & (latest[:, self._listen] > 0)
        self._silence(batch, chosen)
        said = self._whole_number(len(self._intents) + 2, chosen.shape)  # two: any, or nothing
        told = chosen & (said < len(self._intents) + 1)
        batch.states[told, -1, self._any] = 1
        named = chosen & (said < len(self._intents))
        batch.states[named, -1, self._intents[said[named]]] = 1
        batch.targets[chosen] = self._takes[latest[chosen][:, self._loops].argmax(1)]

    def _misunderstand(self, batch: Table) -> None:
        heard = batch.states[:, -1, self._listen] > 0
        chosen = heard & self._chance(heard.shape, self._recipe.unknown)
        self._silence(batch, chosen)
        batch.targets[chosen] = self._anything
        if self._others is not None and len(self._others):
            other = chosen & self._chance(chosen.shape, 0.5)
            which = self._whole_number(len(self._others), (int(other.sum()),))
            batch.states[other.nonzero(), -1, self._words] = SCALE * self._others[which]

    def _say_otherwise(self, states: torch.Tensor) -> None:
        """Each vector of words turned aside, as far as another wording may be from the told one."""
        if not len(self._words):
            return
        told = states[:, :, self._words]
        aside = torch.randn(told.shape, generator=self._generator)
        aside = SCALE * aside / aside.norm(dim=2, keepdim=True)
        share = torch.rand((*told.shape[:2], 1), generator=self._generator) * self._recipe.otherwise
        mixed = (1 - share) * told + share * aside
        mixed = SCALE * mixed / mixed.norm(dim=2, keepdim=True)
        spoken = told.norm(dim=2, keepdim=True) > 0
        states[:, :, self._words] = torch.where(spoken, mixed, told)

    def _silence(self, batch: Table, chosen: torch.Tensor) -> None:
        said = (self._intents, self._entities, self._words, torch.tensor([self._any]))
        for columns in said:
            batch.states[chosen.nonzero(), -1, columns] = 0

    def _chance(self, shape: tuple[int, ...] | torch.Size, share: float) -> torch.Tensor:
        return torch.rand(shape, generator=self._generator) < share

    def _whole_number(self, below: int, shape: tuple[int, ...] | torch.Size) -> torch.Tensor:
        return torch.randint(below, shape, generator=self._generator)


def _starting(names: Names, prefix: str) -> torch.Tensor:
    found = [number for number, name in enumerate(names.columns) if name.startswith(prefix)]
    return torch.tensor(found, dtype=torch.long)
