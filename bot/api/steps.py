"""A conversation led step by step: add a message, ask what comes next, do it, say an intent."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends
from fastapi.requests import Request
from fastapi.responses import Response

from bot.api.auth import check_is_the_bots, requires, unless_a_person_has_it
from bot.api.conversations import NoConversation, answer
from bot.api.parameters import ConversationId, OutputChannel, View, is_pushed, origin
from bot.api.schemas import ExecuteBody, IntentBody, MessageBody
from bot.api.views import state_of
from bot.channels.base import parts
from bot.dialogue.domain import DEFAULT_ACTIONS, DEFAULT_INTENTS, Domain
from bot.dialogue.messages import Message
from bot.dialogue.policy import Prediction
from bot.door import WrongParameter, body_schema, checked, json_body
from bot.effects import QUEUE, effects
from bot.errors import BadRequest, Conflict, NotFound
from bot.external import external_message
from bot.predict import knows_action, predict
from bot.reminders import NEWS as REMINDERS
from bot.running import InUse, running
from bot.services import Services
from bot.turn import NEWS, Turn, do, load, load_current, open_session
from bot.understand import know_words, understand
from nlu.parse import Parse

LOOK_AGAIN_S = 0.05

router = APIRouter(prefix="/conversations", tags=["conversations"])


@router.post(
    "/{conversation_id:path}/messages",
    openapi_extra=body_schema(MessageBody),
    dependencies=[requires("conversations:write")],
)
async def add_message(
    request: Request,
    loaded: InUse,
    conversation_id: ConversationId,
    include_events: View,
    body: Annotated[MessageBody, Depends(json_body(MessageBody))],
) -> Response:
    """Log what a user says and the slots it fills; nothing is answered."""
    if body.sender != "user":
        raise WrongParameter(
            f"Only messages of the sender 'user' are taken here, not of {body.sender!r}.",
            "sender",
            place="body",
        )
    server, parley = running(request), loaded.parley
    text = checked(body.text or "", server.settings.max_message_chars)
    if not text and body.parse_data is None:
        raise WrongParameter("There is no text to add.", "text", place="body")
    said = Message(conversation_id, text, input_channel=None, parse=_parse(body, text))
    message = server.clean(said)
    async with _turn(message, parley, server.settings.response_timeout_s) as turn:
        call_id = _call_id(conversation_id)
        await open_session(turn, message, call_id)
        turn.add(*await understand(message, turn.tracker, parley, call_id=call_id))
    return answer(await state_of(turn.tracker, include_events, parley.log))


@router.post(
    "/{conversation_id:path}/predict",
    dependencies=[requires("conversations:read")],
)
async def predict_next(
    loaded: InUse, conversation_id: ConversationId, include_events: View
) -> Response:
    """What the bot would do next; nothing is done."""
    parley = loaded.parley
    tracker, _ = await load_current(conversation_id, parley)
    if not tracker.seq:
        raise NoConversation(conversation_id)
    await know_words(tracker, parley)
    prediction = predict(tracker, parley)
    scores = sorted(
        scored(prediction, parley.bot.domain), key=lambda each: (-each["score"], each["action"])
    )
    state = await state_of(tracker, include_events, parley.log)
    return answer({**told(prediction), "scores": scores, "tracker": state})


@router.post(
    "/{conversation_id:path}/execute",
    openapi_extra=body_schema(ExecuteBody),
    dependencies=[requires("conversations:write"), Depends(unless_a_person_has_it)],
)
async def execute(
    request: Request,
    loaded: InUse,
    conversation_id: ConversationId,
    include_events: View,
    body: Annotated[ExecuteBody, Depends(json_body(ExecuteBody))],
    output_channel: OutputChannel = None,
) -> Response:
    """Run one action. The tracker in the answer is the one from before, as in Rasa."""
    server, parley = running(request), loaded.parley
    if not body.name:
        raise WrongParameter("There is no name of an action.", "name", place="body")
    if not knows_action(body.name, parley.bot.domain):
        raise NotFound(f"The bot knows no action {body.name[:200]!r}.")
    before, _ = await load(conversation_id, parley)
    message = origin(conversation_id, server, before, output_channel)
    pushed = is_pushed(message, server)
    opening = _turn(message, parley, server.settings.response_timeout_s, pushed=pushed)
    async with opening as turn:
        await check_is_the_bots(request.state.caller, parley.log)
        call_id = _call_id(conversation_id)
        await open_session(turn, message, call_id)
        before = turn.tracker
        prediction = Prediction(body.name, body.confidence or 0.0, body.policy or "")
        await do(prediction, turn, message, call_id)
        said = effects(turn.events, message).replies
    if pushed:
        server.inbox.send(conversation_id)
    messages = [] if pushed else [part for reply in said for part in parts(reply)]
    state = await state_of(before, include_events, parley.log)
    return answer({"tracker": state, "messages": messages})


@router.post(
    "/{conversation_id:path}/trigger_intent",
    openapi_extra=body_schema(IntentBody),
    dependencies=[requires("conversations:write"), Depends(unless_a_person_has_it)],
)
async def trigger_intent(
    request: Request,
    loaded: InUse,
    conversation_id: ConversationId,
    include_events: View,
    body: Annotated[IntentBody, Depends(json_body(IntentBody))],
    output_channel: OutputChannel = None,
) -> Response:
    """Let something outside say an intent, and the bot answer."""
    server, parley = running(request), loaded.parley
    if not body.name:
        raise WrongParameter("There is no name of an intent.", "name", place="body")
    if body.name not in (*parley.bot.domain.intents, *DEFAULT_INTENTS):
        raise NotFound(f"The domain has no intent {body.name[:200]!r}.")
    before, _ = await load(conversation_id, parley)
    caller = origin(conversation_id, server, before, output_channel)
    message = external_message(
        conversation_id,
        body.name,
        body.entities,
        channel=caller.channel,
        input_channel=caller.input_channel,
        output_channel=caller.output_channel,
        received=caller.received,
    )
    replies = await server.inbox.answer(message, server.settings.response_timeout_s)
    pushed = is_pushed(message, server)
    messages = [] if pushed else [part for reply in replies for part in parts(reply)]
    after, _ = await load_current(conversation_id, parley)
    state = await state_of(after, include_events, parley.log)
    return answer({"tracker": state, "messages": messages})


def told(prediction: Prediction) -> dict[str, Any]:
    """Who predicted, and how sure."""
    return {"policy": prediction.policy or None, "confidence": prediction.confidence}


def scored(prediction: Prediction, domain: Domain) -> list[dict[str, Any]]:
    """The score of every action, in the domain's order."""
    scores = prediction.scores or {prediction.action: prediction.confidence}
    names = dict.fromkeys(
        (
            *DEFAULT_ACTIONS,
            *domain.actions,
            *sorted(domain.responses),
            *domain.forms,
            *domain.e2e_actions,
            prediction.action,
        )
    )
    return [{"action": name, "score": scores.get(name, 0.0)} for name in names]


