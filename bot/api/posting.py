"""What is common to jobs that are posted: the body, a folder to work in, who is told at the end."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx2
import msgspec
import structlog
from fastapi import Query
from fastapi.requests import Request

from bot.door import WrongParameter
from bot.errors import BadRequest, ParleyError

CALLBACK_S = 300.0
BODY: dict[str, Any] = {
    "requestBody": {
        "content": {
            "application/x-yaml": {
                "schema": {"type": "string"},
                "example": "nlu:\n- intent: greet\n  examples: |\n    - hello\n",
            }
        },
        "required": True,
    }
}
Callback = Annotated[
    str | None,
    Query(description="Answer 204 at once, and POST the outcome there when it is known."),
]

log = structlog.get_logger(__name__)


async def posted_text(request: Request) -> str:
    """The body, which is YAML or JSON. Raises BadRequest."""
    body = await request.body()
    if not body.strip():
        raise BadRequest("There is nothing in the body; send training data as YAML.")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise BadRequest(f"The body is not UTF-8: byte {wrong.start} is wrong.") from wrong


@asynccontextmanager
async def folder() -> AsyncIterator[Path]:
    """An empty folder, gone after the block."""
    made = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="parley-job-"))
    try:
        yield made
    finally:
        await asyncio.to_thread(shutil.rmtree, made, ignore_errors=True)


def shown(sentence: str, where: Path) -> str:
    """``sentence`` without where on this machine what was posted had been put."""
    return sentence.replace(f"{where}/", "")


def checked_callback(url: str) -> str:
    """``url``, if it is one. Raises BadRequest."""
    try:
        parsed = httpx2.URL(url)
        fits = parsed.scheme in ("http", "https") and bool(parsed.host)
    except (httpx2.InvalidURL, UnicodeError):
        fits = False
    if not fits:
        raise WrongParameter(
            "callback_url should begin with http:// or https://.", "callback_url", place="query"
        )
    return url


async def tell(
    client: httpx2.AsyncClient,
    url: str,
    outcome: bytes | ParleyError,
    headers: Mapping[str, str] | None = None,
) -> None:
    """POST ``outcome`` to ``url``, JSON unless ``headers`` say otherwise; once."""
    failed = isinstance(outcome, ParleyError)
    content = _failure(outcome) if isinstance(outcome, ParleyError) else outcome
    said = {"Content-Type": "application/json", **({} if failed else headers or {})}
    try:
        await client.post(url, content=content, headers=said, timeout=CALLBACK_S)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        log.warning("callback.failed", error=str(error) or type(error).__name__)


def _failure(error: ParleyError) -> bytes:
    """What a callback is told of ``error``, with Rasa's keys."""
    said: dict[str, Any] = {
        "status": "failure",
        "message": str(error),
        "reason": error.reason,
        "details": error.details,
        "code": error.status,
    }
    return msgspec.json.encode(said)
