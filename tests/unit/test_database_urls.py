"""Where the log is, as it is read and as people are told it."""

from __future__ import annotations

import pytest

from bot.errors import SettingsError, Unavailable
from bot.store.database import Database, parse_url, shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://parley:s3cret@db/parley?sslmode=require",
        "postgresql://db/parley?user=parley&password=s3cret&sslmode=require",
        "postgresql://parley@db/parley?sslmode=require&sslkey=client.key&sslpassword=s3cret",
        "postgresql://parley@db/parley?sslmode=require&passfile=s3cret",
    ],
)
def test_no_password_of_a_url_is_shown_wherever_it_stands(url: str):
    told = shown(parse_url(url))
    assert "s3cret" not in told
    assert "sslmode=require" in told


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:s3cret@db:port/parley",
        "postgres//u:s3cret@db",
    ],
)
def test_a_url_that_is_none_is_said_so_without_being_shown(url: str):
    with pytest.raises(SettingsError) as refused:
        parse_url(url)
    assert "s3cret" not in str(refused.value)


async def test_a_database_that_is_away_is_named_to_the_operator_alone():
    database = Database("postgresql://parley@127.0.0.1:9/p")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as refused:
        await database.read(lambda connection: None)
    await database.close()
    assert refused.value.told == "The database cannot be used now."
