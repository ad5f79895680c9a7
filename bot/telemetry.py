"""What a running server tells about itself: structured logs and metrics.

What users write goes into the log at DEBUG only.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.samples import Sample
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict

from bot.settings import Settings

QUIET = ("uvicorn", "alembic", "httpcore2", "httpx2", "websockets", "asyncio")
STEP_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


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
        # To find one by its labels takes longer than to count.
        self._ended = cache(lambda channel, outcome: self.turns.labels(channel, outcome))
        self._took = cache(lambda step: self.steps.labels(step))
        self.errors = Counter(
            "parley_errors", "Error answers, by HTTP status", ("code",), registry=self.registry
        )
        self.sockets = Gauge("parley_sockets", "Web clients connected now", registry=self.registry)
        self._nlu_queue = Gauge(
            "parley_nlu_queue", "Messages waiting for the model", registry=self.registry
        )

    def turn(self, *, channel: str, outcome: str, steps_ms: Mapping[str, float]) -> None:
        """Count a turn that ended as ``outcome`` (``done``, ``conflict``, ``failed``…)."""
        self._ended(channel, outcome).inc()
        for step, ms in steps_ms.items():
            self._took(step).observe(ms / 1000)

    def read(self) -> list[Family]:
        """What is counted now."""
        return [
            Family(each.name, each.documentation, each.type, [_value(one) for one in each.samples])
            for each in self.registry.collect()
        ]

    def watch_nlu_queue(self, length: Callable[[], float]) -> None:
        """Read the length of the NLU queue from ``length`` at every scrape."""
        self._nlu_queue.set_function(length)


class Value(msgspec.Struct, frozen=True, array_like=True):
    """One line of Prometheus's text format."""

    name: str
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """A metric with its values, on its way from process to process."""

    name: str
    documentation: str
    type: str
    values: list[Value]


def _value(sample: Sample) -> Value:
    return Value(sample.name, dict(sample.labels), sample.value)


class Together:
    """The metrics of several workers as one registry, each value with the label ``worker``.

    Counts are those of a process, and begin anew with it: sum rates, not values.
    """

    def __init__(self, read: Mapping[int, Sequence[Family]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """Every metric, once."""
        found: dict[str, Metric] = {}
        for worker, families in sorted(self._read.items()):
            for each in families:
                metric = found.setdefault(
                    each.name, Metric(each.name, each.documentation, each.type)
                )
                for one in each.values:
                    metric.add_sample(one.name, {**one.labels, "worker": str(worker)}, one.value)
        return found.values()


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
        # What is below the level costs nothing.
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(), _without_colours],
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
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.getLevelName(level), logging.WARNING))


def _without_colours(_logger: object, _method: str, line: EventDict) -> EventDict:
    """uvicorn says some things twice, the second time for terminals."""
    line.pop("color_message", None)
    return line


def _rendering(as_json: bool) -> list[structlog.types.Processor]:
    """Tracebacks without local variables: those hold what users write."""
    if as_json:
        return [
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
