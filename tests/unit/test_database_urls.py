"""Where the log is, as it is read and as people are told it."""

from __future__ import annotations

import pytest

from bot.errors import SettingsError
from bot.store.database import parse_url, shown


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
