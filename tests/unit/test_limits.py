import json
from ipaddress import ip_network

import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from bot.channels.base import Place
from bot.channels.rest import open_rest
from bot.limits import Limits, TooMany, limits_of
from bot.settings import Settings
from bot.store.limits import Rate
from tests.serving import echo_app

SLOW = Rate(2, 3600.0)
REST, CALLBACK = "/webhooks/rest/webhook", "/webhooks/callback/webhook"
SOCKET = "/webhooks/web/socket"


def clients(app):
    return TestClient(app, client=("203.0.113.7", 1234))


def say(client, sender="anna", path=REST, **headers):
    return client.post(path, json={"sender": sender, "message": "hi"}, headers=headers)


@pytest.mark.parametrize("path", [REST, CALLBACK])
def test_too_many_messages_are_answered_429_and_when_to_come_again(path):
    with clients(echo_app(limits=Limits(conversation=SLOW))) as client:
        assert [say(client, path=path).status_code for _ in range(3)] == [200, 200, 429]
        refused = say(client, path=path)
        assert refused.json()["reason"] == "TooManyRequests"
        assert 0 < int(refused.headers["Retry-After"]) <= 1800
        assert say(client, "berta", path=path).status_code == 200


def test_what_is_refused_is_not_in_the_inbox_and_may_come_again():
    seen = []
    with clients(echo_app(limits=Limits(conversation=SLOW), watch=seen.append)) as client:
        for _ in range(5):
            say(client)
    assert len(seen[0].accepted) == 2


def test_an_address_is_counted_over_all_its_conversations():
    with clients(echo_app(limits=Limits(address=SLOW))) as client:
        found = [say(client, f"user-{number}").status_code for number in range(3)]
    assert found == [200, 200, 429]


def test_of_clients_with_a_token_only_the_conversation_is_counted():
    channels = {"rest": open_rest({"token": "t" * 20}, Place(None))}
    limits = Limits(conversation=SLOW, address=SLOW)
    with clients(echo_app(limits=limits, channels=channels)) as client:
        shown = {"Authorization": f"Bearer {'t' * 20}"}
        assert [say(client, f"u{n}", **shown).status_code for n in range(3)] == [200, 200, 200]
        assert [say(client, "anna", **shown).status_code for _ in range(3)] == [200, 200, 429]


async def test_what_a_verified_service_delivers_is_never_refused():
    limits = Limits(conversation=Rate(1, 3600.0), address=Rate(1, 3600.0))
    for _ in range(10):
        await limits.message("203.0.113.7", "anna", clients=None)


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1", ""])
async def test_who_is_exempt_is_not_counted(address):
    exempt = [ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")]
    limits = Limits(
        conversation=SLOW, address=SLOW, most_sockets=0, most_per_address=1, exempt=exempt
    )
    for _ in range(10):
        await limits.message(address, "anna")
    with limits.socket(address), limits.socket(address):
        pass


async def test_a_subscriber_of_ipv6_is_counted_by_his_network():
    limits = Limits(address=SLOW)
    await limits.message("2001:db8:1:2::1", "a")
    await limits.message("2001:db8:1:2:ffff::9", "b")
    await limits.message("2001:db8:1:3::1", "c")
    with pytest.raises(TooMany):
        await limits.message("2001:db8:1:2:3:4:5:6", "d")


def test_sockets_are_counted_in_all_and_by_address_and_come_free_again():
    limits = Limits(most_sockets=3, most_per_address=2)
    with limits.socket("192.0.2.1"), limits.socket("192.0.2.1"):
        with pytest.raises(TooMany, match="your address"), limits.socket("192.0.2.1"):
            pass
        with (
            limits.socket("192.0.2.2"),
            pytest.raises(TooMany, match="Too many pages"),
            limits.socket("192.0.2.3"),
        ):
            pass
        with limits.socket("192.0.2.3"):
            pass
    assert limits._sockets == {}


def test_a_page_too_many_is_told_when_to_come_again():
    with clients(echo_app(limits=Limits(most_per_address=1))) as client:
        with client.websocket_connect(SOCKET) as first:
            first.send_json({"type": "begin"})
            first.receive_json()
            with client.websocket_connect(SOCKET) as second:
                told = second.receive_json()
                with pytest.raises(WebSocketDisconnect) as closed:
                    second.receive_json()
        with client.websocket_connect(SOCKET) as third:
            third.send_json({"type": "begin"})
            assert third.receive_json()["type"] == "begun"
    assert (told["reason"], closed.value.code) == ("TooManyRequests", 1013)
    assert told["retry_after_s"] > 0


def test_a_page_that_says_too_much_is_told_of_which_message_and_when_to_say_it_again():
    with (
        clients(echo_app(limits=Limits(conversation=SLOW))) as client,
        client.websocket_connect(SOCKET) as socket,
    ):
        socket.send_json({"type": "begin"})
        for number in range(3):
            socket.send_text(json.dumps({"type": "message", "id": f"m-{number}", "text": "hi"}))
        frame = {}
        while frame.get("type") != "error":
            frame = socket.receive_json()
    assert (frame["id"], frame["reason"]) == ("m-2", "TooManyRequests")
    assert 0 < frame["retry_after_s"] <= 1800


async def test_the_settings_say_how_many():
    limits = limits_of(Settings(conversation_rate="1/60", address_rate="none", unlimited=""))
    await limits.message("127.0.0.1", "anna")
    with pytest.raises(TooMany):
        await limits.message("127.0.0.1", "anna")
    free = limits_of(Settings(conversation_rate="none", address_rate="none"))
    for _ in range(5000):
        await free.message("203.0.113.7", "anna")


async def test_by_default_a_load_test_on_this_machine_meets_no_limit():
    limits = limits_of(Settings())
    for _ in range(5000):
        await limits.message("127.0.0.1", "anna")
    for _ in range(60):
        await limits.message("203.0.113.7", "anna")
    with pytest.raises(TooMany):
        await limits.message("203.0.113.7", "anna")


@pytest.mark.parametrize("wrong", ["0/60", "60", "60/0", "-1/60", "60/60/60", "many", "1e3/60"])
def test_a_rate_that_is_none_stops_the_start(wrong):
    with pytest.raises(ValueError, match="conversation_rate"):
        Settings(conversation_rate=wrong)


@pytest.mark.parametrize("name", ["unlimited", "trusted_proxies"])
def test_a_network_that_is_none_stops_the_start(name):
    with pytest.raises(ValueError, match=name):
        Settings(**{name: "10.0.0.1/8, nonsense"})
