import re
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.project.project import Endpoints
from bot.settings import load_settings, settings_page, unknown_variables

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "LOG_LEVEL", "CORS", "REDIS_URL", "DATABASE_URL", "HOME", "PROJECT"):
        monkeypatch.delenv(f"PARLEY_{name}", raising=False)


def test_every_setting_has_a_default():
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 5005)
    assert settings.sql_url == "sqlite:///.parley/parley.db"
    assert settings.models_folder == Path("models")


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("PARLEY_PORT", "8080")
    monkeypatch.setenv("PARLEY_LOG_LEVEL", "debug")
    monkeypatch.setenv("PARLEY_CORS", "https://shop.example, https://help.example")
    settings = load_settings()
    assert settings.port == 8080
    assert settings.log_level == "DEBUG"
    assert settings.cors == ("https://shop.example", "https://help.example")


def test_rasas_own_limit_of_predictions_counts(monkeypatch):
    monkeypatch.setenv("MAX_NUMBER_OF_PREDICTIONS", "15")
    assert load_settings().most_actions == 15
    monkeypatch.setenv("PARLEY_MOST_ACTIONS", "5")
    assert load_settings().most_actions == 5


def test_what_is_given_comes_before_the_environment(monkeypatch):
    monkeypatch.setenv("PARLEY_PORT", "8080")
    assert load_settings(port=9090, host=None).port == 9090


def test_an_empty_variable_counts_as_not_given(monkeypatch):
    monkeypatch.setenv("PARLEY_REDIS_URL", "")
    assert load_settings().redis_url is None


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PARLEY_PORT", "http", "PARLEY_PORT is 'http', but it should be a valid integer"),
        ("PARLEY_PORT", "70000", "PARLEY_PORT is '70000', but it should be less than or equal"),
        ("PARLEY_LOG_FORMAT", "xml", "PARLEY_LOG_FORMAT is 'xml', but it should be 'auto'"),
        ("PARLEY_ACTIONS_URL", "localhost", "but it should begin with http://"),
    ],
)
def test_a_wrong_setting_is_a_sentence_naming_variable_value_and_what_is_right(
    monkeypatch, name, value, said
):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=re.escape(said)) as raised:
        load_settings()
    assert "\n" not in str(raised.value)


def test_an_url_that_may_hold_a_password_is_not_repeated(monkeypatch):
    monkeypatch.setenv("PARLEY_REDIS_URL", "http://:secret@host")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert "PARLEY_REDIS_URL" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_misspelt_variable_is_told_of():
    environ = {"PARLEY_REDISURL": "x", "PARLEY_PORT": "1", "PARLEY_PG_BIN": "y"}
    assert unknown_variables(environ) == [
        "PARLEY_REDISURL is no setting; did you mean PARLEY_REDIS_URL?"
    ]


@pytest.mark.parametrize(
    ("store", "url"),
    [
        ({"type": "SQL", "db": "bot.db"}, "sqlite:///bot.db"),
        (
            {
                "type": "SQL",
                "dialect": "postgresql",
                "url": "db.example",
                "port": 5433,
                "db": "rasa",
                "username": "bot",
                "password": "p@ss/word",
            },
            "postgresql://bot:p%40ss%2Fword@db.example:5433/rasa",
        ),
        (
            {"type": "sql", "dialect": "postgresql", "db": "rasa", "query": {"sslmode": "require"}},
            "postgresql://localhost/rasa?sslmode=require",
        ),
        ({"type": "SQL", "url": "postgresql://whole@host/db"}, "postgresql://whole@host/db"),
        ({"type": "mongod", "url": "mongodb://x"}, None),
        ({}, None),
    ],
)
def test_rasas_sql_tracker_store_becomes_the_database(store, url):
    assert load_settings().completed(Endpoints(tracker_store=store)).database_url == url


@pytest.mark.parametrize(
    ("store", "url"),
    [
        ({"type": "redis"}, "redis://localhost:6379/0"),
        ({"type": "redis", "url": "cache", "port": 6380, "db": 1}, "redis://cache:6380/1"),
        (
            {"type": "redis", "url": "cache", "password": "p:w", "use_ssl": True},
            "rediss://:p%3Aw@cache:6379/0",
        ),
        ({"type": "in_memory"}, None),
    ],
)
def test_rasas_redis_lock_store_becomes_redis(store, url):
    assert load_settings().completed(Endpoints(lock_store=store)).redis_url == url


def test_endpoints_do_not_override_a_setting():
    settings = load_settings(redis_url="redis://mine")
    assert settings.completed(Endpoints(lock_store={"type": "redis"})).redis_url == "redis://mine"


def test_the_page_of_settings_is_the_one_that_is_generated():
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_page()
