import json

import httpx2
import pytest

from bot.channels.base import Delivery
from bot.channels.callback import CallbackChannel
from bot.channels.rest import RestChannel
from bot.channels.socketio import Options, SocketioChannel
from bot.channels.telegram.channel import SECRET, Credentials, TelegramChannel
from bot.channels.web import WebChannel
from bot.testing.channel import ChannelContract


class TestRestChannel(ChannelContract):
    @pytest.fixture
    def channel(self):
        return RestChannel(most_chars=self.most_chars)

    def delivery(self, text, *, message_id="m-1"):
        body = {"sender": "anna", "message": text, "message_id": message_id}
        return Delivery(json.dumps(body).encode(), {}, {})


class TestRestChannelWithIdempotencyKey(ChannelContract):
    @pytest.fixture
    def channel(self):
        return RestChannel(most_chars=self.most_chars)

    def delivery(self, text, *, message_id="m-1"):
        body = {"sender": "anna", "message": text}
        return Delivery(json.dumps(body).encode(), {"idempotency-key": message_id}, {})


class TestCallbackChannel(ChannelContract):
    @pytest.fixture
    async def channel(self):
        async with httpx2.AsyncClient() as client:
            yield CallbackChannel("http://127.0.0.1:9", client, most_chars=self.most_chars)

    def delivery(self, text, *, message_id="m-1"):
        body = {"sender": "anna", "message": text, "message_id": message_id}
        return Delivery(json.dumps(body).encode(), {}, {})


class TestWebChannel(ChannelContract):
    @pytest.fixture
    def channel(self):
        return WebChannel(most_chars=self.most_chars)

    def delivery(self, text, *, message_id="m-1"):
        frame = {"type": "message", "id": message_id, "text": text}
        headers = {"host": "shop.example", "origin": "https://shop.example"}
        return Delivery(json.dumps(frame).encode(), headers, {"conversation": "web:" + "c" * 16})


class TestSocketioChannel(ChannelContract):
    @pytest.fixture
    def channel(self):
        return SocketioChannel(Options(session_persistence=True), most_chars=self.most_chars)

    def delivery(self, text, *, message_id="m-1"):
        event = {"message": text, "session_id": "s-1", "message_id": message_id}
        return Delivery(json.dumps(event).encode(), {}, {"sid": "connection"})


class TestSocketioChannelWithoutSessions(ChannelContract):
    @pytest.fixture
    def channel(self):
        return SocketioChannel(Options(), most_chars=self.most_chars)

    def delivery(self, text, *, message_id="m-1"):
        event = {"message": text, "message_id": message_id}
        return Delivery(json.dumps(event).encode(), {}, {"sid": "connection"})


class TestTelegramChannel(ChannelContract):
    credentials = Credentials("123:token", secret_token=("new", "old"))

    @pytest.fixture
    async def channel(self):
        async with httpx2.AsyncClient() as client:
            yield TelegramChannel(self.credentials, client, most_chars=self.most_chars)

    def delivery(self, text, *, message_id="m-1"):
        message = {"message_id": 1, "date": 0, "chat": {"id": 7, "type": "private"}, "text": text}
        update = {"update_id": int(message_id.removeprefix("m-")), "message": message}
        return Delivery(json.dumps(update).encode(), {SECRET: "old"}, {})
