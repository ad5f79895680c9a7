"""What the Kafka broker makes of endpoints.yml, and a Kafka that is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from aiokafka.errors import KafkaTimeoutError

from bot.broker import kafka
from bot.broker.kafka import open_kafka
from bot.errors import SettingsError, Unavailable

EVENTS = [{"sender_id": name, "event": "restart"} for name in ("ann", "bob")]


class Producer:
    """Stands in for the library's; remembers what it was made with and told."""

    made: ClassVar[list[Producer]] = []

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments
        self.sent: list[tuple[str, bytes, bytes]] = []
        self.is_open = False
        self.fails = False
        self.made.append(self)

    async def start(self) -> None:
        self.is_open = True

    async def stop(self) -> None:
        self.is_open = False

    async def send(self, topic: str, value: bytes, *, key: bytes) -> Any:
        async def kept() -> None:
            if self.fails:
                raise KafkaTimeoutError
            self.sent.append((topic, key, value))

        return kept()


@pytest.fixture(autouse=True)
def producers(monkeypatch: pytest.MonkeyPatch) -> list[Producer]:
    monkeypatch.setattr(Producer, "made", [])
    return Producer.made


async def test_events_are_sent_with_the_conversation_as_their_key(
    producers: list[Producer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kafka, "AIOKafkaProducer", Producer)
    options = {
        "url": ["one:9092", "two:9092"],
        "topic": "talk",
        "sasl_username": "ann",
        "sasl_password": "secret",
    }
    async with open_kafka(options, tmp_path) as broker:
        await broker.publish(EVENTS)
        await broker.publish(EVENTS)
        (producer,) = producers
        assert [(topic, key) for topic, key, _ in producer.sent] == [
            ("talk", b"ann"),
            ("talk", b"bob"),
        ] * 2
    assert not producer.is_open
    assert producer.arguments["bootstrap_servers"] == ["one:9092", "two:9092"]
    assert producer.arguments["security_protocol"] == "SASL_PLAINTEXT"
    assert producer.arguments["sasl_plain_password"] == "secret"


async def test_after_a_failure_it_connects_anew(
    producers: list[Producer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kafka, "AIOKafkaProducer", Producer)
    options = {"url": "one:9092", "security_protocol": "PLAINTEXT"}
    async with open_kafka(options, tmp_path) as broker:
        await broker.publish(EVENTS[:1])
        producers[0].fails = True
        with pytest.raises(Unavailable, match="Kafka takes no events now"):
            await broker.publish(EVENTS)
        await broker.publish(EVENTS)
    assert [len(each.sent) for each in producers] == [1, 2]


async def test_a_kafka_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    options = {"url": "127.0.0.1:1", "security_protocol": "PLAINTEXT"}
    async with open_kafka(options, tmp_path) as broker:
        with pytest.raises(Unavailable, match="Kafka takes no events now"):
            await broker.publish(EVENTS)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "needs a text at url"),
        ({"url": []}, "needs a text at url"),
        ({"url": "k:1"}, "needs a text at sasl_username"),
        ({"url": "k:1", "security_protocol": "SSL", "ssl_cafile": "no.pem"}, r"no\.pem"),
    ],
)
async def test_what_is_missing_is_told(options: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=told):
        async with open_kafka(options, tmp_path):
            pass
