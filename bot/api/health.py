"""Whether the server lives, whether it can answer, and what it counts."""

from __future__ import annotations

import asyncio

import msgspec
import structlog
from fastapi import APIRouter
from fastapi.requests import Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.api.auth import requires
from bot.api.problems import problem
from bot.crew import Crew
from bot.errors import ParleyError, Unavailable
from bot.people.caller import open_to
from bot.running import Check, running
from bot.telemetry import Family, Together

CHECK_S = 3.0

log = structlog.get_logger(__name__)
router = APIRouter(tags=["operations"])
_families = msgspec.msgpack.Decoder(list[Family])


@router.get("/health")
@open_to("anyone")
async def health() -> dict[str, str]:
    """The process lives. Restart it when this does not answer."""
    return {"status": "ok"}


@router.get("/ready")
@open_to("anyone")
async def ready(request: Request) -> Response:
    """The model, Redis and SQL answer. Send no traffic here while this says 503."""
    checks = running(request).checks
    states = await asyncio.gather(*map(_state, checks.values()))
    found = dict(zip(checks, states, strict=True))
    if bad := [f"{name}: {state}" for name, state in found.items() if state != "ok"]:
        return problem(
            request.url.path, 503, " ".join(bad), reason="NotReady", details={"checks": found}
        )
    return JSONResponse({"status": "ok", "checks": found})


@router.get("/metrics", response_class=Response, dependencies=[requires("metrics")])
async def metrics(request: Request) -> Response:
    """Counts and timings in Prometheus's text format; of every worker, where there are several."""
    server = running(request)
    if server.crew is None:
        text = generate_latest(server.metrics.registry)
    else:
        text = generate_latest(Together(await _of_all(server.crew)))
    return Response(text, media_type=CONTENT_TYPE_LATEST)


async def _of_all(crew: Crew) -> dict[int, list[Family]]:
    """What each worker counted. Raises Unavailable where one does not say in time."""
    try:
        async with asyncio.timeout(CHECK_S):
            answers = await crew.ask("metrics")
    except TimeoutError as error:
        raise Unavailable("The workers of this server do not answer.") from error
    return {each.worker: _families.decode(each.body) for each in answers if not each.error}


async def _state(check: Check) -> str:
    try:
        await asyncio.wait_for(check(), CHECK_S)
    except TimeoutError:
        return f"no answer within {CHECK_S:g} seconds."
    except Exception as error:  # whatever keeps a part from working, /ready is there to say it
        log.warning("ready.failing", error=str(error) or type(error).__name__)
        said = error.told if isinstance(error, ParleyError) else str(error)
        return said or type(error).__name__
    return "ok"
