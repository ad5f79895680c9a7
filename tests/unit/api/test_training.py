"""Projects posted to be trained, sentences and stories posted to be scored."""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
import tarfile
from pathlib import Path

import pytest

from bot import jobs
from bot.app import create_app
from bot.errors import Unavailable
from bot.jobs import Jobs
from bot.settings import Settings
from tests.serving import echo_app, served
from tests.unit.api.test_steps import tablebot
from tests.unit.project.test_posted import WHOLE

SENTENCES = """\
nlu:
- intent: greet
  examples: |
    - hello
- intent: thank
  examples: |
    - hello
    - no such sentence
"""
STORIES = """\
stories:
- story: as it goes
  steps:
  - user: hello
    intent: greet
  - action: utter_greet
- story: otherwise
  steps:
  - user: hello
    intent: greet
  - action: utter_thank
"""


@pytest.fixture
async def client(tmp_path: Path):
    settings = Settings(models=tmp_path / "models")
    async with served(create_app(settings, opening=tablebot)) as client:
        yield client


async def test_a_posted_project_is_answered_with_its_package(client, tmp_path: Path):
    answer = await client.post("/model/train", content=WHOLE)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-tar"
    name = answer.headers["filename"]
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
        assert "project/data/training.yml" in tar.getnames()
    assert (tmp_path / "models" / name).read_bytes() == answer.content


async def test_the_package_is_kept_only_where_it_is_wanted(client, tmp_path: Path):
    path = "/model/train?save_to_default_model_directory=false"
    assert (await client.post(path, content=WHOLE)).status_code == 200
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "nothing in the body"),
        (b"\xff\xfe", "UTF-8"),
        (b"nlu: [", "the body:1:"),
        (b"intent: [a]", "intents"),
        (b"slots: {a: {type: flaot, mappings: []}}", "flaot"),
        (b"[" * 100_000, "deep"),
        (b"language: ${PATH}", "PATH is not set"),
    ],
)
async def test_what_is_no_project_is_the_callers_error(client, body, said):
    answer = await client.post("/model/train", content=body)
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")
    assert said in answer.json()["message"]


async def test_without_the_extra_it_is_said_in_a_sentence(client, monkeypatch):
    monkeypatch.setattr(jobs, "find_spec", lambda name: None)
    for path in ("/model/train", "/model/test/intents?cross_validation_folds=2"):
        answer = await client.post(path, content=WHOLE)
        assert answer.status_code == 501
        assert "parley[train]" in answer.json()["message"]


async def test_a_training_that_fails_is_told_without_a_trace(client, monkeypatch):
    monkeypatch.setattr(jobs, "COMMAND", "import sys; print('out of luck'); sys.exit(3)")
    answer = await client.post("/model/train", content=WHOLE)
    assert (answer.status_code, answer.json()["reason"]) == (500, "TrainingError")
    assert answer.json()["message"] == "The training failed: out of luck"


async def test_one_training_at_a_time_and_status_counts_it(client, monkeypatch):
    monkeypatch.setattr(jobs, "COMMAND", "import time; print(1, flush=True); time.sleep(60)")
    first = asyncio.create_task(client.post("/model/train", content=WHOLE))
    for _ in range(1000):
        status = (await client.get("/status")).json()
        if status["num_active_training_jobs"]:
            break
        await asyncio.sleep(0.01)
    assert status["num_active_training_jobs"] == 1
    second = await client.post("/model/train", content=WHOLE)
    assert second.status_code == 503
    assert second.headers["retry-after"]
    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first


async def test_the_end_of_the_server_ends_a_training(monkeypatch):
    monkeypatch.setattr(jobs, "COMMAND", "import time; time.sleep(600)")
    async with Jobs() as running:
        work = asyncio.create_task(running.run())
        for _ in range(1000):
            if running._children:
                break
            await asyncio.sleep(0.01)
        (child,) = running._children
    assert child.returncode is not None
    assert (await work).status != 0


async def fail(running: Jobs) -> None:
    async with running.place(training=True):
        with pytest.raises(Unavailable):
            running.check_free()
        raise RuntimeError


