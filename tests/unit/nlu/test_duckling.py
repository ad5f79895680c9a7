"""What a Duckling server finds, played by a server that answers what it is told."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest
from structlog.testing import capture_logs

from bot.model.nlu import open_understanding
from bot.project.load import load_project
from nlu.duckling import NAME, Duckling, Options
from nlu.parse import Context, Entity
from nlu.pipeline import Nlu, Pipeline

TWO = {
    "body": "two",
    "start": 10,
    "end": 13,
    "dim": "number",
    "latent": False,
    "value": {"value": 2, "type": "value"},
}
SPAN = {
    "start": 0,
    "end": 9,
    "dim": "time",
    "value": {
        "type": "interval",
        "from": {"value": "2024-05-01T00:00:00", "grain": "day"},
        "to": {"value": "2024-05-03T00:00:00", "grain": "day"},
    },
}
TEXT = "this week two of them"


class Server:
    """Answers ``answer`` and remembers what it was asked."""

    def __init__(self, answer: Any, status: int = 200) -> None:
        self.answer, self.status = answer, status
        self.asked: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        content = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer)
        return httpx2.Response(self.status, content=content)

    async def find(self, **options: Any) -> tuple[Entity, ...]:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(self)) as client:
            given = Options("http://duckling:8000/", **options)
            return await Duckling(client, given, clock=lambda: 1.5).find(TEXT)

    def form(self) -> dict[str, str]:
        (request,) = self.asked
        return {key: value for key, (value,) in parse_qs(request.content.decode()).items()}


async def test_a_find_is_an_entity_with_what_duckling_says_of_it() -> None:
    assert await Server([TWO]).find() == (
        Entity(
            entity="number",
            value=2,
            start=10,
            end=13,
            extractor="DucklingEntityExtractor",
            additional_info={"value": 2, "type": "value"},
            text="two",
            confidence=1.0,
        ),
    )


async def test_an_interval_has_both_ends() -> None:
    (entity,) = await Server([SPAN]).find()
    assert entity.value == {"to": "2024-05-03T00:00:00", "from": "2024-05-01T00:00:00"}


async def test_only_the_dimensions_wanted_are_kept() -> None:
    server = Server([TWO, SPAN])
    found = await server.find(dimensions=("time", "number"))
    assert [entity.entity for entity in found] == ["number", "time"]
    assert [e.entity for e in await Server([TWO, SPAN]).find(dimensions=("time",))] == ["time"]
    assert server.form()["dims"] == '["time", "number"]'


async def test_it_is_asked_as_rasa_asks() -> None:
    server = Server([])
    await server.find(locale="de_DE", timezone="Europe/Berlin")
    assert str(server.asked[0].url) == "http://duckling:8000/parse"
    assert server.form() == {
        "text": TEXT,
        "locale": "de_DE",
        "tz": "Europe/Berlin",
        "reftime": "1500",
    }


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({}, 500),
        ({"not": "a list"}, 200),
        ([3], 200),
        ([{"start": 1}], 200),
        (b"\xff\xfe", 200),
        (b"[" * 100_000, 200),
        (b"[" + b" " * 2_000_000 + b"]", 200),
        ([{**TWO, "start": 5, "end": 99}, {**TWO, "start": -1}], 200),
    ],
)
async def test_any_other_answer_is_no_entity(answer: Any, status: int) -> None:
    assert await Server(answer, status).find() == ()


async def test_a_server_that_is_gone_is_told_once_until_it_answers_again() -> None:
    state = {"gone": True}

    def handle(request: httpx2.Request) -> httpx2.Response:
        if state["gone"]:
            raise httpx2.ConnectError("refused")
        return httpx2.Response(200, json=[])

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(handle)) as client:
        duckling = Duckling(client, Options("http://duckling"))
        with capture_logs() as logs:
            await duckling.find("a")
            await duckling.find("b")
            state["gone"] = False
            await duckling.find("c")
            state["gone"] = True
            await duckling.find("d")
    assert [line["event"] for line in logs] == ["duckling.failed"] * 2


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    async def handle(request: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(handle)) as client:
        assert await Duckling(client, Options("http://d", timeout_s=0.01)).find("a") == ()


async def test_what_it_finds_stands_beside_what_others_find_there() -> None:
    class Two:
        async def find(self, text: str, context: Context) -> tuple[Entity, ...]:
            return (Entity(entity="number", value=2, start=0, end=3),)

    class Word:
        exact = True

        def extract(self, text: str) -> list[Entity]:
            return [Entity(entity="people", value="two", start=0, end=3)]

    parse = await Nlu(Pipeline(False, False, extractors=(Word(),), finders=(Two(),))).parse("two")
    assert [entity.entity for entity in parse.entities] == ["people", "number"]


async def test_a_project_names_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "domain.yml").write_text("intents: [a]\n")
    (tmp_path / "config.yml").write_text(
        f"language: de\npipeline:\n- name: {NAME}\n  url: http://127.0.0.1:1\n"
        "  dimensions: [time]\n  timeout: 1\n"
    )
    project = load_project(tmp_path)
    assert project.warnings == ()
    monkeypatch.delenv("RASA_DUCKLING_HTTP_URL", raising=False)
    with capture_logs() as logs:
        async with open_understanding(project, tmp_path / "models") as nlu:
            assert (await nlu.parse("zwei")).entities == ()
    assert [line["url"] for line in logs] == ["http://127.0.0.1:1/parse"]
