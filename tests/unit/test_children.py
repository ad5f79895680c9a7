"""What several workers of one server share, without processes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from prometheus_client import generate_latest

from bot.children.workers import LONGEST_PAUSE_S, STEADY_S, Pause
from bot.crew import Crew, OrderFailed, carried_out
from bot.errors import BadRequest, Unavailable
from bot.line import AllDone, Begin, Done, Failed, Line, Order, Said, Up
from bot.telemetry import Family, Metrics, Together


@asynccontextmanager
async def ends() -> AsyncIterator[tuple[Line, Line]]:
    one, other = socket.socketpair()
    here, there = await Line.over(one), await Line.over(other)
    try:
        yield here, there
    finally:
        await here.close()
        await there.close()


async def told(*said: Up) -> Crew:
    """A crew that heard this."""
    async with ends() as (here, there):
        crew = Crew(1, here)
        for each in said:
            there.say(each)
        await there.close()
        await crew.work({})
    return crew


async def refuse(_body: bytes) -> bytes:
    raise BadRequest("There is no such model.")


async def break_down(_body: bytes) -> bytes:
    raise RuntimeError("a secret")


async def echo(body: bytes) -> bytes:
    return body


async def test_what_is_said_on_a_line_arrives_in_order_until_the_other_end_is_gone():
    said: list[Said] = [Begin(1, {"port": 0}, {}, (Order(7, "load", b"x" * 100_000),)), Up(1, 2)]

    async def say(here: Line) -> None:
        for each in said:
            here.say(each)
        await here.close()

    async with ends() as (here, there), asyncio.TaskGroup() as group:
        group.create_task(say(here))
        assert [each async for each in there.said()] == said


async def test_an_error_crosses_with_its_status_and_nothing_of_a_mistake_does():
    done = await carried_out(Order(3, "load"), {"load": refuse}, 2)
    assert done.error == Failed("There is no such model.", 400, "BadRequest")
    done = await carried_out(Order(3, "load"), {"load": break_down}, 2)
    assert done.error is not None
    assert "secret" not in done.error.sentence
    assert done.error.status == 500


async def test_the_first_error_of_any_worker_is_raised_where_it_was_asked():
    async with ends() as (here, there):
        crew = Crew(1, here)
        working = asyncio.create_task(crew.work({}))
        ordering = asyncio.create_task(crew.order("load"))
        order = await anext(there.said())
        assert isinstance(order, Order)
        assert order.in_turn
        failed = Failed("There is no such model.", 400, "BadRequest")
        there.say(AllDone(order.number, (Done(1), Done(2, error=failed))))
        with pytest.raises(OrderFailed, match="no such model") as raised:
            await ordering
        assert raised.value.status == 400
        await there.close()
        await working


async def test_what_is_asked_in_turn_waits_for_what_was_asked_before_and_a_ping_does_not():
    let_through = asyncio.Event()

    async def slow(body: bytes) -> bytes:
        await let_through.wait()
        return body

    asked = (Order(1, "slow", in_turn=True), Order(2, "echo", in_turn=True), Order(3, "echo"))
    async with ends() as (here, there):
        working = asyncio.create_task(Crew(1, here).work({"slow": slow, "echo": echo}))
        for order in asked:
            there.say(order)
        answers = there.said()
        first = await anext(answers)
        let_through.set()
        later = [await anext(answers), await anext(answers)]
        assert [done.number for done in (first, *later) if isinstance(done, Done)] == [3, 1, 2]
        await there.close()
        await working


async def test_a_crew_is_ready_once_all_were_up_together():
    with pytest.raises(Unavailable, match="1 of 2 workers are up"):
        await (await told(Up(1, 2))).check()
    crew = await told(Up(2, 2), Up(1, 2))
    await crew.check()
    assert crew.count.up == 1


def test_a_worker_that_keeps_ending_is_started_again_later_and_later():
    pause = Pause()
    waits = [pause.after(lived_s=1.0) for _ in range(8)]
    assert waits[:4] == [0.0, 1.0, 2.0, 4.0]
    assert waits[-1] == LONGEST_PAUSE_S
    assert pause.after(lived_s=STEADY_S) == 0.0


def test_metrics_of_several_workers_stand_beside_each_other():
    read = {}
    for worker, times in ((1, 2), (2, 3)):
        metrics = Metrics()
        for _ in range(times):
            metrics.turn(channel="rest", outcome="done", steps_ms={"nlu": 3.0})
        packed = msgspec.msgpack.encode(metrics.read())
        read[worker] = msgspec.msgpack.decode(packed, type=list[Family])
    text = generate_latest(Together(read)).decode()  # type: ignore[arg-type]
    assert 'parley_turns_total{channel="rest",outcome="done",worker="1"} 2.0' in text
    assert 'parley_turns_total{channel="rest",outcome="done",worker="2"} 3.0' in text
    assert 'parley_step_seconds_bucket{le="0.005",step="nlu",worker="2"} 3.0' in text
    assert text.count("# TYPE parley_turns_total counter") == 1
