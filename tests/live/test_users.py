"""People of `parley users`, at a real server with its own Valkey."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import parley, running, write

PASSWORD = "correct horse battery"
EVERYONE = ("--host", "0.0.0.0", "--enable-api")

pytestmark = pytest.mark.services


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(tmp_path / "project")


def users(project: Path, home: Path, *arguments: str, password: str = "") -> None:
    command = ("users", *arguments, "--project", project)
    done = parley(*command, home=home, given=f"{password}\n".encode())
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_for_others_does_not_start_while_nobody_can_prove_who_he_is(
    project: Path, tmp_path: Path, workers: str
):
    run = ("run", "--project", project, "--port", "0", "--workers", workers, *EVERYONE)
    refused = parley(*run, home=tmp_path / "home")
    assert refused.returncode == 1
    assert "PARLEY_AUTH_TOKEN" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_server_for_others_starts_once_somebody_may_sign_in(project: Path, tmp_path: Path):
    users(project, tmp_path / "home", "add", "mia", password=PASSWORD)
    with running(project, tmp_path / "home", {}, *EVERYONE) as started:
        assert started.client.get("/status").status_code == 401


def test_what_the_command_changes_counts_at_once(project: Path, tmp_path: Path):
    home = tmp_path / "home"
    with running(project, home, {}, "--workers", "2") as run:
        assert run.client.get("/me").json()["kind"] == "nobody"
        users(project, home, "add", "mia", "--role", "viewer", password=PASSWORD)
        said = run.client.post("/login", json={"name": "mia", "password": PASSWORD})
        assert said.status_code == 200
        # The workers share what Redis knows, so each of many answers is the same.
        assert {run.client.get("/me").json()["role"] for _ in range(10)} == {"viewer"}
        users(project, home, "role", "mia", "agent")
        assert {run.client.get("/handoffs").status_code for _ in range(10)} == {200}
        users(project, home, "passwd", "mia", password="another long password")
        assert {run.client.get("/me").status_code for _ in range(10)} == {401}
        again = {"name": "mia", "password": PASSWORD}
        assert run.client.post("/login", json=again).status_code == 401
        assert PASSWORD not in run.printed()
