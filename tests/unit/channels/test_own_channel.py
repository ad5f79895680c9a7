"""The channel that docs/channels.md shows, as it stands there, in a project of its own."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest

from bot.app import create_app
from bot.channels.base import Channel, Delivery
from bot.channels.opening import open_channels
from bot.dialogue.messages import Reply
from bot.errors import SettingsError, Unavailable
from bot.plugins import find
from bot.reply import Sender
from bot.settings import Settings
from bot.testing.channel import ChannelContract
from tests.serving import served

PAGE = Path(__file__).parents[3] / "docs" / "channels.md"
SECRET = "s3cret"
CREDENTIALS = {"url": "http://gateway.test/messages", "secret": SECRET}
PROJECT = {
    "config.yml": "recipe: default.v1\nlanguage: en\nassistant_id: own\n"
    "policies: [{name: RulePolicy}]\n",
    "domain.yml": 'version: "3.1"\nintents: [greet]\nresponses: {utter_greet: [{text: Hello}]}\n',
    "data/rules.yml": 'version: "3.1"\nrules:\n'
    "- {rule: greet, steps: [{intent: greet}, {action: utter_greet}]}\n",
    "credentials.yml": f"gateway.Gateway: {json.dumps(CREDENTIALS)}\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A project with the page's channel in its folder."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    for name, text in {**PROJECT, "gateway.py": code}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    before = list(sys.path)
    yield tmp_path
    sys.path[:] = before
    sys.modules.pop("gateway", None)


@pytest.fixture
def sent() -> list[httpx2.Request]:
    return []


@pytest.fixture
async def channel(project: Path, sent: list[httpx2.Request]) -> AsyncIterator[Channel]:
    def gateway(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(503 if b"later" in request.content else 200)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(gateway)) as client:
        opened = open_channels({"gateway.Gateway": CREDENTIALS}, Settings(project=project), client)
        yield opened["gateway"]


def signed(body: bytes) -> dict[str, str]:
    return {"x-signature": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}


def delivery(text: str, *, message_id: str = "m-1") -> Delivery:
    body = json.dumps({"id": message_id, "from": "+49123", "text": text}).encode()
    return Delivery(body, signed(body), {})


class TestTheChannelOfThePage(ChannelContract):
    @pytest.fixture
    def channel(self, channel: Channel) -> Channel:
        return channel

    def delivery(self, text: str, *, message_id: str = "m-1") -> Delivery:
        return delivery(text, message_id=message_id)


async def test_its_replies_are_posted_and_tried_again(
    channel: Channel, sent: list[httpx2.Request]
) -> None:
    assert isinstance(channel, Sender)
    two = Reply("+49123", "One\n\nTwo")
    for part in channel.render(two):
        await channel.send(two, part)
    assert [json.loads(request.content)["text"] for request in sent] == ["One", "Two"]
    with pytest.raises(Unavailable):
        await channel.send(two, {"to": "+49123", "text": "later"})


async def test_it_is_mounted_where_its_name_says(project: Path, tmp_path: Path) -> None:
    app = create_app(Settings(project=project, home=tmp_path / "home", nlu="none"))
    one = delivery("/greet")
    async with served(app) as client:
        assert (await client.get("/webhooks/gateway/")).json() == {"status": "ok"}
        url = "/webhooks/gateway/webhook"
        answer = await client.post(url, content=one.body, headers=dict(one.headers))
        assert (answer.status_code, answer.text) == (200, "success")
        assert (await client.post(url, content=one.body)).status_code == 403


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("from rasa.core.channels.channel import InputChannel\n", "written for Rasa.*channels.md"),
        ("import no_such_module\n", "No module named 'no_such_module'"),
        ("1 +\n", "SyntaxError"),
        ("Other = 1\n", "has no attribute 'Mine'|cannot import"),
    ],
)
def test_a_path_that_leads_nowhere_is_a_sentence(code: str, says: str, project: Path) -> None:
    module = f"broken_{len(code)}"
    (project / f"{module}.py").write_text(code)
    with pytest.raises(SettingsError, match=says):
        find("channels", f"{module}.Mine", folder=project)


async def test_what_is_no_channel_is_told_at_the_start(project: Path) -> None:
    code = "class NoChannel:\n    def __init__(self, credentials, place): self.name = 'x'\n"
    (project / "gateway.py").write_text(code + "def two(a): pass\n")
    async with httpx2.AsyncClient() as client:
        for path, says in (
            ("gateway.NoChannel", "NoChannel, which is no channel: it has no verify, no parse"),
            ("gateway.two", "cannot be opened: TypeError"),
        ):
            with pytest.raises(SettingsError, match=says):
                open_channels({path: {}}, Settings(project=project), client)


def test_a_misspelt_channel_is_told_what_it_may_be() -> None:
    with pytest.raises(SettingsError, match="Did you mean 'socketio'"):
        find("channels", "socket_io")
