"""A person instead of the bot, over HTTP; for desks to build on."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.requests import Request
from fastapi.responses import Response

from bot import handoff
from bot.api.audited import note
from bot.api.auth import requires, speaks_as
from bot.api.conversations import answer
from bot.api.parameters import ConversationId, View, is_pushed, origin
from bot.api.schemas import AgentBody, HandBody, HandoffBody
from bot.api.views import state_of
from bot.door import body_schema, checked, json_body
from bot.people.caller import Caller
from bot.running import InUse, running
from bot.turn import load_current

router = APIRouter(tags=["handoff"], dependencies=[requires("handoff")])

Desk = Annotated[Caller, requires("handoff")]
State = Annotated[
    Literal["waiting", "taken"] | None,
    Query(description="`waiting`: a person is asked for; `taken`: one has it. Default: both."),
]


@router.get("/handoffs")
async def handoffs(
    loaded: InUse,
    state: State = None,
    agent: Annotated[str | None, Query(description="Only those this person has.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Conversations that a person is asked for or has, the longest first."""
    taken = None if state is None else state == "taken"
    found = await loaded.parley.log.handoffs(taken=taken, agent=agent, limit=limit)
    return answer([handoff.as_told(each) for each in found])


@router.post(
    "/conversations/{conversation_id:path}/handoff", openapi_extra=body_schema(HandoffBody)
)
async def ask(
    loaded: InUse,
    conversation_id: ConversationId,
    body: Annotated[HandoffBody, Depends(json_body(HandoffBody))],
) -> Response:
    """Ask for a person; the bot goes on until one takes over."""
    asked = await handoff.ask_for_person(conversation_id, loaded.parley, reason=body.reason)
    return answer(handoff.as_told(asked))


@router.post("/conversations/{conversation_id:path}/takeover", openapi_extra=body_schema(HandBody))
async def take_over(
    request: Request,
    caller: Desk,
    loaded: InUse,
    conversation_id: ConversationId,
    include_events: View,
    body: Annotated[HandBody, Depends(json_body(HandBody))],
) -> Response:
    """Take the conversation over from the bot, or with `force` from another person.

    No reply that the bot made before is sent after the answer; `quiet` is false where a call of
    the channel's service still hangs. 409 where another person has it.
    """
    speaks_as(caller, body.agent)
    note(request, agent=body.agent)
    tracker, quiet = await handoff.take_over(
        conversation_id, loaded.parley, agent=body.agent, force=body.force
    )
    state = await state_of(tracker, include_events, loaded.parley.log)
    return answer({"agent": body.agent, "quiet": quiet, "tracker": state})


@router.post("/conversations/{conversation_id:path}/agent", openapi_extra=body_schema(AgentBody))
async def speak(
    request: Request,
    caller: Desk,
    loaded: InUse,
    conversation_id: ConversationId,
    include_events: View,
    body: Annotated[AgentBody, Depends(json_body(AgentBody))],
) -> Response:
    """Say something to the user, on the channel of his last message. 409 for who has it not.

    The same `message_id` again says nothing more.
    """
    speaks_as(caller, body.agent)
    note(request, agent=body.agent)
    server = running(request)
    before, _ = await load_current(conversation_id, loaded.parley)
    message = origin(conversation_id, server, before, "latest")
    tracker = await handoff.speak(
        message,
        loaded.parley,
        agent=body.agent,
        text=checked(body.text, server.settings.max_message_chars),
        data=body.data(),
        message_id=body.message_id,
        pushed=is_pushed(message, server),
    )
    server.inbox.send(conversation_id)
    return answer(await state_of(tracker, include_events, loaded.parley.log))


@router.post("/conversations/{conversation_id:path}/resume", openapi_extra=body_schema(HandBody))
async def resume(
    request: Request,
    caller: Desk,
    loaded: InUse,
    conversation_id: ConversationId,
    include_events: View,
    body: Annotated[HandBody, Depends(json_body(HandBody))],
) -> Response:
    """Hand the conversation back to the bot, which answers what the user says next."""
    speaks_as(caller, body.agent)
    note(request, agent=body.agent)
    tracker = await handoff.hand_back(
        conversation_id, loaded.parley, agent=body.agent, force=body.force
    )
    return answer(await state_of(tracker, include_events, loaded.parley.log))
