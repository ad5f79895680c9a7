"""`parley gate` and `parley models` on bundles of a tiny graph; nothing is trained."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
import typer
from typer.testing import CliRunner, Result

from bot.errors import NotFound, ParleyError, SettingsError
from nlu.errors import BundleError
from nlu.manifest import Lineage
from nlu.registry import Registry
from tests.unit.nlu.conftest import INTENTS, write_bundle
from training import remote
from training.cli import register
from training.gate.reports import keep, kept
from training.gate.verdict import Check, GateReport
from training.promotion import NotPromoted

DATA = """
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hello
- intent: bye
  examples: |
    - bye
- intent: order
  examples: |
    - order [green tea](item)
"""
TESTS = """
version: "3.1"
nlu:
- intent: greet
  examples: |
{greet}
- intent: bye
  examples: |
{bye}
"""
DOMAIN = "version: '3.1'\nintents: [greet, bye, order, faq]\nentities: [item, city]\n"
CONFIG = "version: '3.1'\npipeline: [{name: DIETClassifier}]\npolicies: [{name: RulePolicy}]\n"
RECIPE = b"epochs = 1\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tests = TESTS.format(
        greet="\n".join(f"    - hello {n}" for n in range(60)),
        bye="\n".join(f"    - bye {n}" for n in range(60)),
    )
    project = tmp_path / "project"
    files = {"data/nlu.yml": DATA, "domain.yml": DOMAIN, "config.yml": CONFIG}
    for name, content in (files | {"tests/nlu.yml": tests}).items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "home"))
    return project


@pytest.fixture
def registry(folder: Path) -> Registry:
    return Registry(folder / "models")


@pytest.fixture
def publish(registry: Registry):
    def publish(version: str, *, use: bool = False, day: int = 1, **facts: object) -> str:
        more = {"recipe.toml": RECIPE, **facts.pop("more", {})}
        with registry.draft() as draft:
            created = f"2026-01-{day:02}T00:00:00Z"
            write_bundle(draft, version=version, created=created, more=more, **facts)
            registry.publish(draft, version, use=use)
        return version

    return publish


@pytest.fixture
def parley(folder: Path):
    app = typer.Typer()
    register(app)

    def run(*words: str, expect: type[BaseException] | None = None, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [*words, "--project", str(folder)])
        if expect is not None:
            assert isinstance(result.exception, expect), result.output
        else:
            assert result.exit_code == code, (result.output, result.exception)
        return result

    return run


def said(candidate: str, verdict: str, current: str = "v1") -> GateReport:
    check = Check("intents", verdict, "as it is.")
    return GateReport(
        created="2026-01-01",
        candidate=candidate,
        current=current,
        verdict=verdict,
        checks=(check,),
        sentences={},
    )


def test_the_gate_lets_a_candidate_pass_that_answers_alike(parley, registry, publish):
    publish("v1", use=True)
    publish("v2", day=2)
    registry.propose("v2")
    shown = parley("gate", "--no-conversations").output
    assert "v2 against v1: passes" in shown
    assert kept(registry, "v2").sentences["tests"] == 120
    assert (registry.root / "reports" / "v2.html").is_file()
    assert parley("models", "promote").output.startswith("v2 is current now, instead of v1")
    assert (registry.current(), registry.candidate()) == ("v2", None)
    assert "models.promote" in parley_audit(registry)


def parley_audit(registry: Registry) -> str:
    """The rows of the audit log, as text."""
    import sqlite3

    home = Path(os.environ["PARLEY_HOME"])
    [database] = [*home.rglob("*.db"), *home.rglob("*.sqlite*")][:1]
    with sqlite3.connect(database) as connection:
        return str(connection.execute("SELECT * FROM audit").fetchall())


def test_a_candidate_that_failed_takes_a_name_and_a_reason(parley, registry, publish):
    publish("v1", use=True)
    names = ("order", "bye", "faq/price", "faq/hours", "greet")  # the columns mean other intents
    publish("v2", day=2, intents=names)
    shown = parley("gate", "v2", "--no-conversations", code=1).output
    assert "v2 against v1: FAILS" in shown
    refused = parley("models", "promote", "v2", expect=NotPromoted)
    assert "failed at the gate" in str(refused.exception)
    parley("models", "promote", "v2", "--by", "Ann", expect=NotPromoted)
    parley("models", "use", "v2", expect=NotPromoted)
    assert registry.current() == "v1"
    parley("models", "promote", "v2", "--by", "Ann", "--reason", "the intents were renamed")
    assert registry.current() == "v2"
    recorded = parley_audit(registry)
    assert "Ann" in recorded
    assert "the intents were renamed" in recorded
    parley("models", "rollback")
    assert registry.current() == "v1"
    assert "models.rollback" in parley_audit(registry)


def test_a_model_the_gate_has_not_seen_or_saw_against_another_is_not_promoted(
    parley, registry, publish
):
    publish("v1", use=True)
    publish("v2", day=2)
    publish("v3", day=3)
    refused = parley("models", "promote", "v2", expect=NotPromoted)
    assert "has not seen v2: run `parley gate v2`" in str(refused.exception)
    keep(registry, said("v2", "pass", current="v3"))
    refused = parley("models", "promote", "v2", expect=NotPromoted)
    assert "with v3, but v1 is current now" in str(refused.exception)
    keep(registry, said("v2", "open"))
    refused = parley("models", "promote", "v2", expect=NotPromoted)
    assert "not enough evidence" in str(refused.exception)


def test_a_model_whose_files_were_changed_is_not_promoted_by_anybody(parley, registry, publish):
    publish("v1", use=True)
    publish("v2", day=2)
    with (registry.folder("v2") / "model.onnx").open("ab") as file:
        file.write(b"more")
    words = ("models", "promote", "v2", "--by", "ann", "--reason", "it is better")
    refused = parley(*words, expect=SettingsError)
    assert "not the file that was published" in str(refused.exception)
    assert registry.current() == "v1"


def test_a_first_model_needs_no_gate(parley, registry, publish):
    publish("v1")
    parley("models", "promote", "v1")
    assert registry.current() == "v1"


def test_a_model_of_another_project_is_refused(parley, publish):
    publish("v1", use=True)
    other = ("a", "b", "c", "d", "e")
    publish("v2", day=2, intents=other)
    refused = parley("gate", "v2", "--no-conversations", expect=SettingsError)
    assert "v2 is of another project: it knows a, b, c" in str(refused.exception)


def test_labels_that_only_one_knows_are_told_and_not_compared(parley, registry, publish):
    publish("v1", use=True)
    publish("v2", day=2, intents=("farewell", *INTENTS[1:]))
    shown = parley("gate", "v2", "--no-conversations", code=0).output
    assert "intents added: farewell" in shown
    assert "intents gone: bye" in shown
    report = kept(registry, "v2")
    assert report.labels.left_out == {"bye": 60}
    assert report.sentences["tests"] == 60


def test_the_gate_says_what_is_missing(parley, folder, publish):
    parley("gate", expect=NotFound)
    publish("v1", use=True)
    assert "no candidate" in str(parley("gate", expect=NotFound).exception)
    parley("gate", "v1", expect=SettingsError)
    unknown = parley("gate", "v9", "--no-conversations", expect=ParleyError)
    assert "no version 'v9'" in str(unknown.exception)
    publish("v2")
    (folder / "tests" / "nlu.yml").unlink()
    nothing = parley("gate", "v2", "--no-conversations", expect=NotFound)
    assert "no labelled sentence" in str(nothing.exception)


def test_a_report_can_be_had_as_json_and_as_files(parley, tmp_path, publish):
    publish("v1", use=True)
    publish("v2", day=2)
    out = tmp_path / "out" / "gate.json"
    shown = parley("gate", "v2", "--no-conversations", "--json", "--out", str(out)).stdout
    report = msgspec.json.decode(shown, type=GateReport)
    assert report.verdict == "pass"
    assert msgspec.json.decode(out.read_bytes(), type=GateReport) == report
    assert "<svg" not in out.with_suffix(".html").read_text()  # nothing moved


def test_a_version_shows_where_it_comes_from(parley, publish):
    publish("v1", use=True)
    lineage = Lineage(parent="v1", dataset="d12", seeds=(1, 2), sentences=40)
    publish("v2", day=2, lineage=lineage, more={"recipe.toml": b"epochs = 2\n"})
    shown = parley("models", "show", "v2").output
    assert all(part in shown for part in ("parent     v1", "dataset    d12", "seeds      1, 2"))
    assert '"dataset": "d12"' in parley("models", "show", "v2", "--json").output
    different = parley("models", "diff", "v2").output
    assert "recipe epochs: 1 -> 2" in different
    assert "dataset: the project's files -> d12" in different
    assert "differ in nothing" in parley("models", "diff", "v1", "v1").output
    parley("models", "show", "v7", expect=NotFound)


def test_the_list_marks_the_current_the_candidate_and_the_pinned(parley, registry, publish):
    publish("v1", use=True)
    publish("v2", day=2)
    registry.propose("v2")
    parley("models", "pin", "v2")
    keep(registry, said("v2", "open"))
    shown = parley("models", "list").output.splitlines()
    assert shown[0].startswith("* v1")
    assert shown[1].startswith("+ v2")
    assert shown[1].endswith("gate: open against v1  pinned")


def test_gc_keeps_what_is_current_was_current_proposed_pinned_or_new(parley, registry, publish):
    for day in range(1, 9):
        publish(f"v{day}", use=day in (1, 2), day=day)
    registry.propose("v3")
    registry.pin("v4")
    parley("models", "gc", "--keep", "1", "--dry-run")
    assert len(registry.versions()) == 8
    shown = parley("models", "gc", "--keep", "1").output
    assert registry.versions() == ("v1", "v2", "v3", "v4", "v8")
    assert "v5 is removed" in shown
    with pytest.raises(BundleError, match="v4 is current, was current, is pinned"):
        registry.remove("v4")
    registry.pin("v4", keep=False)
    registry.remove("v4")
    assert "v4" not in registry.versions()


def test_gc_clears_what_a_killed_run_left(parley, registry, publish):
    publish("v1", use=True)
    old, young = registry.root / ".draft-old", registry.root / ".draft-young"
    for path in (old, young):
        path.mkdir()
    os.utime(old, (0, 0))
    assert "1 abandoned drafts gone" in parley("models", "gc").output
    assert (old.exists(), young.exists()) == (False, True)


@pytest.mark.parametrize("scheme", ["memory://{}", "file://{}"])
def test_a_version_goes_elsewhere_and_comes_back(parley, registry, publish, tmp_path, scheme):
    url = scheme.format(tmp_path / "elsewhere")
    publish("v1", use=True)
    parley("models", "push", url)
    other = Registry(tmp_path / "other")
    assert remote.pull(other, url) == "v1"
    assert other.current() == "v1"
    assert other.manifest("v1") == registry.manifest("v1")
    publish("v2", use=True, day=2)
    parley("models", "push", url)
    assert remote.pull(other, url) == "v2"
    assert remote.pull(other, url, "v1") == "v1"


def test_a_file_that_was_changed_elsewhere_is_not_registered(registry, publish, tmp_path):
    publish("v1", use=True)
    place = tmp_path / "elsewhere"
    remote.push(registry, "v1", f"file://{place}")
    with (place / "v1" / "model.onnx").open("ab") as file:
        file.write(b"more")
    other = Registry(tmp_path / "other")
    with pytest.raises(BundleError, match="not the file that was published"):
        remote.pull(other, f"file://{place}")
    assert (other.versions(), other.current()) == ((), None)


def test_what_is_not_elsewhere_is_said(registry, publish, tmp_path):
    with pytest.raises(NotFound, match="no current model"):
        remote.pull(registry, f"file://{tmp_path}/nowhere")
    with pytest.raises(NotFound, match="no whole version 'v9'"):
        remote.pull(registry, f"file://{tmp_path}/nowhere", "v9")
    with pytest.raises(SettingsError, match="gopher"):
        remote.pull(registry, "gopher://x")
