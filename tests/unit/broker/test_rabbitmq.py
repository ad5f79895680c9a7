"""Events handed on to RabbitMQ, whose side of AMQP 0-9-1 is played here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pamqp import body, commands, frame, header

from bot.broker.pika import open_pika
from bot.errors import SettingsError, Unavailable

EVENTS = [{"sender_id": "ann", "event": "restart", "n": n} for n in range(3)]


@dataclass
class Rabbit:
    """Answers what a publisher asks, and remembers what it was told."""

    port: int = 0
    told: list[Any] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    properties: list[commands.Basic.Properties] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        assert (await reader.readexactly(8)).startswith(b"AMQP")
        able: dict[str, Any] = {"capabilities": {"publisher_confirms": True}}
        hello = commands.Connection.Start(server_properties=able, mechanisms="PLAIN")
        writer.write(frame.marshal(hello, 0))
        tags = 0
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(7)
                rest = await reader.readexactly(int.from_bytes(head[3:]) + 1)
                _, channel, said = frame.unmarshal(head + rest)
                tags += isinstance(said, body.ContentBody)
                for answer in self._answers(said, tags):
                    writer.write(frame.marshal(answer, channel))
        writer.close()

    def _answers(self, said: Any, tags: int) -> list[Any]:
        match said:
            case commands.Connection.StartOk():
                self.logins.append(str(said.response))
                return [commands.Connection.Tune(channel_max=10, frame_max=131072, heartbeat=0)]
            case commands.Connection.Open():
                return [commands.Connection.OpenOk()]
            case commands.Channel.Open():
                return [commands.Channel.OpenOk()]
            case commands.Confirm.Select():
                return [commands.Confirm.SelectOk()]
            case commands.Exchange.Declare():
                self.told.append(("exchange", said.exchange, said.exchange_type, said.durable))
                return [commands.Exchange.DeclareOk()]
            case commands.Queue.Declare():
                self.told.append(("queue", said.queue, said.durable))
                return [commands.Queue.DeclareOk(said.queue, 0, 0)]
            case commands.Queue.Bind():
                self.told.append(("bind", said.queue, said.exchange))
                return [commands.Queue.BindOk()]
            case commands.Basic.Publish():
                self.told.append(("publish", said.exchange))
            case header.ContentHeader():
                self.properties.append(said.properties)
            case body.ContentBody():
                self.bodies.append(said.value)
                return [commands.Basic.Ack(tags)]
            case commands.Channel.Close():
                return [commands.Channel.CloseOk()]
            case commands.Connection.Close():
                return [commands.Connection.CloseOk()]
        return []


@pytest.fixture
async def rabbit() -> AsyncIterator[Rabbit]:
    rabbit = Rabbit()
    server = await asyncio.start_server(rabbit.serve, "127.0.0.1", 0)
    rabbit.port = server.sockets[0].getsockname()[1]
    async with server:
        yield rabbit
        for writer in rabbit.writers:
            writer.close()


async def test_events_are_published_to_a_durable_exchange_bound_to_the_queues(
    rabbit: Rabbit, tmp_path: Path
) -> None:
    options = {
        "url": "127.0.0.1",
        "port": rabbit.port,
        "username": "ann",
        "password": "s/cret",
        "queues": ["one", "two"],
        "exchange_name": "talk",
    }
    async with open_pika(options, tmp_path) as broker:
        await broker.publish(EVENTS[:2])
        await broker.publish(EVENTS[2:])
    assert rabbit.told == [
        ("exchange", "talk", "fanout", True),
        ("queue", "one", True),
        ("bind", "one", "talk"),
        ("queue", "two", True),
        ("bind", "two", "talk"),
        *[("publish", "talk")] * 3,
    ]
    assert [json.loads(each) for each in rabbit.bodies] == EVENTS
    assert {each.delivery_mode for each in rabbit.properties} == {2}
    assert "ann" in rabbit.logins[0]
    assert "s/cret" in rabbit.logins[0]


async def test_a_server_that_went_away_is_unavailable_and_connected_anew(
    rabbit: Rabbit, tmp_path: Path
) -> None:
    async with open_pika({"url": f"amqp://127.0.0.1:{rabbit.port}/"}, tmp_path) as broker:
        await broker.publish(EVENTS[:1])
        rabbit.writers[0].transport.abort()
        with pytest.raises(Unavailable, match="RabbitMQ takes no events now"):
            await broker.publish(EVENTS)
        await broker.publish(EVENTS)
    assert len(rabbit.writers) == 2
    assert [json.loads(each) for each in rabbit.bodies[-3:]] == EVENTS


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    async with open_pika({"url": "127.0.0.1", "port": 1}, tmp_path) as broker:
        with pytest.raises(Unavailable, match="RabbitMQ takes no events now"):
            await broker.publish(EVENTS)


async def test_a_broker_without_url_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="needs a text at url"):
        async with open_pika({"type": "pika"}, tmp_path):
            pass
