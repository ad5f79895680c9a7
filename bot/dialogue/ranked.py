"""The response that fits the dialogue best, as a ranker sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.dialogue.domain import Domain
from bot.dialogue.events import ActionExecuted
from bot.dialogue.policy import LISTEN, Prediction
from bot.dialogue.tracker import Tracker

Answers = Callable[[Tracker], Sequence[tuple[str, float]]]


class RankedPolicy:
    """Answers a user with the response that a ranker is surest of, and listens then.

    Silent below ``threshold``, while a form is being filled in, and where the best answer is none
    of the domain's. Below rules and memoization, as what learns from stories is.

    Args:
        answers: The ranker's answers to a conversation: names of responses and how sure each is,
            the best first; none where it was not asked.
    """

    name = "ResponseRankingPolicy"
    priority = 1

    def __init__(self, answers: Answers, *, threshold: float) -> None:
        self._answers, self._threshold = answers, threshold

    def predict(self, tracker: Tracker, domain: Domain) -> Prediction:
        if (said := self._just_said(tracker)) is not None:
            return Prediction(LISTEN, said, self.name, self.priority)
        nothing = Prediction(LISTEN, 0.0, self.name, self.priority, scores={})
        if tracker.latest_action_name != LISTEN or tracker.active_loop:
            return nothing
        scores = {name: sure for name, sure in self._answers(tracker) if name in domain.responses}
        if not scores or max(scores.values()) < self._threshold:
            return nothing
        best = max(scores, key=lambda name: scores[name])
        return Prediction(best, scores[best], self.name, self.priority, scores=scores)

    def _just_said(self, tracker: Tracker) -> float | None:
        """How sure this policy was of the action that ran last, if it was the one to choose it."""
        done = (e for e in reversed(tracker.events) if isinstance(e, ActionExecuted))
        last = next(done, None)
        if last is None or last.policy != self.name or last.name == LISTEN:
            return None
        return last.confidence or 0.0
