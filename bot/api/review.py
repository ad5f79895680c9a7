"""Labels for what users wrote, over HTTP; for desks to build on."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query
from fastapi.requests import Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from bot.api.audited import about, note
from bot.api.auth import requires, speaks_as
from bot.api.conversations import answer
from bot.api.parameters import ConversationId
from bot.door import body_schema, json_body
from bot.errors import Conflict
from bot.people.caller import Caller
from bot.review import decide, desk
from bot.review.item import Label, Opinion, ReviewItem, State
from bot.review.scrubbing import rules_of
from bot.review.store import Filter, Reviews
from bot.running import InUse, running
from bot.store.reviews import SqlReviews
from nlu.parse import Entity

router = APIRouter(tags=["review"], dependencies=[requires("review")])

Reviewer = Annotated[Caller, requires("review")]


class Span(BaseModel):
    """An entity: where it stands in the text, in code points."""

    entity: str = Field(min_length=1, max_length=200)
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    value: str | None = Field(None, description="Default: what stands there.")
    role: str | None = None
    group: str | None = None


class ReviewBody(BaseModel):
    """Who looks at an item, and as it stood when he did."""

    model_config = ConfigDict(json_schema_extra={"example": {"reviewer": "mia", "revision": 12}})

    reviewer: str = Field(min_length=1, max_length=200, description="Who says so.")
    revision: int | None = Field(
        None, description="Of the item as it was seen; where it has another by now: 409."
    )


class LabelBody(ReviewBody):
    """What is right."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"reviewer": "mia", "label": "intent", "intent": "track_order"}
        }
    )

    label: Label = "intent"
    intent: str | None = Field(None, max_length=200)
    entities: list[Span] | None = Field(
        None,
        max_length=100,
        description="Default: those that the model found, but for what the project has no more.",
    )
    note: str = Field("", max_length=2000)
    whole_group: bool = Field(False, description="The same intent for all open near-duplicates.")

    def opinion(self, item: ReviewItem, at: float) -> Opinion:
        """It, as said of ``item``."""
        spans = tuple(_entity(one, item.text) for one in self.entities or ())
        if self.label == "out_of_scope":
            spans = ()
        return Opinion(self.label, self.reviewer, at, self.intent, spans, note=self.note)


def _entity(span: Span, text: str) -> Entity:
    value = text[span.start : span.end] if span.value is None else span.value
    return Entity(span.entity, value, span.start, span.end, span.role, span.group)


@router.get("/review/items")
async def items(
    request: Request,
    state: State | None = None,
    miner: Annotated[str | None, Query(description="Proposed by it.", max_length=100)] = None,
    group: Annotated[str | None, Query(description="Near-duplicates.", max_length=100)] = None,
    intent: Annotated[str | None, Query(description="Decided, or else guessed.")] = None,
    conversation_id: Annotated[str | None, Query(max_length=512)] = None,
    disputed: Annotated[bool | None, Query(description="People contradict each other.")] = None,
    after: Annotated[str, Query(description="The id of the last one seen.", max_length=64)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """Sentences that wait for a label or have one, the most worth a look first."""
    if conversation_id is not None:
        about(request, conversation_id)
    wanted = Filter(state, miner, group, intent, conversation_id, disputed)
    found = await _reviews(request).listed(wanted, after=after, limit=limit)
    return answer([_told(each) for each in found])


@router.get("/review/summary")
async def summary(request: Request) -> Response:
    """How many items are in each state, and how far reviewers agree (rate, Cohen's kappa)."""
    found = await desk.summary(_reviews(request))
    return answer(msgspec.to_builtins(found._asdict()))


@router.get("/review/items/{item_id}")
async def item(request: Request, item_id: str) -> Response:
    """One item with everybody's labels and its history."""
    note(request, item=item_id)
    found = await _reviews(request).item(item_id)
    about(request, found.conversation_id)
    return answer(_told(found))


@router.post("/review/items/{item_id}/label", openapi_extra=body_schema(LabelBody))
async def label(
    request: Request,
    caller: Reviewer,
    loaded: InUse,
    item_id: str,
    body: Annotated[LabelBody, Depends(json_body(LabelBody))],
) -> Response:
    """Say what is right: an intent, a new intent, or out of scope; and the entities.

    409 where somebody else changed it meanwhile. Gives the items that changed.
    """
    speaks_as(caller, body.reviewer)
    note(request, agent=body.reviewer, item=item_id)
    reviews = _reviews(request)
    found = await reviews.item(item_id)
    about(request, found.conversation_id)
    there = desk.at_revision(found, body.revision)
    changed = await desk.decided(
        reviews,
        there,
        body.opinion(there, time.time()),
        desk.names_of(loaded.parley.bot.domain),
        whole_group=body.whole_group,
        found=body.entities is None,
    )
    return answer([_told(each) for each in changed])


@router.post(
    "/review/items/{item_id}/{step}",
    openapi_extra=body_schema(ReviewBody),
)
async def change(
    request: Request,
    caller: Reviewer,
    item_id: str,
    step: Literal["skip", "undo", "second-opinion"],
    body: Annotated[ReviewBody, Depends(json_body(ReviewBody))],
) -> Response:
    """Skip an item, take back one's own label, or ask for one more person's."""
    speaks_as(caller, body.reviewer)
    note(request, agent=body.reviewer, item=item_id)
    now, who = time.time(), body.reviewer
    changes = {"skip": decide.skip, "undo": decide.retract, "second-opinion": decide.ask_again}
    made = await desk.changed(
        _reviews(request), item_id, body.revision, lambda there: changes[step](there, who, now)
    )
    about(request, made.conversation_id)
    return answer(_told(made))


@router.post("/conversations/{conversation_id:path}/turns/{seq}/review")
async def review_turn(
    request: Request, loaded: InUse, conversation_id: ConversationId, seq: int
) -> Response:
    """The item of any turn of a user, made where nobody proposed it.

    `seq` is the number of the user's event in the conversation, from 1. 404 where there is none.
    """
    server = running(request)
    rules = await asyncio.to_thread(rules_of, server.settings)
    found = await desk.item_of_turn(
        _reviews(request), loaded.parley.log, conversation_id, seq, rules
    )
    return answer(_told(found))


def _reviews(request: Request) -> Reviews:
    database = running(request).database
    if database is None:
        raise Conflict("This server keeps its log in memory; nothing can be reviewed.")
    return SqlReviews(database)


def _told(each: ReviewItem) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(each)
    whole = {"state": each.state, "revision": each.revision, "is_disputed": each.is_disputed}
    return {**told, **whole}
