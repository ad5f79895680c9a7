import httpx2
import pytest

from bot.channels.base import Place
from bot.channels.callback import CallbackChannel, open_callback
from bot.errors import SettingsError
from bot.opening import open_channels
from bot.plugins import find
from bot.settings import Settings


def test_a_built_in_name_is_found():
    assert find("channels", "callback") is open_callback


def test_a_dotted_path_is_imported():
    assert find("channels", "bot.channels.callback.open_callback") is open_callback


@pytest.mark.parametrize("name", ["telegrm", "no.such.module", "bot.channels.rest.nothing"])
def test_what_cannot_be_found_is_a_sentence(name):
    with pytest.raises(SettingsError, match=name.replace(".", r"\.")):
        find("channels", name)


async def test_channels_of_credentials_are_opened_and_unknown_ones_left_out():
    credentials = {
        "rest": None,
        "rasa": {"url": "x"},
        "slack": {},
        "callback": {"url": "http://h/"},
    }
    async with httpx2.AsyncClient() as client:
        channels = open_channels(credentials, Settings(), client)
    assert sorted(channels) == ["callback", "rest", "web"]


@pytest.mark.parametrize("credentials", [{}, {"url": "localhost"}, {"url": 7}])
async def test_a_callback_without_a_proper_url_is_refused(credentials):
    async with httpx2.AsyncClient() as client:
        with pytest.raises(SettingsError, match=r"credentials\.yml: callback has url"):
            open_callback(credentials, Place(client))


async def test_a_channel_of_the_project_is_opened_by_its_path():
    path = "bot.channels.callback.open_callback"
    async with httpx2.AsyncClient() as client:
        channels = open_channels({path: {"url": "http://h/"}}, Settings(), client)
    assert isinstance(channels["callback"], CallbackChannel)
