"""A backup made while a server writes is restored, and its conversations go on."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from bot.store import schema
from bot.store.sealing import new_key
from tests.command import WEBHOOK, Run, parley, running, write
from tests.servers import Postgres, Valkey

pytestmark = pytest.mark.services
COUNTING = {"PARLEY_LOG_LEVEL": "ERROR"}


def talk(run: Run, over: threading.Event, said: list[str]) -> None:
    """Say one thing after the other."""
    while not over.is_set():
        text = f"hello {len(said)}"
        run.say(text, "busy")
        said.append(text)


def keyed(*keys: str) -> dict[str, str]:
    """The variables of a server with these keys."""
    return {**COUNTING, "PARLEY_ENCRYPTION_KEYS": ",".join(keys)}


def test_a_sqlite_file_copied_beside_a_busy_server_goes_on_elsewhere(tmp_path: Path):
    project, home, file = write(tmp_path / "project"), tmp_path / "home", tmp_path / "copy.db"
    mine, other = new_key("mine"), new_key("other")
    with running(project, home, keyed(mine)) as run:
        run.say("hello")
        over, said = threading.Event(), list[str]()
        talking = threading.Thread(target=talk, args=(run, over, said))
        talking.start()
        while len(said) < 5:
            over.wait(0.01)
        done = parley("db", "backup", file, "--project", project, home=home)
        over.set()
        talking.join()
        assert done.returncode == 0, done.stderr
        again = parley("db", "backup", file, "--project", project, home=home)
        assert (again.returncode, "is there already" in again.stderr) == (1, True)
        before = run.events()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not [each for each in (b"hello ", b"Hello None") if each in file.read_bytes()]

    elsewhere = tmp_path / "other"
    elsewhere.mkdir()
    restored = Path(shutil.copy(file, elsewhere / "parley.db"))
    for variables in (COUNTING, keyed(other)):
        refused = parley("run", "--project", project, "--port", "0", home=elsewhere, **variables)
        assert refused.returncode == 1
        assert "'mine'" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert events_of(restored, "busy") == events_of(file, "busy") != []
    with running(project, elsewhere, keyed(other, mine)) as run:
        assert run.events() == before
        busy = [event["text"] for event in run.events("busy") if event["event"] == "user"]
        assert 5 <= len(busy) <= len(said)
        assert busy == said[: len(busy)], "all that was answered before, in order"
        assert run.say("hello") == ["Hello None."]
        assert [event["event"] for event in run.events()].count("user") == 2
    rows = events_of(restored, "busy")
    shutil.rmtree(elsewhere / "redis")  # whose live trackers were written with the other key
    with running(project, elsewhere, keyed(other)) as run:  # which the newest texts have
        for answer in (
            run.client.get("/conversations/busy/tracker"),
            run.client.post(WEBHOOK, json={"sender": "busy", "message": "hello"}),
        ):
            assert answer.status_code == 503, answer.text
            assert "'mine'" in answer.json()["message"]
        assert run.say("hello", "somebody new") == ["Hello None."]
    assert events_of(restored, "busy") == rows
    with running(project, elsewhere, keyed(other, mine)) as run:
        assert run.say("hello", "busy") == ["Hello None."]
        heard = [event for event in run.events("busy") if event["event"] == "user"]
        assert len(heard) == len(busy) + 2, (
            "what was said while the key was missing is answered too"
        )


def events_of(file: Path, conversation_id: str) -> list[tuple[object, ...]]:
    """Its rows, as they stand."""
    with closing(sqlite3.connect(file)) as database:
        return database.execute(
            "SELECT * FROM event WHERE conversation_id = ? ORDER BY seq", [conversation_id]
        ).fetchall()


def test_a_dump_of_postgres_is_restored_and_its_conversations_go_on(
    tmp_path: Path, own_postgres: Postgres, own_valkey: Valkey
):
    project, dump = write(tmp_path / "project"), tmp_path / "parley.dump"
    url = own_postgres.url("postgres")
    schema.upgrade(url)
    variables = {**COUNTING, "PARLEY_REDIS_URL": own_valkey.url}
    home = tmp_path / "home"
    with running(project, home, {**variables, "PARLEY_DATABASE_URL": url}) as run:
        run.say("hello", message_id="m1")
        own_postgres.run("pg_dump", "--format=custom", f"--file={dump}", url)
        run.say("hello", message_id="m2")  # lost with the disk
    own_postgres.execute("CREATE DATABASE restored TEMPLATE template0")
    restored = own_postgres.url("restored")
    own_postgres.run("pg_restore", f"--dbname={restored}", str(dump))
    with running(project, home, {**variables, "PARLEY_DATABASE_URL": restored}) as run:
        assert run.say("hello", message_id="m1") == ["Hello None."]
        assert [event["event"] for event in run.events()].count("user") == 1
        assert run.say("hello", message_id="m3") == ["Hello None."]
        assert [event["event"] for event in run.events()].count("user") == 2


def test_what_is_no_sqlite_is_said_how_to_back_up(tmp_path: Path):
    project = write(tmp_path / "project")
    url = "postgresql://parley:secret@db/parley"
    done = parley(
        *("db", "backup", tmp_path / "copy", "--project", project),
        home=tmp_path,
        PARLEY_DATABASE_URL=url,
    )
    assert done.returncode == 1
    assert "pg_dump --format=custom" in done.stderr
    assert "secret" not in done.stderr
    none = parley("db", "backup", tmp_path / "copy", "--project", project, home=tmp_path)
    assert "There is no database at" in none.stderr


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    project, home = write(tmp_path / "project"), tmp_path / "home"
    home.mkdir()
    schema.upgrade(f"sqlite:///{home}/parley.db")
    file = tmp_path / "nowhere" / "copy.db"
    done = parley("db", "backup", file, "--project", project, home=home)
    assert done.returncode == 1
    assert str(file) in done.stderr
    assert "Traceback" not in done.stderr
