"""`parley models shadow | canary | rollout` on bundles of a tiny graph."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from bot.errors import NotFound
from bot.export import open_source
from bot.project.paths import ProjectPaths
from bot.store import schema
from bot.store.database import Database
from bot.store.tallies import SqlTally
from nlu.registry import Registry
from tests.unit.nlu.conftest import write_bundle
from training.cli import register
from training.promotion import NotPromoted


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "domain.yml").write_text("version: '3.1'\nintents: [greet]\n")
    (folder / "config.yml").write_text("version: '3.1'\npolicies: [{name: RulePolicy}]\n")
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "home"))
    schema.upgrade(open_source(folder, ProjectPaths()).url)
    return folder


@pytest.fixture
def registry(project: Path) -> Registry:
    registry = Registry(project / "models")
    for version, use in (("v1", True), ("v2", False)):
        with registry.draft() as draft:
            write_bundle(draft, version=version)
            registry.publish(draft, version, use=use)
    return registry


def run(project: Path, *arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["models", "--project", str(project), *arguments])


def count(project: Path, rollout: str, **counts: int) -> None:
    async def add() -> None:
        database = Database(open_source(project, ProjectPaths()).url)
        await SqlTally(database).add(rollout, {k.replace("_", " "): n for k, n in counts.items()})
        await database.close()

    asyncio.run(add())


def test_a_candidate_reads_along_and_is_told_how_it_does(project, registry):
    registry.propose("v2")
    assert "v2 reads along" in run(project, "shadow").output
    tried = registry.rollout()
    assert tried
    assert (tried.version, tried.share) == ("v2", 0)
    count(project, tried.name, shadow_same=3, shadow_other=1, shadow_dropped=2)
    said = run(project, "rollout").output
    assert "3 of 4 (75.0%) had the same intent" in said
    assert "2 texts dropped" in said


def test_a_share_takes_the_gate_or_a_person_and_can_be_called_back(project, registry):
    refused = run(project, "canary", "v2")
    assert isinstance(refused.exception, NotPromoted)
    assert registry.rollout() is None
    said = run(project, "canary", "v2", "--percent", "5", "--by", "ann", "--reason", "a try")
    assert "5 % of the conversations" in said.output
    tried = registry.rollout()
    assert tried
    assert tried.share == pytest.approx(0.05)
    count(project, tried.name, candidate_conversations=10, candidate_bad=1)
    said = run(project, "rollout", "--stop")
    assert "10 conversations, 1 (10.0%)" in said.output
    assert registry.rollout() is None
    assert "No version is tried" in run(project, "rollout").output


@pytest.mark.parametrize(
    ("version", "said"),
    [((), "no candidate"), (("v9",), "no version"), (("v1",), "answers everybody")],
)
def test_what_cannot_be_tried_is_said(project, registry, version, said):
    result = run(project, "shadow", *version)
    assert isinstance(result.exception, NotFound)
    assert said in str(result.exception)
