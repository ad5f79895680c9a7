"""Nothing of the stores that endpoints.yml names is left out without a word."""

from __future__ import annotations

from typing import Any

import pytest

from bot.project.project import Endpoints
from bot.rasa_stores import redis_prefix, store_hints
from bot.settings import load_settings

POSTGRES = {"type": "SQL", "dialect": "postgresql", "url": "db", "username": "u", "password": "p"}
REDIS = {"type": "redis", "url": "cache", "use_ssl": True, "ssl_ca_certs": "ca.pem"}


def hints(**stores: dict[str, Any]) -> list[str]:
    endpoints = Endpoints(**stores)
    return list(store_hints(endpoints, load_settings().completed(endpoints)))


@pytest.mark.parametrize(
    "stores",
    [
        {},
        {"tracker_store": POSTGRES},
        {"tracker_store": {"type": "sql", "dialect": "sqlite", "db": "rasa.db"}},
        {"tracker_store": {"type": "InMemory"}, "lock_store": {"type": "in_memory"}},
        {"lock_store": REDIS},
    ],
)
def test_stores_that_are_used_need_no_word(stores: dict[str, Any]) -> None:
    assert hints(**stores) == []


@pytest.mark.parametrize("kind", ["mongod", "dynamo", "my_stores.Own"])
def test_a_tracker_store_of_another_kind_is_told_with_where_the_log_is(kind: str) -> None:
    (hint,) = hints(tracker_store={"type": kind, "url": "mongodb://x"})
    assert hint == (
        f"endpoints.yml: tracker_store: no type {kind} here. The log is kept in "
        "sqlite:///.parley/parley.db; name another with PARLEY_DATABASE_URL."
    )


@pytest.mark.parametrize("dialect", ["mysql+pymysql", "oracle", "mssql"])
def test_a_dialect_that_is_not_written_is_told_with_where_the_log_is(dialect: str) -> None:
    (hint,) = hints(tracker_store={**POSTGRES, "dialect": dialect})
    assert f"no dialect {dialect} here. The log is kept in sqlite:///" in hint


def test_redis_as_a_tracker_store_holds_what_is_live() -> None:
    (hint,) = hints(tracker_store=REDIS)
    assert "Redis holds live conversations only. The log is kept in sqlite:///" in hint


def test_a_lock_store_of_another_kind_is_told() -> None:
    (hint,) = hints(lock_store={"type": "my_locks.Zoo"})
    assert "no type my_locks.Zoo here" in hint


def test_keys_without_effect_are_named() -> None:
    told = hints(
        tracker_store={**POSTGRES, "login_db": "postgres"},
        lock_store={**REDIS, "socket_timeout": 3, "record_exp": 7},
    )
    assert told == [
        "endpoints.yml: tracker_store: login_db without effect here.",
        "endpoints.yml: lock_store: record_exp, socket_timeout without effect here.",
    ]


def test_a_password_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_DATABASE_URL", "postgresql://ann:secret@db/parley")
    (hint,) = hints(tracker_store={"type": "mongod"})
    assert "secret" not in hint
    assert "postgresql://db/parley" in hint


def test_certificates_of_redis_go_into_its_address() -> None:
    endpoints = Endpoints(lock_store=REDIS)
    url = load_settings().completed(endpoints).redis_url
    assert url == "rediss://cache:6379/0?ssl_ca_certs=ca.pem"


def test_two_servers_on_one_redis_are_kept_apart_as_in_rasa() -> None:
    assert redis_prefix(Endpoints()) == "parley"
    assert redis_prefix(Endpoints(lock_store={**REDIS, "key_prefix": "shop"})) == "shop:parley"
    stores = Endpoints(tracker_store={**REDIS, "key_prefix": "old"})
    assert redis_prefix(stores) == "old:parley"
