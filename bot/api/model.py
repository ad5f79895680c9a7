"""The model: what it is, understands and would do; another in its place."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query
from fastapi.requests import Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from bot.api.auth import requires
from bot.api.conversations import answer, read_events
from bot.api.emulation import EMULATED
from bot.api.parameters import View
from bot.api.schemas import EventsBody, ModelBody, ParseBody, Status, Version
from bot.api.serving import serve_model, serve_nothing
from bot.api.steps import scored, told
from bot.api.views import state_with, view
from bot.dialogue.tracker import Tracker
from bot.door import WrongParameter, body_schema, checked, json_body
from bot.errors import BadRequest, NotFound
from bot.people.caller import open_to
from bot.predict import predict
from bot.project.project import Project
from bot.running import InUse, running
from bot.understand import cleaned, know_words, read_payload
from bot.version import VERSION
from nlu.parse import Parse
from nlu.pipeline import Nlu

JSON, YAML_TYPE = "application/json", "application/x-yaml"
NOBODY = "default"  # the sender that Rasa gives events of no conversation

router = APIRouter(tags=["model"])
public = APIRouter(tags=["model"])  # asks nobody who they are


@public.get("/version")
@open_to("anyone")
async def version() -> Version:
    """The version of the server."""
    return Version(version=VERSION, minimum_compatible_version=VERSION)


@router.get(
    "/status",
    dependencies=[requires("model:read")],
)
async def status(request: Request, loaded: InUse) -> Status:
    """Which model serves."""
    return Status(
        model_file=loaded.file or None,
        model_id=loaded.parley.bot.model_id,
        num_active_training_jobs=running(request).jobs.trainings,
    )


@router.get(
    "/domain",
    response_class=Response,
    dependencies=[requires("model:read")],
)
async def domain(request: Request, loaded: InUse) -> Response:
    """The domain, as JSON or, by the header Accept, as YAML (`application/x-yaml`)."""
    project = loaded.project
    if wanted(request.headers.get("accept", "*/*")) == JSON:
        return Response(msgspec.json.encode(project.domain.raw), media_type=JSON)
    return Response(await asyncio.to_thread(_yaml, project), media_type=YAML_TYPE)


@router.post(
    "/model/parse",
    openapi_extra=body_schema(ParseBody),
    dependencies=[requires("model:read")],
)
async def parse(
    request: Request,
    loaded: InUse,
    body: Annotated[ParseBody, Depends(json_body(ParseBody))],
    emulation_mode: Annotated[
        str | None, Query(description="Answer as another service: `WIT`, `LUIS`, `DIALOGFLOW`.")
    ] = None,
) -> Response:
    """Intent and entities of a text, outside of any conversation."""
    emulate = _emulation(emulation_mode)
    if not body.text:
        raise BadRequest('There is no text to understand; send {"text": "…"}.')
    text = cleaned(checked(body.text, running(request).settings.max_message_chars))
    found = read_payload(text, loaded.parley.bot.domain)
    found = found or await loaded.nlu.parse(text, body.context.read())
    return answer(emulate(found) if emulate else found)


@router.post(
    "/model/explain",
    openapi_extra=body_schema(ParseBody),
    dependencies=[requires("model:read")],
)
async def explain(
    request: Request, loaded: InUse, body: Annotated[ParseBody, Depends(json_body(ParseBody))]
) -> Response:
    """Which words of a text decide its intent and entities; the model runs once for each word."""
    if not body.text:
        raise BadRequest('There is no text to explain; send {"text": "…"}.')
    text = cleaned(checked(body.text, running(request).settings.max_message_chars))
    if not isinstance(loaded.nlu, Nlu) or not (
        found := await loaded.nlu.explain(text, body.context.read())
    ):
        raise NotFound("No model of this server understands texts, so there is none to explain.")
    return answer(found)


@router.post(
    "/model/predict",
    openapi_extra=body_schema(EventsBody),
    dependencies=[requires("model:read")],
)
async def predict_after(
    loaded: InUse,
    include_events: View,
    body: Annotated[EventsBody, Depends(json_body(EventsBody))],
) -> Response:
    """What the bot would do after these events, outside of any conversation."""
    given = body.root if isinstance(body.root, list) else [body.root]
    parley = loaded.parley
    tracker = Tracker.start(NOBODY, parley.bot.domain).apply_all(read_events(given))
    await know_words(tracker, parley)
    prediction = predict(tracker, parley)
    scores = scored(prediction, parley.bot.domain)
    state = state_with(tracker, view(tracker, include_events))
    return answer({**told(prediction), "scores": scores, "tracker": state})


@router.put(
    "/model",
    status_code=204,
    openapi_extra=body_schema(ModelBody),
    dependencies=[requires("model:write")],
)
async def load_model(
    request: Request, body: Annotated[ModelBody, Depends(json_body(ModelBody))]
) -> Response:
    """Load a model and let it serve; turns in hand finish on the one before.

    `model_file` is a model package on this machine, or a version of the registry.
    """
    server = running(request)
    if server.crew:
        await server.crew.order("load", body.model_dump_json().encode())
    else:
        await serve_model(server, body)
    return Response(status_code=204)


@router.delete(
    "/model",
    status_code=204,
    dependencies=[requires("model:write")],
)
async def unload_model(request: Request) -> Response:
    """Let no model serve; messages are kept until one does."""
    server = running(request)
    if server.crew:
        await server.crew.order("unload")
    else:
        await serve_nothing(server)
    return Response(status_code=204)


def wanted(accept: str) -> str:
    """JSON or YAML, whichever ``accept`` likes first. Raises 406 when neither will do."""
    for kind in (part.partition(";")[0].strip().lower() for part in accept.split(",")):
        if kind in ("*/*", "application/*", JSON, ""):
            return JSON
        if kind.endswith(("yaml", "yml")):
            return YAML_TYPE
    raise HTTPException(406, f"The domain comes as {JSON} or {YAML_TYPE}, not as {accept}.")


def _yaml(project: Project) -> bytes:
    from ruamel.yaml import YAML  # large, and hardly ever asked for

    written = io.BytesIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(project.domain.raw, written)
    return written.getvalue()


def _emulation(mode: str | None) -> Callable[[Parse], Any] | None:
    if mode is None:
        return None
    if (emulate := EMULATED.get(mode.upper())) is None:
        raise WrongParameter(
            f"emulation_mode should be {', '.join(EMULATED)}.", "emulation_mode", place="query"
        )
    return emulate
