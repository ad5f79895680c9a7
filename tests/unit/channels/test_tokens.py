import httpx2
import pytest

from bot.channels.base import Delivery, Place, Refused, Unproven
from bot.channels.callback import open_callback
from bot.channels.opening import open_channels
from bot.channels.rest import open_rest
from bot.channels.socketio import open_socketio
from bot.channels.tokens import tokens_of
from bot.errors import SettingsError
from bot.settings import Settings
from tests.serving import echo_app, served

TOKEN, OLD = "n" * 20, "o" * 20
WEBHOOKS = ("/webhooks/rest/webhook", "/webhooks/callback/webhook")
SAID = {"sender": "anna", "message": "hi"}


@pytest.fixture
async def client():
    place = Place(None)
    credentials = {"url": "http://127.0.0.1:9", "token": [TOKEN, OLD]}
    channels = {
        "rest": open_rest({"token": [TOKEN, OLD]}, place),
        "callback": open_callback(credentials, place),
    }
    async with served(echo_app(channels=channels)) as client:
        yield client


@pytest.mark.parametrize("path", [*WEBHOOKS, "/webhooks/rest/webhook?stream=true"])
@pytest.mark.parametrize(
    "header", ["", TOKEN, f"Basic {TOKEN}", "Bearer", "Bearer x", f"Bearer {TOKEN[1:]}"]
)
async def test_who_does_not_show_the_channels_token_is_refused(client, path, header):
    answer = await client.post(path, json=SAID, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["reason"]) == (401, "NotAuthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", WEBHOOKS)
@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer  {OLD}"])
async def test_either_of_two_tokens_opens_the_channel(client, path, header):
    answer = await client.post(path, json=SAID, headers={"Authorization": header})
    assert answer.status_code == 200


async def test_a_token_in_the_address_opens_nothing(client):
    answer = await client.post(f"{WEBHOOKS[0]}?token={TOKEN}", json=SAID)
    assert answer.status_code == 401


@pytest.mark.parametrize("token", ["", "x", "Bearer ", TOKEN + "x", "\ud800"])
def test_a_page_without_the_channels_token_does_not_connect(token):
    channel = open_socketio({"token": TOKEN}, Place(None))
    with pytest.raises(Unproven):
        channel.verify(Delivery(b"", {}, {"token": token}))
    channel.verify(Delivery(b"", {}, {"token": TOKEN}))


def test_with_a_key_for_jwts_too_either_is_enough_and_nothing_else():
    channel = open_socketio({"token": TOKEN, "jwt_key": "k" * 32}, Place(None))
    channel.verify(Delivery(b"", {}, {"token": TOKEN}))
    with pytest.raises(Refused):
        channel.verify(Delivery(b"", {}, {"token": "x"}))


@pytest.mark.parametrize("token", ["", " ", 7, [], {}, [TOKEN, ""]])
def test_a_token_that_is_none_stops_the_start(token):
    if token == []:
        assert not tokens_of("rest", {"token": token})
        return
    with pytest.raises(SettingsError, match="rest: token"):
        tokens_of("rest", {"token": token})


@pytest.mark.parametrize("name", ["rest", "web", "callback", "socketio"])
async def test_a_channel_can_be_switched_off(name):
    credentials = {"callback": {"url": "http://h"}, "socketio": {}}
    switched = {**credentials, name: {**credentials.get(name, {}), "enabled": False}}
    async with httpx2.AsyncClient() as client:
        assert name in open_channels(credentials, Settings(), client)
        assert name not in open_channels(switched, Settings(), client)
        wrong = {**credentials, name: {"enabled": "no"}}
        with pytest.raises(SettingsError, match="true or false"):
            open_channels(wrong, Settings(), client)
