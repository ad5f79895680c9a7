"""What callers of the API do is recorded, before they are answered.

A change has two rows: ``begun`` before it is made, and how it ended. A read has one, written
before anything of the answer leaves: where it cannot be written the answer is 503. Who is not
known here leaves no row, so that no stranger can fill the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from fastapi.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.api.problems import problem
from bot.audit import BEGUN, DONE, FAILED, MOST_CHARS, REFUSED, REJECTED, Actor, Deed, Fact
from bot.errors import BadRequest, Unavailable
from bot.people.caller import Caller
from bot.running import running
from bot.store.checks import check_id

WATCHED = "parley.audit"
UNTOLD = frozenset({"metrics", "model:read"})
READS = ("GET", "HEAD", "OPTIONS")

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Watched:
    """What a request asks for, as far as is known while it is worked on."""

    request: Request | None = None
    action: str = ""
    conversation_id: str | None = None
    begun: int | None = None
    facts: dict[str, Fact] = field(default_factory=dict)


def watch(request: Request, scopes: Sequence[str], conversation_id: str | None) -> None:
    """Have this request, whose route asks for ``scopes``, in the audit log.

    Counts and questions to the model tell nothing about anybody, and who opens his own
    conversation alone is its visitor: neither is recorded.
    """
    mine: _Watched | None = request.scope.get(WATCHED)
    caller: Caller = request.state.caller
    if mine is None or caller.only is not None or UNTOLD.issuperset(scopes):
        return
    mine.request = request
    mine.action = _action(request)
    mine.conversation_id = _storable(conversation_id)


async def begin(request: Request) -> None:
    """Record a change before it is made; the caller may make it."""
    mine: _Watched | None = request.scope.get(WATCHED)
    if mine is not None and mine.begun is None and request.method not in READS:
        mine.begun = await _record(mine, BEGUN)


def note(request: Request, **facts: Fact) -> None:
    """Have ``facts`` in the row that says how the request ended."""
    mine: _Watched | None = request.scope.get(WATCHED)
    if mine is not None:
        mine.facts |= {
            name: fact[:MOST_CHARS] if isinstance(fact, str) else fact
            for name, fact in facts.items()
        }


def about(request: Request, conversation_id: str) -> None:
    """Have the row name the conversation, which the route did not."""
    mine: _Watched | None = request.scope.get(WATCHED)
    if mine is not None:
        mine.conversation_id = _storable(conversation_id) if conversation_id else None


def actor(request: Request) -> Actor:
    """Who is calling, on a route that asked."""
    caller: Caller = request.state.caller
    return Actor(caller.kind, caller.name, caller.role or "")


class Audited:
    """Middleware: records how requests of watched routes ended."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        mine = _Watched()
        answer = _Answer(mine, scope["path"], send)
        try:
            return await self._app({**scope, WATCHED: mine}, receive, answer)
        except Exception:
            if not answer.is_begun:
                await answer.ended(500)
            raise


class _Answer:
    """Sends on what the application sends, once the row is written."""

    def __init__(self, mine: _Watched, path: str, send: Send) -> None:
        self._mine, self._path, self._send = mine, path, send
        self.is_begun = self._is_refused = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not self.is_begun:
            self.is_begun = True
            self._is_refused = not await self.ended(message["status"])
            if self._is_refused:
                await _unavailable(self._path, self._send)
        if not self._is_refused:
            await self._send(message)

    async def ended(self, status: int) -> bool:
        """Whether the answer may go out."""
        if self._mine.request is None:
            return True
        self._mine.facts["status"] = status
        try:
            await _record(self._mine, _outcome(status))
        except Unavailable as error:
            log.error("audit.not_recorded", action=self._mine.action, error=str(error))
            return self._mine.begun is not None or status >= 400
        return True


async def _record(mine: _Watched, outcome: str) -> int | None:
    """The row's number, None where nothing is to be recorded."""
    if mine.request is None:
        return None
    of = {} if mine.begun is None else {"of": mine.begun}
    who = actor(mine.request)
    deed = Deed(who, mine.action, outcome, mine.conversation_id, {**of, **mine.facts})
    return await running(mine.request).audit.record(deed)


def _action(request: Request) -> str:
    """Area and verb of the route, from its tag and its function's name."""
    route: Any = request.scope["route"]
    area = str(route.tags[0]) if route.tags else "api"
    return f"{area}.{route.name}"


def _storable(conversation_id: str | None) -> str | None:
    if conversation_id is None:
        return None
    try:
        return check_id("The conversation's id", conversation_id)
    except BadRequest:  # there is no such conversation
        return None


def _outcome(status: int) -> str:
    if status < 400:
        return DONE
    if status in (401, 403):
        return REFUSED
    return REJECTED if status < 500 else FAILED


async def _unavailable(path: str, send: Send) -> None:
    response = problem(
        path,
        Unavailable.status,
        "The audit log cannot be written now, so nothing is shown.",
        reason=Unavailable.reason,
        headers={"Retry-After": str(Unavailable.retry_after_s)},
    )
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
    )
    await send({"type": "http.response.body", "body": response.body})
