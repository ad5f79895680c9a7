"""Every state that can be reached, by breadth: the shortest way to what must never be."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)


@dataclass(frozen=True)
class Found(Generic[S]):
    """What a search saw: how many states, how many of them final, and what went wrong first.

    ``steps`` lead from the beginning to ``wrong``; both are empty where nothing did.
    """

    states: int
    finals: int
    wrong: str = ""
    steps: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = [self.wrong or "nothing went wrong", *self.steps]
        return f"{self.states} states, {self.finals} final: " + "\n  ".join(told)


def search(
    start: S,
    steps: Callable[[S], Iterable[tuple[str, S]]],
    *,
    wrong: Callable[[S], str],
    wrong_at_the_end: Callable[[S], str],
) -> Found[S]:
    """Look at every state that ``steps`` lead to from ``start``.

    A state that leads nowhere is final. Wrong is what ``wrong`` says of a state, or
    ``wrong_at_the_end`` of a final one, and a state from which no final one can be reached.
    """
    came: dict[S, tuple[S, str] | None] = {start: None}
    before: dict[S, list[S]] = {}
    finals: list[S] = []
    left = deque([start])
    while left:
        state = left.popleft()
        if told := wrong(state):
            return Found(len(came), len(finals), told, _way(came, state))
        is_final = True
        for step, after in steps(state):
            if after == state:
                continue
            is_final = False
            before.setdefault(after, []).append(state)
            if after not in came:
                came[after] = (state, step)
                left.append(after)
        if is_final:
            finals.append(state)
            if told := wrong_at_the_end(state):
                return Found(len(came), len(finals), told, _way(came, state))
    if stuck := came.keys() - _reaching(finals, before):
        first = next(state for state in came if state in stuck)
        return Found(len(came), len(finals), "this never ends", _way(came, first))
    return Found(len(came), len(finals))


def _reaching(finals: Iterable[S], before: dict[S, list[S]]) -> set[S]:
    """The states from which one of ``finals`` can be reached."""
    reaching = set(finals)
    left = list(reaching)
    while left:
        for state in before.get(left.pop(), ()):
            if state not in reaching:
                reaching.add(state)
                left.append(state)
    return reaching


def _way(came: dict[S, tuple[S, str] | None], state: S) -> tuple[str, ...]:
    steps: list[str] = []
    while (last := came[state]) is not None:
        state, step = last
        steps.append(step)
    return tuple(reversed(steps))
