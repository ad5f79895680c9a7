"""Events on a RabbitMQ exchange, as Rasa's pika event broker sends them."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aio_pika
import msgspec
from aio_pika.abc import AbstractExchange

from bot.broker.base import Broker, Options, text, texts
from bot.errors import Unavailable

EXCHANGE, QUEUE = "rasa-exchange", "rasa_core_events"  # Rasa's defaults
PORT = 5672
TIMEOUT_S = 10.0


@asynccontextmanager
async def open_pika(options: Options, folder: Path) -> AsyncIterator[Broker]:
    """Publishes to ``exchange_name``, to which the ``queues`` are bound.

    ``url`` is a host or an amqp address, with ``port``, ``username``, ``password``. Connects when
    there is something to publish, so that the server starts without RabbitMQ.
    """
    broker = PikaBroker(
        _address(options),
        exchange=text(options, "exchange_name", EXCHANGE),
        queues=texts(options, "queues", QUEUE),
    )
    try:
        yield broker
    finally:
        await broker.close()


def _address(options: Options) -> str:
    url = text(options, "url")
    if "://" in url:
        return url
    login = ""
    if options.get("username"):
        password = quote(str(options.get("password") or ""), safe="")
        login = f"{quote(str(options['username']), safe='')}:{password}@"
    host = url if ":" in url else f"{url}:{options.get('port') or PORT}"
    return f"amqp://{login}{host}/"


class PikaBroker:
    """A durable fanout exchange and durable queues; the server confirms each batch."""

    def __init__(self, address: str, *, exchange: str, queues: Sequence[str]) -> None:
        self._address = address
        self._names = (exchange, queues)
        self._open = AsyncExitStack()
        self._exchange: AbstractExchange | None = None

    async def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        try:
            exchange = self._exchange or await self._connect()
            for event in events:
                message = aio_pika.Message(
                    msgspec.json.encode(event),
                    content_type="application/json",
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                )
                await exchange.publish(message, routing_key="", timeout=TIMEOUT_S)
        except (aio_pika.exceptions.AMQPError, OSError, TimeoutError, ssl.SSLError) as error:
            await self.close()  # the next batch connects anew
            reason = str(error) or type(error).__name__
            raise Unavailable(f"RabbitMQ takes no events now: {reason}.") from error

    async def close(self) -> None:
        self._exchange = None
        await self._open.aclose()

    async def _connect(self) -> AbstractExchange:
        name, queues = self._names
        connection = await aio_pika.connect(self._address, timeout=TIMEOUT_S)
        self._open.push_async_callback(connection.close)
        channel = await connection.channel(publisher_confirms=True)
        exchange = await channel.declare_exchange(name, aio_pika.ExchangeType.FANOUT, durable=True)
        for each in queues:
            queue = await channel.declare_queue(each, durable=True)
            await queue.bind(exchange, routing_key="")
        self._exchange = exchange
        return exchange
