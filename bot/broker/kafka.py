"""Events in a Kafka topic, as Rasa's Kafka event broker sends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.helpers import create_ssl_context

from bot.broker.base import Broker, Options, text, texts
from bot.errors import SettingsError, Unavailable

TOPIC, PROTOCOL, MECHANISM = "rasa_core_events", "SASL_PLAINTEXT", "PLAIN"  # Rasa's defaults


@asynccontextmanager
async def open_kafka(options: Options, folder: Path) -> AsyncIterator[Broker]:
    """Publishes to ``topic`` at the servers in ``url``; the conversation is the key, so that its
    events stay in order. Connects when there is something to publish.
    """
    broker = KafkaBroker(text(options, "topic", TOPIC), _arguments(options, folder))
    try:
        yield broker
    finally:
        await broker.close()


def _arguments(options: Options, folder: Path) -> dict[str, Any]:
    protocol = text(options, "security_protocol", PROTOCOL).upper()
    arguments: dict[str, Any] = {
        "bootstrap_servers": texts(options, "url"),
        "client_id": options.get("client_id"),
        "security_protocol": protocol,
    }
    if "SASL" in protocol:
        arguments |= {
            "sasl_mechanism": text(options, "sasl_mechanism", MECHANISM),
            "sasl_plain_username": text(options, "sasl_username"),
            "sasl_plain_password": text(options, "sasl_password"),
        }
    if "SSL" in protocol:
        files = {key: options.get(f"ssl_{key}") for key in ("cafile", "certfile", "keyfile")}
        found = {key: str(folder / str(file)) for key, file in files.items() if file}
        try:
            context = create_ssl_context(**found)
        except OSError as error:
            raise SettingsError(f"endpoints.yml: event_broker: {found}: {error}.") from error
        context.check_hostname = bool(options.get("ssl_check_hostname", False))
        arguments["ssl_context"] = context
    return arguments


class KafkaBroker:
    """One producer, connected while it works."""

    def __init__(self, topic: str, arguments: Mapping[str, Any]) -> None:
        self._topic = topic
        self._arguments = dict(arguments)
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        try:
            producer = self._producer or await self._connect()
            sent = [
                await producer.send(
                    self._topic,
                    msgspec.json.encode(event),
                    key=str(event["sender_id"]).encode("utf-8", "replace"),
                )
                for event in events
            ]
            await asyncio.gather(*sent)
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()  # the next batch connects anew
            raise Unavailable(f"Kafka takes no events now: {error!r}.") from error

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def _connect(self) -> AIOKafkaProducer:
        # Idempotent: a batch sent again within the producer keeps its order and is not doubled.
        producer = AIOKafkaProducer(enable_idempotence=True, acks="all", **self._arguments)
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer
        return producer