async def test_a_place_is_given_back_when_work_fails():
    async with Jobs() as running:
        with pytest.raises(RuntimeError):
            await fail(running)
        assert running.trainings == 0
        running.check_free()


class Caller:
    """Somebody who is called back."""

    def __init__(self) -> None:
        self.called: asyncio.Future[tuple[str, bytes]] = asyncio.get_running_loop().create_future()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        body = await reader.readexactly(length)
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()
        self.called.set_result((head, body))


@pytest.mark.parametrize(
    ("path", "body", "found"),
    [
        ("/model/train", WHOLE, b"\x1f\x8b"),
        ("/model/train", "nlu: [", b'{"status":"failure"'),
        ("/model/test/intents", SENTENCES, b'{"intent_evaluation"'),
        ("/model/test/intents", "nlu: [", b'{"status":"failure"'),
    ],
)
async def test_the_outcome_is_posted_to_the_callback(client, path, body, found):
    caller = Caller()
    server = await asyncio.start_server(caller.take, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        query = {"callback_url": f"http://127.0.0.1:{port}/done"}
        answer = await client.post(path, content=body, params=query)
        assert (answer.status_code, answer.content) == (204, b"")
        head, posted = await asyncio.wait_for(caller.called, 60)
    assert head.startswith("post /done ")
    assert posted.startswith(found)


@pytest.mark.parametrize("url", ["", "nonsense", "file:///etc/passwd", "ftp://x/", "http://"])
async def test_a_callback_that_is_no_url_is_refused(client, url):
    for path in ("/model/train", "/model/test/intents"):
        answer = await client.post(path, content=WHOLE, params={"callback_url": url})
        assert answer.status_code == 400
        assert answer.json()["details"] == {"parameter": "callback_url", "in": "query"}


async def test_labelled_sentences_are_scored_in_rasas_shape(client):
    found = (await client.post("/model/test/intents", content=SENTENCES)).json()
    intents = found["intent_evaluation"]
    assert intents["predictions"][0] == {
        "text": "hello",
        "intent": "greet",
        "predicted": "greet",
        "confidence": 1.0,
    }
    assert intents["accuracy"] == pytest.approx(1 / 3)
    assert intents["report"]["thank"]["recall"] == 0.0
    assert {error["text"] for error in intents["errors"]} == {"hello", "no such sentence"}
    assert set(found) == {
        "intent_evaluation",
        "entity_evaluation",
        "response_selection_evaluation",
    }


async def test_no_sentences_have_no_scores(client):
    found = (await client.post("/model/test/intents", content='version: "3.1"\n')).json()
    assert set(found.values()) == {None}


async def test_test_stories_are_tried_with_the_model_that_serves(client):
    found = (await client.post("/model/test/stories?e2e=true", content=STORIES)).json()
    assert found["is_end_to_end_evaluation"] is True
    assert {"action": "utter_thank", "predicted": "utter_greet"} in found["actions"]
    assert 0 < found["accuracy"] < 1
    assert {"report", "precision", "f1", "accuracy", "actions"} <= set(found)


@pytest.mark.parametrize("path", ["/model/test/stories", "/model/test/intents"])
@pytest.mark.parametrize("body", [b"", b"[", b"- 1", b"\xff", b"stories: 7", b"nlu: 7", b"x" * 9])
async def test_what_cannot_be_scored_is_the_callers_error(client, path, body):
    answer = await client.post(path, content=body)
    if answer.status_code != 200:  # stories are no sentences, but no error either
        assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")


async def test_training_data_may_be_larger_than_messages():
    settings = Settings(max_body_bytes=1024, max_training_bytes=4096)
    async with served(echo_app(settings)) as client:
        for path, size, expected in (
            ("/model/parse", 2000, 413),
            ("/model/train", 2000, 400),
            ("/model/train", 5000, 413),
            ("/model/test/stories", 2000, 400),
        ):
            answer = await client.post(path, content=b"[" * size)
            assert answer.status_code == expected, path


def test_a_child_is_this_python():
    assert jobs._command(["train"])[0] == sys.executable
