"""What a user may ask for, over HTTP; for desks to build on."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.requests import Request
from fastapi.responses import Response

from bot.api.audited import actor
from bot.api.auth import requires
from bot.api.conversations import answer
from bot.api.schemas import EraseBody, UserBody
from bot.door import body_schema, json_body
from bot.errors import Conflict
from bot.privacy import requests
from bot.privacy.holders import Places
from bot.running import Running, running

router = APIRouter(prefix="/privacy", tags=["privacy"], dependencies=[requires("privacy")])


@router.post("/export", openapi_extra=body_schema(UserBody))
async def export(
    request: Request, body: Annotated[UserBody, Depends(json_body(UserBody))]
) -> Response:
    """All that is held of a user: log, messages, replies, reminders, review items, and who looked
    at it. 404 where that is nothing."""
    server = running(request)
    places, who = _places(server), actor(request)
    found = await requests.exported(
        body.user, places, server.audit, who, all_channels=body.all_channels
    )
    return answer(found)


@router.post("/erase", openapi_extra=body_schema(EraseBody))
async def erase(
    request: Request, body: Annotated[EraseBody, Depends(json_body(EraseBody))]
) -> Response:
    """Take away all that is held of a user, for ever; or with `dry_run` say what that would be.

    Gives a receipt without texts. What could not be reached is in `not_reached`: ask again then.
    """
    server = running(request)
    places = _places(server)
    if body.dry_run:
        return answer(await requests.counted(body.user, places, all_channels=body.all_channels))
    receipt = await requests.erased(
        body.user, places, server.audit, actor(request), all_channels=body.all_channels
    )
    return answer(receipt)


def _places(server: Running) -> Places:
    if server.database is None:
        raise Conflict("This server keeps its log in memory; nothing of it is left when it ends.")
    return Places(server.settings, server.database, server.parley.trackers)
