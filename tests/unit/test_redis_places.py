"""URLs of Redis, and which node of a Cluster a command is for."""

from __future__ import annotations

import pytest
from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection
from redis.asyncio.sentinel import SentinelManagedSSLConnection
from redis.crc import key_slot

from bot.errors import SettingsError
from bot.store.cluster import read_slots, slot_of
from bot.store.link import connect
from bot.store.place import read_place


@pytest.mark.parametrize(
    ("url", "kind", "hosts", "service", "options"),
    [
        ("redis://localhost", "server", [("localhost", 6379)], "", {}),
        ("redis://:pa%3Ass@h:1/2", "server", [("h", 1)], "", {"password": "pa:ss", "db": 2}),
        ("redis://[::1]:7/0", "server", [("::1", 7)], "", {"db": 0}),
        (
            "redis+sentinel://ann:secret@a:1,b,c:3/desk/4",
            "sentinel",
            [("a", 1), ("b", 26379), ("c", 3)],
            "desk",
            {"username": "ann", "password": "secret", "db": 4},
        ),
        (
            "redis+cluster://a:7000,b:7001",
            "cluster",
            [("a", 7000), ("b", 7001)],
            "",
            {},
        ),
    ],
)
def test_a_url_says_where_redis_is(url, kind, hosts, service, options):
    place = read_place(url)
    assert (place.kind, list(place.hosts), place.service) == (kind, hosts, service)
    assert place.options == options
    assert not place.tls
    assert "secret" not in str(place)
    assert "ss" not in str(place)


def test_a_socket_of_this_machine_has_a_path():
    place = read_place("unix:///tmp/redis.sock?db=2")
    assert place.options == {"path": "/tmp/redis.sock", "db": 2}
    assert str(place) == "/tmp/redis.sock"
    assert place.connections(1.0).connection_class is UnixDomainSocketConnection
    connect("unix:///tmp/redis.sock")


def test_sentinel_has_a_login_of_its_own():
    url = "rediss+sentinel://:one@a/desk?sentinel_password=two&ssl_ca_certs=/ca.pem"
    place = read_place(url)
    assert place.tls
    assert place.options == {"password": "one", "ssl_ca_certs": "/ca.pem"}
    assert place.sentinel_options == {"password": "two", "ssl_ca_certs": "/ca.pem"}


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("rediss://a", SSLConnection),
        ("rediss+cluster://a,b", SSLConnection),
        ("rediss+sentinel://a/desk", SentinelManagedSSLConnection),
    ],
)
def test_rediss_means_tls(url, kind):
    assert read_place(url).connections(1.0).connection_class is kind


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://a", r"should begin with redis://, rediss://"),
        ("redis+sentinel://a:1", "needs the master's name"),
        ("redis+cluster://a/3", "no database but 0"),
        ("redis+cluster://a,,b", "names no host"),
        ("redis://a:port", "cannot be read"),
    ],
)
def test_a_url_that_is_none_is_refused_with_a_sentence(url, reason):
    with pytest.raises(SettingsError, match=reason):
        read_place(url)


def test_an_option_that_redis_does_not_have_is_named():
    with pytest.raises(SettingsError, match="colour"):
        connect("redis://a?colour=red")


@pytest.mark.parametrize("name", ["ann", "", "}ann", "a}b", "{}", "a%7Db", "web:1", "{ann}", "ä}"])
def test_all_keys_of_a_conversation_are_in_one_slot(name):
    link = connect("redis://a")
    kinds = ("tracker", "events", "lease", "outbox", "news", "session")
    assert len({key_slot(link.key(name, kind).encode()) for kind in kinds}) == 1
    assert link.key("a}b", "lease") != link.key("a%7Db", "lease")


def test_a_command_goes_where_its_key_is():
    slot = key_slot(b"parley:{ann}:lease")
    assert slot_of(("GET", "parley:{ann}:lease")) == slot
    assert slot_of(("EVALSHA", "0123", 1, b"parley:{ann}:lease", "token")) == slot
    assert slot_of(("EVAL", "return 1", 2, "parley:{ann}:a", "parley:{ann}:b")) == slot
    assert slot_of(("PUBLISH", "parley:{ann}:news", "x")) == slot, "in order"
    for anywhere in (("PING",), ("EVAL", "return 1", 0)):
        assert slot_of(anywhere) is None


def test_slots_are_known_when_every_one_has_a_node():
    here = ("10.0.0.1", 7)
    whole = [[0, 99, [b"10.0.0.2", 7, b"id"]], [100, 16383, [b"", 8, b"id"], [b"replica", 9]]]
    slots = read_slots(whole, here)
    assert (slots[0], slots[100]) == (("10.0.0.2", 7), ("10.0.0.1", 8))
    assert read_slots(whole[:1], here) == {}
