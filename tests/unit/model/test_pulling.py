"""Models had from a model server, played by a transport in this process."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from bot.errors import BadRequest, Unavailable
from bot.model.pulling import Pulling, Source, fetch
from bot.model.serving import Loaded, Serving
from bot.project.project import Endpoint

URL = "http://models/bot.tar.gz"


class ModelServer(httpx2.AsyncBaseTransport):
    """Has one package, called ``etag``; answers ``status`` where that is set."""

    def __init__(self) -> None:
        self.content, self.etag, self.status, self.headers = b"package 1", '"1"', 0, {}
        self.asked: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        if self.status:
            return httpx2.Response(self.status)
        if request.headers.get("if-none-match") == self.etag:
            return httpx2.Response(304)
        headers = {"etag": self.etag, **self.headers}
        return httpx2.Response(200, content=self.content, headers=headers)


@pytest.fixture
def server() -> ModelServer:
    return ModelServer()


@pytest.fixture
async def client(server: ModelServer):
    async with httpx2.AsyncClient(transport=server) as client:
        yield client


async def test_a_package_is_saved_under_its_name(client, server, tmp_path: Path):
    fetched = await fetch(client, Endpoint(URL, token="t 1", headers={"x-key": "k"}), tmp_path)
    assert (fetched.path.name, fetched.etag) == ("bot.tar.gz", '"1"')
    assert fetched.path.read_bytes() == b"package 1"
    assert server.asked[0].url.params["token"] == "t 1"
    assert server.asked[0].headers["x-key"] == "k"


async def test_what_has_not_changed_is_not_had_again(client, tmp_path: Path):
    assert await fetch(client, Endpoint(URL), tmp_path, etag='"1"') is None


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b\\c", "...", "", "é" * 300])
async def test_a_server_chooses_no_other_folder(client, server, tmp_path: Path, name: str):
    server.headers = {"filename": name.encode()}
    fetched = await fetch(client, Endpoint(URL), tmp_path)
    assert fetched.path.parent == tmp_path
    assert fetched.path.name.endswith(".tar.gz")


@pytest.mark.parametrize("status", [400, 401, 404, 500])
async def test_another_answer_is_said(client, server, tmp_path: Path, status: int):
    server.status = status
    with pytest.raises(BadRequest, match=str(status)):
        await fetch(client, Endpoint(URL), tmp_path)


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://models/x", "http://", "http://[::x/"])
async def test_what_is_no_url_is_refused(tmp_path: Path, url: str):
    async with httpx2.AsyncClient() as client:
        with pytest.raises((BadRequest, Unavailable)):
            await fetch(client, Endpoint(url), tmp_path)


async def test_a_package_that_is_too_large_is_refused(client, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("bot.model.pulling.MOST_BYTES", 5)
    with pytest.raises(BadRequest, match="more than"):
        await fetch(client, Endpoint(URL), tmp_path)


@asynccontextmanager
async def opened(path: str):
    name = await asyncio.to_thread(Path(path).read_text)
    if name == "broken":
        raise BadRequest("broken")
    yield Loaded(None, None, None, name)  # type: ignore[arg-type]


@pytest.fixture
async def pulling(client, monkeypatch):
    monkeypatch.setattr("bot.model.pulling.SHORTEST_WAIT_S", 0.01)
    async with Serving() as serving, Pulling(serving, opened) as pulling:
        pulling.serving = serving
        yield pulling


async def until(condition) -> None:
    """Look on, as long as it takes, up to ten seconds."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


async def test_a_model_is_replaced_when_it_has_changed(pulling, server, client):
    await pulling.load(Source(Endpoint(URL), client, wait_s=0.0))
    assert pulling.serving.loaded.file == "package 1"
    server.content, server.etag = b"package 2", '"2"'
    await until(lambda: pulling.serving.loaded.file == "package 2")


async def test_what_cannot_be_loaded_leaves_what_serves_and_is_tried_again(pulling, server, client):
    await pulling.load(Source(Endpoint(URL), client, wait_s=0.0))
    server.content, server.etag = b"broken", '"2"'
    asked = len(server.asked)
    await until(lambda: len(server.asked) > asked + 2)
    assert pulling.serving.loaded.file == "package 1"
    server.content = b"package 3"
    await until(lambda: pulling.serving.loaded.file == "package 3")


async def test_a_server_that_is_not_there_yet_is_asked_again(pulling, server, client):
    server.status = 503
    pulling.follow(Source(Endpoint(URL), client, wait_s=0.0))
    await until(lambda: len(server.asked) > 2)
    assert pulling.serving.loaded is None
    server.status = 0
    await until(lambda: pulling.serving.loaded is not None)


async def test_asked_for_once_it_is_not_asked_again(pulling, server, client):
    await pulling.load(Source(Endpoint(URL), client))
    assert len(server.asked) == 1
    assert pulling.serving.loaded.file == "package 1"
