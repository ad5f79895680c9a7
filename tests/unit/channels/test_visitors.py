import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.visitors import Tickets, visitor_keys
from bot.errors import SettingsError
from bot.settings import Settings

NOW = 1_800_000_000.0
DAY_S = 86_400.0
VISITOR = "v" * 32
TICKETS = Tickets(["k" * 16], days=30)
GOOD = TICKETS.sign(VISITOR, NOW)


def test_a_ticket_gives_the_id_it_was_signed_for():
    assert TICKETS.read(GOOD, NOW) == VISITOR


def test_a_ticket_ends_after_its_days():
    assert TICKETS.read(GOOD, NOW + 30 * DAY_S) == VISITOR
    assert TICKETS.read(GOOD, NOW + 30 * DAY_S + 1) is None


def test_a_clock_that_is_set_back_loses_nobody():
    assert TICKETS.read(GOOD, NOW - 365 * DAY_S) == VISITOR


def test_a_key_can_be_replaced_while_tickets_of_the_old_one_are_still_good():
    both = Tickets(["n" * 16, "k" * 16])
    assert both.read(GOOD, NOW) == VISITOR
    renewed = both.sign(VISITOR, NOW)
    assert Tickets(["n" * 16]).read(renewed, NOW) == VISITOR
    assert Tickets(["n" * 16]).read(GOOD, NOW) is None


def test_without_keys_every_process_has_its_own():
    assert Tickets().read(Tickets().sign(VISITOR, NOW), NOW) is None


@pytest.mark.parametrize("at", range(len(GOOD)))
def test_a_ticket_that_was_changed_anywhere_opens_nothing(at):
    other = "A" if GOOD[at] != "A" else "B"
    assert TICKETS.read(GOOD[:at] + other + GOOD[at + 1 :], NOW) is None


@given(st.text() | st.from_regex(r"[a-z0-9]{16,64}\.[0-9]{1,12}\.[A-Za-z0-9_-]{43}"))
def test_no_other_text_is_a_ticket(text):
    assert TICKETS.read(text, NOW) is None


def test_the_key_is_made_once_for_the_owner_alone(tmp_path):
    settings = Settings(home=tmp_path / "home")
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: visitor_keys(settings), range(16)))
    assert len(found) == 1
    path = tmp_path / "home" / "visitor.keys"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["visitor.keys"]


def test_a_kept_key_may_be_followed_by_the_one_before_it(tmp_path):
    (tmp_path / "visitor.keys").write_text(f"{'n' * 16}\n{'k' * 16}\n")
    assert visitor_keys(Settings(home=tmp_path)) == ("n" * 16, "k" * 16)


def test_keys_of_the_settings_come_first_and_nothing_is_written(tmp_path):
    settings = Settings(home=tmp_path / "home", visitor_keys=f"{'n' * 16}, {'k' * 16}")
    assert visitor_keys(settings) == ("n" * 16, "k" * 16)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("content", ["", "short\n", "k" * 16 + "\nshort", "\u00e9" * 20])
def test_a_file_without_keys_stops_the_start(tmp_path, content):
    (tmp_path / "visitor.keys").write_text(content)
    with pytest.raises(SettingsError, match=r"visitor\.keys"):
        visitor_keys(Settings(home=tmp_path))


def test_a_place_that_cannot_be_written_stops_the_start(tmp_path):
    (tmp_path / "home").write_text("a file")
    with pytest.raises(SettingsError, match="PARLEY_VISITOR_KEYS"):
        visitor_keys(Settings(home=tmp_path / "home"))
