"""Answers that fit a dialogue, the best first: for desks, and for who wants to see why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from fastapi.requests import Request
from pydantic import BaseModel, ConfigDict, Field

from bot.api.auth import requires
from bot.api.parameters import MOST_ID_CHARS
from bot.door import body_schema, checked, clean, json_body
from bot.errors import BadRequest, Conflict, NotFound
from bot.model.faq import ServedFaq
from bot.model.ranking import MOST_LINES, ServedRanker, lines_of
from bot.model.serving import Loaded
from bot.running import InUse, running
from bot.turn import load_current
from nlu.ranking.candidates import Candidate
from nlu.ranking.dialogue import Line

MOST_ANSWERS = 50
MOST_NAMES = 1000

router = APIRouter(tags=["model"], dependencies=[requires("model:read", "conversations:read")])


class LineBody(BaseModel):
    """What one side said."""

    speaker: Literal["user", "agent"]
    text: str


class RankBody(BaseModel):
    """A dialogue so far, told or by its id, and how to answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"context": [{"speaker": "user", "text": "where is my parcel?"}], "limit": 3}
        }
    )

    context: list[LineBody] | None = Field(
        None, max_length=200, description="The lines so far, the oldest first."
    )
    conversation_id: str | None = Field(
        None, max_length=MOST_ID_CHARS, description="In the place of `context`: one in the log."
    )
    limit: int = Field(5, ge=1, le=MOST_ANSWERS)
    sources: list[Literal["response", "canned", "agent", "faq"]] | None = Field(
        None, description="Only answers from there. Default: all there are."
    )
    names: list[str] | None = Field(
        None, max_length=MOST_NAMES, description="Only answers of these names."
    )


class Turn(BaseModel):
    """Where an answer was given first: the number counts the events of a session from 0."""

    conversation_id: str
    event: int


class Answer(BaseModel):
    """An answer to choose: ``name`` is the response's or canned answer's, ``turn`` an agent's."""

    text: str
    source: str
    name: str | None = None
    turn: Turn | None = None
    score: float
    confidence: float
    count: int = Field(description="How often something like it was said.")


class RankAnswer(BaseModel):
    """The best answers; none of them is right, most likely, where ``none_of_these`` is true."""

    answers: list[Answer]
    none_of_these: bool


@router.post("/model/rank", openapi_extra=body_schema(RankBody))
async def rank(
    request: Request, loaded: InUse, body: Annotated[RankBody, Depends(json_body(RankBody))]
) -> RankAnswer:
    """Which answers fit a dialogue so far: responses, canned and past answers, FAQ entries."""
    if loaded.ranker is None and loaded.faq is None:
        raise Conflict(
            "This project has nothing to rank: `parley train ranker` makes a ranker, FaqRetriever "
            "in the pipeline an FAQ."
        )
    lines = await _lines(request, loaded, body)
    wanted = _wanted(body)
    found: list[Judged] = []
    if loaded.ranker:
        found += await _of_ranker(loaded.ranker, lines, body.limit, wanted)
    if loaded.faq:
        found += await _of_faq(loaded.faq, lines, body.limit, wanted)
    best = _once(found)[: body.limit]
    return RankAnswer(
        answers=[each.answer for each in best],
        none_of_these=not any(each.believed for each in best),
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer, and whether it is sure enough to be believed."""

    answer: Answer
    believed: bool


async def _lines(request: Request, loaded: Loaded, body: RankBody) -> tuple[Line, ...]:
    """The dialogue that ``body`` tells or names, at least a line of it."""
    if (body.context is None) == (body.conversation_id is None):
        raise BadRequest("Send either context, the lines so far, or conversation_id.")
    if body.conversation_id is not None:
        tracker, _ = await load_current(clean(body.conversation_id), loaded.parley)
        if not tracker.seq:
            raise NotFound(f"There is no conversation {body.conversation_id!r}.")
        lines = lines_of(tracker)
    else:
        most = running(request).settings.max_message_chars
        told = (body.context or [])[-MOST_LINES:]
        lines = tuple(Line(line.speaker, checked(line.text, most)) for line in told)
        lines = tuple(line for line in lines if line.text.strip())
    if not lines:
        raise BadRequest("Nobody has said anything yet, so there is nothing to answer.")
    return lines


def _wanted(body: RankBody) -> Callable[[str, str | None], bool]:
    """Whether an answer of this source and name is asked for."""
    sources, names = body.sources, None if body.names is None else frozenset(body.names)
    return lambda source, name: (
        (sources is None or source in sources) and (names is None or name in names)
    )


async def _of_ranker(
    ranker: ServedRanker,
    lines: Sequence[Line],
    limit: int,
    wanted: Callable[[str, str | None], bool],
) -> list[Judged]:
    found = await ranker.rank(
        lines, limit=limit, wanted=lambda candidate: wanted(candidate.source, candidate.name)
    )
    threshold = ranker.ranker.threshold
    return [
        Judged(_answer(each.candidate, each.score, each.confidence), each.confidence >= threshold)
        for each in found
    ]


async def _of_faq(
    faq: ServedFaq, lines: Sequence[Line], limit: int, wanted: Callable[[str, str | None], bool]
) -> list[Judged]:
    """FAQ entries for what the user said last."""
    asked = next((line.text for line in reversed(lines) if line.speaker == "user"), "")
    every = (entry.name for entry in faq.index.entries)
    among = frozenset(name for name in every if wanted("faq", f"utter_{name}"))
    if not asked or not among:
        return []
    return [
        Judged(
            _answer(
                Candidate(each.entry.answer, "faq", f"utter_{each.entry.name}"),
                each.score,
                each.confidence,
            ),
            each.confidence >= faq.threshold_of(each.entry),
        )
        for each in await faq.search(asked, limit=limit, among=among)
    ]


def _once(found: Sequence[Judged]) -> list[Judged]:
    """The surest first, each answer once: an FAQ's answers are responses too."""
    ordered = sorted(found, key=lambda each: -each.answer.confidence)
    return list({each.answer.name or each.answer.text: each for each in ordered[::-1]}.values())[
        ::-1
    ]


def _answer(candidate: Candidate, score: float, confidence: float) -> Answer:
    turn = candidate.turn
    return Answer(
        text=candidate.template,
        source=candidate.source,
        name=candidate.name,
        turn=Turn(conversation_id=turn[0], event=turn[1]) if turn else None,
        score=score,
        confidence=confidence,
        count=candidate.count,
    )
