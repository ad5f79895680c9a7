"""What a running server tells about itself: structured logs, step timings, metrics.

A turn is timed by ``with telemetry.turn(...)`` around it and ``with step("nlu")`` inside it; at
its end one line is logged. What users write goes into the log at DEBUG only.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from bot.settings import Settings

STEP_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_steps: ContextVar[dict[str, float] | None] = ContextVar("steps", default=None)
_log = structlog.get_logger()


class Metrics:
    """The Prometheus metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.turns = Counter(
            "parley_turns",
            "Turns taken, by channel and how they ended",
            ("channel", "outcome"),
            registry=self.registry,
        )
        self.steps = Histogram(
            "parley_step_seconds",
            "Wall time of the steps of a turn",
            ("step",),
            buckets=STEP_SECONDS,
            registry=self.registry,
        )
        self.errors = Counter(
            "parley_errors", "Error answers, by HTTP status", ("code",), registry=self.registry
        )
        self.sockets = Gauge("parley_sockets", "Web clients connected now", registry=self.registry)
        self._nlu_queue = Gauge(
            "parley_nlu_queue", "Messages waiting for the model", registry=self.registry
        )

    def watch_nlu_queue(self, length: Callable[[], float]) -> None:
        """Read the length of the NLU queue from ``length`` at every scrape."""
        self._nlu_queue.set_function(length)


@contextmanager
def turn(
    metrics: Metrics, *, conversation_id: str, message_id: str, channel: str
) -> Iterator[dict[str, Any]]:
    """Around a turn: binds its ids, collects its steps, logs one line. Facts may be added to
    what it gives."""
    facts: dict[str, Any] = {}
    steps: dict[str, float] = {}
    token = _steps.set(steps)
    outcome, began = "failed", time.perf_counter()
    with structlog.contextvars.bound_contextvars(conversation=conversation_id, message=message_id):
        try:
            yield facts
            outcome = "done"
        except Exception as error:
            outcome, facts["error"] = type(error).__name__.lower(), str(error)
            raise
        finally:
            _steps.reset(token)
            metrics.turns.labels(channel=channel, outcome=outcome).inc()
            for name, seconds in steps.items():
                metrics.steps.labels(step=name).observe(seconds)
            timings = {f"{name}_ms": round(seconds * 1000, 2) for name, seconds in steps.items()}
            whole = round((time.perf_counter() - began) * 1000, 2)
            _log.info(f"turn.{outcome}", channel=channel, **facts, **timings, turn_ms=whole)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Adds the wall time of the block to step ``name`` of the turn around it, if there is one."""
    steps = _steps.get()
    if steps is None:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    finally:
        steps[name] = steps.get(name, 0.0) + time.perf_counter() - began


def start_logging(settings: Settings) -> None:
    """Send structlog's, uvicorn's and everybody's records through one format, to stderr.

    Start uvicorn with ``log_config=None``, or it makes handlers of its own.
    """
    level, form = settings.log_level, settings.log_format
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(form == "json" or (form == "auto" and not sys.stderr.isatty())),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name in ("httpcore2", "httpx2", "aiosqlite", "websockets", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.getLevelName(level), logging.WARNING))


def _rendering(as_json: bool) -> list[structlog.types.Processor]:
    if as_json:
        return [
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
