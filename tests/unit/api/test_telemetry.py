import json
import logging

import pytest
import structlog
from prometheus_client import generate_latest

from bot.settings import Settings
from bot.telemetry import Metrics, start_logging


@pytest.fixture
def lines(capsys):
    def read():
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    return read


def test_a_line_is_an_event_and_its_facts(lines):
    start_logging(Settings(log_format="json"))
    structlog.get_logger("bot.inbox").info("turn.done", actions=3, nlu_ms=11.8)
    (line,) = lines()
    assert (line["event"], line["actions"], line["nlu_ms"]) == ("turn.done", 3, 11.8)
    assert (line["level"], line["logger"]) == ("info", "bot.inbox")
    assert line["timestamp"].endswith("Z")


def test_bound_ids_are_on_every_line(lines):
    start_logging(Settings(log_format="json"))
    with structlog.contextvars.bound_contextvars(conversation="anna"):
        structlog.get_logger().info("one")
        logging.getLogger("uvicorn.error").warning("two")
    assert [line["conversation"] for line in lines()] == ["anna", "anna"]


def test_records_of_others_come_in_the_same_form(lines):
    start_logging(Settings(log_format="json"))
    try:
        raise ValueError("boom")
    except ValueError:
        more = {"color_message": "Exception in \x1b[1mASGI"}
        logging.getLogger("uvicorn.error").exception("Exception in %s", "ASGI", extra=more)
    (line,) = lines()
    assert "color_message" not in line
    assert line["event"] == "Exception in ASGI"
    assert line["exception"][0]["exc_type"] == "ValueError"


@pytest.mark.parametrize(("level", "written"), [("INFO", 0), ("DEBUG", 1)])
def test_what_is_for_debug_is_written_at_debug_only(lines, level, written):
    start_logging(Settings(log_format="json", log_level=level))
    structlog.get_logger().debug("message.received", text="my secret")
    assert len(lines()) == written


def test_people_get_lines_without_json(capsys):
    start_logging(Settings(log_format="console"))
    structlog.get_logger().info("server.ready", project="shop")
    line = capsys.readouterr().err
    assert "server.ready" in line
    assert "project=shop" in line
    assert "{" not in line


def test_turns_and_steps_are_counted():
    metrics = Metrics()
    metrics.turn(channel="rest", outcome="done", steps_ms={"understand": 12.0, "act": 3.0})
    metrics.turn(channel="rest", outcome="done", steps_ms={"understand": 8.0})
    found = generate_latest(metrics.registry).decode()
    assert 'parley_turns_total{channel="rest",outcome="done"} 2.0' in found
    assert 'parley_step_seconds_count{step="understand"} 2.0' in found
    assert 'parley_step_seconds_sum{step="understand"} 0.02' in found


def test_the_nlu_queue_is_read_when_asked_for():
    metrics, waiting = Metrics(), [1, 2, 3]
    metrics.watch_nlu_queue(lambda: len(waiting))
    assert b"parley_nlu_queue 3.0" in generate_latest(metrics.registry)
    waiting.clear()
    assert b"parley_nlu_queue 0.0" in generate_latest(metrics.registry)


def test_two_servers_in_one_process_count_apart():
    one, other = Metrics(), Metrics()
    one.turn(channel="rest", outcome="done", steps_ms={})
    assert b"outcome=" not in generate_latest(other.registry)
