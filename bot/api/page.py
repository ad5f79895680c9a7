"""The chat page at ``/``, and a greeting for everyone who is not a browser."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.requests import Request
from fastapi.responses import FileResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from bot.api.security import PAGE
from bot.people.caller import open_to
from bot.version import VERSION

FILES = Path(__file__).parents[1] / "web" / "chat"

router = APIRouter(tags=["chat page"])


@router.get("/", response_class=Response)
@open_to("anyone")
async def root(request: Request) -> Response:
    """The chat page to a browser (`Accept: text/html`), one line of greeting to anyone else."""
    headers = {"Vary": "Accept", "Cache-Control": "no-cache"}
    if "text/html" in request.headers.get("accept", ""):
        headers["Content-Security-Policy"] = PAGE
        return FileResponse(FILES / "index.html", headers=headers)
    return PlainTextResponse(f"Hello from Parley: {VERSION}", headers=headers)


def add_page(app: FastAPI) -> None:
    """Serve the chat page and its modules."""
    app.include_router(router)
    app.mount("/chat", _Files(directory=FILES), name="chat")


class _Files(StaticFiles):
    """Asked for again each time, but sent again only when changed."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Security-Policy"] = PAGE
        return response
