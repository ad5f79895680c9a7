"""`parley run --workers`: several processes behind one address, whatever happens to one of them."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from bot.model.package import pack
from tests.command import WEBHOOK, Run, parley, running, until, write

pytestmark = pytest.mark.services
OTHER_WORDS = """
version: "3.1"
intents: [greet, act]
entities: [number, name]
actions: [action_act]
slots:
  name: {type: text, mappings: [{type: from_entity, entity: name}]}
responses:
  utter_greet: [{text: "Good evening."}]
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("many")
    project = write(folder / "project")
    options = ("--workers", "2", "--data", str(project / "data"), "--enable-api")
    with running(project, folder / "home", None, *options) as run:
        yield run


def workers(run: Run) -> set[int]:
    """The processes that serve."""

    def is_worker(pid: int) -> bool:
        return b"bot.commands.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()

    return {pid for pid in run.children() if is_worker(pid)}


def asked(run: Run, path: str, times: int = 30) -> Counter[str]:
    """What is answered at ``path``, each time on a new connection."""
    answers: Counter[str] = Counter()
    for _ in range(times):
        answer = httpx2.get(run.url.rstrip("/") + path, timeout=30)
        answers[f"{answer.status_code} {answer.text}"] += 1
    return answers


def turns(run: Run) -> dict[str, float]:
    """How many each worker took."""
    text = run.client.get("/metrics").text
    found = re.findall(r'parley_turns_total{.*outcome="done",worker="(\d)"} (.*)', text)
    return {worker: float(count) for worker, count in found}


async def talk(run: Run, name: str, texts: int) -> None:
    """A conversation, each message on a connection of its own, sent again until it is answered."""
    for n in range(texts):
        said = {"sender": name, "message": "hello", "message_id": f"{name}-{n}"}
        while True:
            async with httpx2.AsyncClient(base_url=run.url, timeout=30) as client:
                try:
                    answer = await client.post(WEBHOOK, json=said)
                except httpx2.TransportError:
                    continue
            if answer.status_code == 200:
                assert len(answer.json()) == 1
                break


def test_every_worker_takes_turns_and_each_is_counted_with_its_name(run: Run):
    async def all_talk() -> None:
        await asyncio.gather(*(talk(run, f"user {n}", 3) for n in range(20)))

    asyncio.run(all_talk())
    counted = turns(run)
    assert set(counted) == {"1", "2"}
    assert sum(counted.values()) == 60
    assert asked(run, "/ready", 1).most_common()[0][0].startswith("200")


def test_a_worker_that_is_killed_is_started_again_and_nobody_waits_for_it(run: Run):
    before = workers(run)
    os.kill(min(before), signal.SIGKILL)
    asyncio.run(talk(run, "at once", 1))
    until(lambda: len(workers(run)) == 2 and min(before) not in workers(run), "its return")
    until(lambda: "worker.again" in run.printed(), "its work")
    assert len(before & workers(run)) == 1


def test_a_model_put_at_one_worker_serves_at_all_and_at_those_started_later(
    run: Run, tmp_path: Path
):
    project = write(tmp_path / "other", **{"domain.yml": OTHER_WORDS})
    package = tmp_path / "evening.tar.gz"
    pack(project, tmp_path / "models", package)
    wrong = run.client.put("/model", json={"model_file": "nowhere"})
    assert wrong.status_code == 400
    assert "nowhere" in wrong.json()["message"]
    assert run.client.put("/model", json={"model_file": str(package)}).status_code == 204
    assert len(asked(run, "/status")) == 1
    os.kill(min(workers(run)), signal.SIGKILL)
    until(lambda: run.printed().count("worker.again") == 2, "its return")
    (status,) = asked(run, "/status")
    assert "evening.tar.gz" in status
    assert run.client.delete("/model").status_code == 204
    assert all(answer.startswith("409") for answer in asked(run, "/status", 20))
    assert run.client.put("/model", json={"model_file": str(package)}).status_code == 204


def test_workers_are_replaced_one_after_the_other_while_turns_go_on(run: Run):
    before = workers(run)

    async def all_talk() -> None:
        talking = asyncio.gather(*(talk(run, f"replaced {n}", 25) for n in range(6)))
        os.kill(run.process.pid, signal.SIGHUP)
        await talking

    asyncio.run(all_talk())
    until(lambda: "workers.replaced" in run.printed(), "their replacement")
    assert len(workers(run)) == 2
    assert not before & workers(run)
    for n in range(6):
        said = [event["event"] for event in run.events(f"replaced {n}")]
        assert said.count("user") == said.count("bot") == 25
    assert run.say("hello", "ann") == ["Good evening."], "the model that was put there serves on"


def test_told_to_end_all_of_them_end(run: Run):
    children = run.children()
    assert run.end() == 0
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def test_a_worker_that_cannot_start_ends_the_start_with_its_sentence_once(tmp_path: Path):
    project = write(tmp_path / "project")
    done = parley(
        *("run", "--workers", "2", "--port", "0", "--project", project, "--model", "nowhere"),
        home=tmp_path / "home",
    )
    assert done.returncode == 1
    assert done.stderr.count("There is no model 'nowhere'") == 1
    assert "A worker ended at its start" in done.stderr
