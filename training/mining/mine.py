"""From turns and a model to review items: every miner asked, the budget kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from bot.project.project import Example, NluData
from bot.review.item import Opinion, Reason, ReviewItem, Said, Share, Step, new_id
from bot.review.turn import Turn
from nlu.parse import Entity
from training.mining import duplicates, rare, space
from training.mining.budget import Split, drawn
from training.mining.clusters import Suggestion, found_in, suggestions
from training.mining.corrections import corrections, rephrased_as
from training.mining.disagreement import disagreement
from training.mining.fallback import confirmed, fallback
from training.mining.handoffs import handoffs
from training.mining.seen import Float32, Found, Seen
from training.mining.since import Labelled, margins
from training.mining.suspects import suspects
from training.mining.typical import MANY, like
from training.mining.uncertain import low_confidence, low_margin

OF_THE_MODEL = {"low_confidence", "low_margin"}  # what the margin between two intents says, too


@dataclass
class Mined:
    """What the miners found in turns: for each index its reasons, its group, a weak label."""

    reasons: dict[int, list[Reason]] = field(default_factory=lambda: defaultdict(list))
    groups: dict[int, str] = field(default_factory=dict)
    weak: dict[int, Opinion] = field(default_factory=dict)
    suggested: Sequence[Suggestion] = ()

    def add(self, found: Iterable[Found]) -> None:
        for one in found:
            self.reasons[one.index].append(one.reason)

    def doubts(self, margins: Float32) -> npt.NDArray[np.float64]:
        """How likely what is made of each turn is wrong, 0 to 1, (turns,): by the two likeliest
        intents, and by each reason of a miner that says more than these do."""
        right = margins.astype(np.float64)
        for index, reasons in self.reasons.items():
            for reason in reasons:
                if reason.miner not in OF_THE_MODEL:
                    right[index] *= 1 - min(max(reason.score, 0.0), 0.999)
        return np.asarray(1 - right)


@dataclass(frozen=True)
class Known:
    """The project's examples, and their vectors by the model: (examples, hidden).

    ``answers`` are what people said, None where the model has learnt it all.
    """

    data: NluData
    vectors: Float32
    answers: Labelled | None = None

    @property
    def intents(self) -> list[str]:
        """Of the examples; of a retrieval intent without its answers."""
        return [example.intent.partition("/")[0] for example in self.data.examples]

    def margins(self, seen: Seen) -> Float32:
        """How much likelier each turn's first intent is than its second, after all that was said:
        (turns,)."""
        if self.answers is None:
            return seen.margins
        return margins(seen, Labelled(self.intents, self.vectors) + self.answers)


def mine(seen: Seen, known: Known, *, candidate: Seen | None = None, now: float = 0.0) -> Mined:
    """Ask every miner of turns. ``candidate`` is what another model makes of the same turns."""
    mined = Mined()
    for miner in (low_confidence, low_margin, fallback, corrections, handoffs):
        mined.add(miner(seen))
    mined.add(rare.rare_entities(seen, rare.known(known.data)))
    if candidate is not None:
        mined.add(disagreement(seen, candidate))
    if len(seen):
        mined.suggested = suggestions(
            seen, space.learnt(known.vectors, known.intents), taken=set(known.intents)
        )
        for found, group in found_in(seen, mined.suggested):
            mined.add([found])
            mined.groups[found.index] = group
    mined.weak = rephrased_as(seen, now)
    for index, turn in enumerate(seen.turns):
        if opinion := confirmed(turn, now):
            mined.weak[index] = opinion
    return mined


def chosen(
    seen: Seen,
    mined: Mined,
    known: Known,
    *,
    budget: int,
    split: Split,
    scrub: str,
    seed: int,
    are_new: Callable[[Sequence[ReviewItem]], Sequence[ReviewItem]] = list,
) -> list[ReviewItem]:
    """Review items, at most ``budget``: some at random, the uncertain, suspects in the data.

    Args:
        are_new: Which of some items were not proposed before.
        scrub: The version of the rules that turns are scrubbed by.

    What one part of the budget leaves over goes to the next.
    """
    random, uncertain, suspect = split.counts(budget)
    examples = known.data.examples
    named = suspects(examples, known.vectors) if suspect else []
    doubtful = are_new([_suspect(examples[one.index], one.reason) for one in named])[:suspect]
    uncertain += suspect - len(doubtful)
    turns = [_bare(turn, scrub) for turn in seen.turns]
    new = {item.id for item in are_new(turns)}
    doubts = mined.doubts(known.margins(seen))
    picked = drawn(
        doubts,
        seen.vectors,
        random=random,
        uncertain=uncertain,
        seed=seed,
        asked=[index for index, item in enumerate(turns) if item.id not in new],
    )
    names = duplicates.groups(
        [seen.turns[i].text for i, _ in picked], seen.vectors[[i for i, _ in picked]]
    )
    items = [
        _item(
            turns[index], seen, mined, index, share, doubts[index], mined.groups.get(index) or group
        )
        for (index, share), group in zip(picked, names, strict=True)
    ]
    return [*items, *doubtful]


def _bare(turn: Turn, scrub: str) -> ReviewItem:
    return ReviewItem(
        new_id(),
        turn.text,
        conversation_id=turn.conversation_id,
        seq=turn.seq,
        origin=turn.origin,
        scrub=turn.scrub or scrub,
        before=turn.before,
        at=turn.at,
    )


def _item(
    bare: ReviewItem, seen: Seen, mined: Mined, index: int, share: Share, doubt: float, group: str
) -> ReviewItem:
    reasons, others = tuple(mined.reasons.get(index, ())), like(seen, index)
    if share == "random":
        reasons = (*reasons, Reason("random", 0.0))
    elif others >= MANY or not reasons:
        reasons = (*reasons, Reason("typical", float(doubt), f"turns like it: {others}"))
    confidence = round(float(seen.confidences[index]), 4)
    weak = mined.weak.get(index)
    item = msgspec.structs.replace(
        bare,
        said=Said(seen.answers[index], confidence, seen.entities[index], seen.version),
        reasons=reasons,
        share=share,
        group=group,
    )
    if weak is None:
        return item
    told = Step(weak.at, weak.reviewer, f"weakly {weak.intent}")
    return msgspec.structs.replace(item, opinions=(weak,), decision=weak, history=(told,))


def _suspect(example: Example, reason: Reason) -> ReviewItem:
    spans = tuple(
        Entity(one.entity, one.value, one.start, one.end, one.role, one.group)
        for one in example.entities
    )
    return ReviewItem(
        new_id(),
        example.text,
        origin=example.file or "data",
        labelled=example.intent,
        said=Said(reason.suggested, round(reason.score, 4), spans),
        reasons=(reason,),
        share="suspect",
    )