@asynccontextmanager
async def _turn(
    message: Message, parley: Services, patience_s: float, *, pushed: bool = False
) -> AsyncIterator[Turn]:
    """A turn to fill within the block; logged after it, with all it causes.

    Nobody else works on the conversation meanwhile: what an action did is not done twice.
    """
    conversation_id = message.conversation_id
    async with _alone(conversation_id, parley, patience_s):
        tracker, epoch = await load_current(conversation_id, parley)
        turn = Turn(tracker, parley)
        yield turn
        caused = effects(turn.events, message)
        try:
            await parley.log.commit(
                conversation_id,
                turn.events,
                seq=tracker.seq,
                epoch=epoch,
                replies=caused.replies,
                channel=message.channel,
                sent=not pushed,
                reminders=caused.reminders,
            )
        except Conflict:
            await parley.trackers.forget(conversation_id)
            raise
        await parley.trackers.keep(turn.tracker, epoch=epoch)
        await parley.news.publish(conversation_id, NEWS)
        if caused.reminders:
            await parley.news.publish(REMINDERS, NEWS)
        if caused.calls:
            await parley.news.publish(QUEUE, NEWS)


@asynccontextmanager
async def _alone(conversation_id: str, parley: Services, patience_s: float) -> AsyncIterator[None]:
    """Hold the conversation's lease, once whoever has it is done. Raises Conflict."""
    deadline = asyncio.get_running_loop().time() + patience_s
    while True:
        async with parley.leases.hold(conversation_id) as held:
            if held:
                yield
                return
        if asyncio.get_running_loop().time() > deadline:
            raise Conflict(f"Conversation {conversation_id!r} is at work; try again later.")
        await asyncio.sleep(LOOK_AGAIN_S)


def _parse(body: MessageBody, text: str) -> Parse | None:
    """What the caller says the text means; None to find out. Raises BadRequest."""
    if body.parse_data is None:
        return None
    try:
        return msgspec.convert({"text": text, **body.parse_data}, Parse)
    except msgspec.ValidationError as wrong:
        raise BadRequest(f"parse_data is no result of /model/parse: {wrong}.") from wrong


def _call_id(conversation_id: str) -> str:
    return f"{conversation_id}:{uuid.uuid4().hex}"
