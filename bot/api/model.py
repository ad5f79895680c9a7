"""What serves, and what it understands: version, status, domain, parse."""

from __future__ import annotations

import asyncio
import io
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query
from fastapi.requests import Request
from fastapi.responses import Response
from ruamel.yaml import YAML
from starlette.exceptions import HTTPException

from bot.api.schemas import ParseBody, Status, Version
from bot.door import body_schema, checked, json_body
from bot.errors import BadRequest
from bot.project.project import Project
from bot.running import InUse, running
from bot.understand import cleaned, read_payload
from bot.version import VERSION

JSON, YAML_TYPE = "application/json", "application/x-yaml"

router = APIRouter(tags=["model"])


@router.get("/version")
async def version() -> Version:
    """The version of the server."""
    return Version(version=VERSION, minimum_compatible_version=VERSION)


@router.get("/status")
async def status(loaded: InUse) -> Status:
    """Which model serves."""
    return Status(model_file=loaded.file or None, model_id=loaded.parley.bot.model_id)


@router.get("/domain", response_class=Response)
async def domain(request: Request, loaded: InUse) -> Response:
    """The domain, as JSON or, by the header Accept, as YAML (`application/x-yaml`)."""
    project = loaded.project
    if wanted(request.headers.get("accept", "*/*")) == JSON:
        return Response(msgspec.json.encode(project.domain.raw), media_type=JSON)
    return Response(await asyncio.to_thread(_yaml, project), media_type=YAML_TYPE)


@router.post("/model/parse", openapi_extra=body_schema(ParseBody))
async def parse(
    request: Request,
    body: Annotated[ParseBody, Depends(json_body(ParseBody))],
    emulation_mode: Annotated[str | None, Query(description="Not offered.")] = None,
) -> Response:
    """Intent and entities of a text, outside of any conversation."""
    if emulation_mode is not None:
        raise BadRequest("emulation_mode is not offered here; leave it out.")
    if not body.text:
        raise BadRequest('There is no text to understand; send {"text": "…"}.')
    server = running(request)
    text = cleaned(checked(body.text, server.settings.max_message_chars))
    found = read_payload(text, server.parley.bot.domain) or await server.parley.nlu.parse(text)
    return Response(msgspec.json.encode(found), media_type=JSON)


def wanted(accept: str) -> str:
    """JSON or YAML, whichever ``accept`` likes first. Raises 406 when neither will do."""
    for kind in (part.partition(";")[0].strip().lower() for part in accept.split(",")):
        if kind in ("*/*", "application/*", JSON, ""):
            return JSON
        if kind.endswith(("yaml", "yml")):
            return YAML_TYPE
    raise HTTPException(406, f"The domain comes as {JSON} or {YAML_TYPE}, not as {accept}.")


def _yaml(project: Project) -> bytes:
    written = io.BytesIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(project.domain.raw, written)
    return written.getvalue()
