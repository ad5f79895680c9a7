"""Errors, as clients see them: one object on every route.

It has Rasa's keys (version, status, message, reason, details, help, code) and ``type`` and
``title`` of RFC 9457. Routes that Rasa has keep its content type.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.requests import Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.door import WrongShape
from bot.errors import ParleyError
from bot.telemetry import Metrics
from bot.version import VERSION
from nlu.errors import NluError

_RASA = re.compile(r"/((webhooks|conversations|model)(/.*)?|status|version|domain)?")
_SCHEMA: dict[str, Any] = {
    "version": VERSION,
    "status": "failure",
    "message": "A sentence on what is wrong.",
    "reason": "BadRequest",
    "details": {},
    "help": None,
    "code": 400,
    "type": "urn:parley:problem:bad-request",
    "title": "Bad Request",
}
PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What went wrong.",
        "content": {"application/json": {"example": _SCHEMA}},
    }
}

log = structlog.get_logger()


def problem(
    path: str,
    status: int,
    message: str,
    *,
    reason: str = "",
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The error ``status`` on ``path`` as a response."""
    title = HTTPStatus(status).phrase
    reason = reason or re.sub(r"\W", "", title)
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])|\s+", "-", reason).lower()
    content = {
        "version": VERSION,
        "status": "failure",
        "message": message,
        "reason": reason,
        "details": details or {},
        "help": None,
        "code": status,
        "type": f"urn:parley:problem:{kind}",
        "title": title,
    }
    rasa = _RASA.fullmatch(path)
    return Response(
        msgspec.json.encode(content),
        status,
        dict(headers or {}),
        "application/json" if rasa else "application/problem+json",
    )


def add_problems(app: FastAPI, metrics: Metrics) -> None:
    """Answer every error of ``app`` with a problem, and count it."""

    def answer(request: Request, status: int, message: str, **more: Any) -> Response:
        response = problem(request.url.path, status, message, **more)
        metrics.errors.labels(code=str(status)).inc()
        return response

    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, ParleyError)
        if error.told != str(error):
            log.warning("request.refused", path=request.url.path, error=str(error))
        return answer(
            request,
            error.status,
            error.told,
            reason=error.reason,
            details=error.details,
            headers=_headers(error),
        )

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path, method = request.url.path, request.method
        message = {
            404: f"There is nothing at {path}.",
            405: f"{path} does not take {method}.",
        }.get(error.status_code, "")
        if not message or error.detail != HTTPStatus(error.status_code).phrase:
            message = str(error.detail)
        return answer(request, error.status_code, message, headers=error.headers)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return await known(request, WrongShape(error.errors()))

    async def nlu(request: Request, error: Exception) -> Response:
        assert isinstance(error, NluError)
        return answer(request, error.status, str(error), reason=error.reason)

    async def gone(request: Request, error: Exception) -> Response:
        return Response(status_code=400)  # nobody is there to read it

    async def unexpected(request: Request, error: Exception) -> Response:
        log.error("request.failed", path=request.url.path, error=type(error).__name__)
        return answer(request, 500, "Something went wrong here; the log of the server says what.")

    app.add_exception_handler(ParleyError, known)
    app.add_exception_handler(NluError, nlu)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(Exception, unexpected)


def _headers(error: ParleyError) -> dict[str, str]:
    """What a client should know beside the body: when to come again (whole seconds), or how."""
    after = getattr(error, "retry_after_s", None)
    if after is not None:
        return {"Retry-After": str(math.ceil(after)), **error.headers}
    asking = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    return {**asking, **error.headers}


class BodyTooLarge(ParleyError):
    """A request holds more bytes than the settings allow."""

    status = 413
    reason = "BodyTooLarge"


class BodyLimit:
    """Refuses bodies above ``most_bytes(path)`` with 413, before and while they are read."""

    def __init__(self, app: ASGIApp, *, most_bytes: Callable[[str], int]) -> None:
        self._app = app
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._most_bytes(scope["path"])
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and int(length) > most:
            await self._refuse(most, scope, receive, send)
            return
        await self._app(scope, self._counting(most, receive), send)

    def _counting(self, most: int, receive: Receive) -> Receive:
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > most:
                raise BodyTooLarge(_too_large(most))
            return message

        return counted

    async def _refuse(self, most: int, scope: Scope, receive: Receive, send: Send) -> None:
        response = problem(
            scope["path"],
            BodyTooLarge.status,
            _too_large(most),
            reason=BodyTooLarge.reason,
            headers={"Connection": "close"},
        )
        await response(scope, receive, send)


def _too_large(most: int) -> str:
    return f"The body is too large: at most {most} bytes."
