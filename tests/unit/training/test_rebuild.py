from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import typer
from typer.testing import CliRunner, Result

from bot.dialogue.domain import Domain
from bot.errors import ParleyError
from bot.project.project import Component, Config, NluData, Project
from bot.review.item import Opinion, ReviewItem
from bot.store.sealing import Locked, new_key
from nlu.folder import file_hash
from nlu.registry import Registry
from training.cli import register
from training.dedupe import near_duplicates, without
from training.gate.recipe import load_gate_recipe
from training.gate.reports import kept
from training.rebuild import CHECKPOINT, JOURNAL, ErasedMeanwhile, Plan, rebuild
from training.rebuild_page import rebuild_page
from training.recipe import Recipe
from training.train import Step
from training.versions.learning import learned_by
from training.versions.making import make_dataset
from training.versions.shelf import Shelf, erased_from
from training.versions.splitting import part_of, subject_of

from .conftest import example
from .test_cli import CONFIG, DATA, DOMAIN
from .test_cli import TESTS as TEST_FILE

pytestmark = pytest.mark.torch

LEARNED = next(f"c{n}" for n in range(99) if part_of(subject_of(f"c{n}")) == "train")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TESTS = [
    *(example("greet", text) for text in ("Hi, hi!", "hello you", "hi, hello") * 6),
    *(example("order", text) for text in ("order tea now", "send hats", "order hats") * 6),
]


def decided(text: str, intent: str, *, kind: str = "person", weight: float = 1.0) -> ReviewItem:
    opinion = Opinion("intent", "ann", 1.0, intent, (), kind, weight)
    return ReviewItem(text, text, LEARNED, state="decided", decision=opinion)


ITEMS = (
    decided("so long my friend", "faq/bye"),
    decided("where the parcel", "order", kind="weak", weight=0.4),
)


@pytest.fixture
def shop(examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "home"))
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, content in (("domain.yml", DOMAIN), ("config.yml", CONFIG)):
        (folder / name).write_text(content)
    return Project(
        str(folder),
        Domain(),
        NluData(tuple(examples)),
        (),
        Config(pipeline=(Component("DIETClassifier"),)),
        nlu_hash="of the data",
    )


@pytest.fixture
def registry(shop: Project) -> Registry:
    return Registry(Path(shop.path) / "models")


@pytest.fixture
def plan(shop: Project, registry: Registry, recipe: Recipe) -> Plan:
    dataset = make_dataset(shop, ITEMS, now=NOW)
    Shelf.of(registry).keep(dataset)
    brief = msgspec.structs.replace(recipe, epochs=3, small=0)
    gate = msgspec.structs.replace(load_gate_recipe(), slower=100.0)
    return Plan(shop, registry, dataset, brief, gate, TESTS, None, every_s=0.0)


def learned(plan: Plan) -> int:
    """How many sentences are left when those that tests repeat are taken out."""
    examples = learned_by(plan.project, plan.dataset).nlu.examples
    return len(without(examples, near_duplicates(examples, TESTS, plan.recipe.near_duplicate)))


def changed(plan: Plan, **changes: object) -> Plan:
    return Plan(**{**vars(plan), **changes})


def test_a_version_of_the_data_becomes_a_candidate_and_nothing_goes_live(plan, registry):
    found = rebuild(plan)
    assert (registry.current(), registry.candidate()) == (None, found.manifest.version)
    assert found.report is None
    lineage = found.manifest.lineage
    assert (lineage.dataset, lineage.parent) == (plan.dataset.version, "")
    assert lineage.sentences == learned(plan)
    assert found.losses[0][0] == 1
    assert not [path for path in registry.root.iterdir() if path.name.startswith(".")]


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of users are stored encrypted. Name it first: before what stores some."""
    monkeypatch.setenv("PARLEY_ENCRYPTION_KEYS", new_key("k1"))


def test_a_second_one_is_judged_against_the_first_and_by_its_corrections(
    keys, plan, registry, shop
):
    first = rebuild(changed(plan, dataset=_kept(registry, make_dataset(shop, (), now=NOW))))
    registry.use(first.manifest.version)
    gate = msgspec.structs.replace(plan.gate, seeds=2)
    found = rebuild(changed(plan, gate=gate))
    report = found.report
    assert report.current == found.manifest.lineage.parent == first.manifest.version
    assert report.check("corrections").numbers["corrections"] == 1
    assert len(report.seeds) == 2
    assert report.sentences["tests"] == len(TESTS)
    assert kept(registry, found.manifest.version).verdict == report.verdict
    assert set(registry.versions()) == {first.manifest.version, found.manifest.version}
    shown = rebuild_page(found, plan.dataset, registry.folder(found.manifest.version))
    assert all(part in shown for part in ("<polyline", plan.dataset.version, "labelled by person"))
    newer = msgspec.structs.replace(plan.dataset, cut=1e9)
    shown = rebuild_page(found, newer, registry.folder(found.manifest.version))
    assert "2001-09-09 01:46 UTC" in shown
    assert "src=" not in shown
    files = [path.read_bytes() for path in registry.root.rglob("*") if path.is_file()]
    assert sum(stored.startswith(b"~k1:") for stored in files) == 2, "both versions of the data"
    assert not any(words.text.encode() in stored for words in ITEMS for stored in files)


def test_what_a_run_that_was_killed_had_done_is_not_done_again(plan, registry):
    """The model is the one that a run without an interruption makes."""
    whole = rebuild(plan)
    wanted = file_hash(registry.folder(whole.manifest.version) / "model.onnx")
    registry.propose(None)
    registry.remove(whole.manifest.version)

    def killed(step: Step) -> None:
        if step.done == step.total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(plan, watch=killed)
    assert registry.versions() == ()
    assert registry.candidate() is None
    assert (registry.root / CHECKPOINT).is_file()
    lines: list[str] = []
    steps: list[int] = []
    again = rebuild(plan, watch=lambda step: steps.append(step.done), report=lines.append)
    assert steps[0] > 1
    assert any("going on after step" in line for line in lines)
    assert file_hash(registry.folder(again.manifest.version) / "model.onnx") == wanted


def test_a_run_killed_at_the_gate_keeps_its_models(plan, registry, monkeypatch):
    registry.use(rebuild(plan).manifest.version)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    again = changed(plan, recipe=msgspec.structs.replace(plan.recipe, seed=9))
    with monkeypatch.context() as broken:
        broken.setattr("training.rebuild.run_gate", killed)
        with pytest.raises(KeyboardInterrupt):
            rebuild(again)
    assert registry.candidate() is None
    [finished] = set(registry.versions()) - {registry.current()}
    lines: list[str] = []
    assert rebuild(again, report=lines.append).manifest.version == finished
    assert f"seed 9: {finished} is finished already" in lines
    assert not (registry.root / JOURNAL).exists()


def test_a_run_killed_when_a_model_was_just_published_finds_it_again(plan, registry, monkeypatch):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("training.rebuild._note", killed)
        with pytest.raises(KeyboardInterrupt):
            rebuild(plan)
    [published] = registry.versions()
    assert registry.candidate() is None
    (registry.root / "damaged").mkdir()
    (registry.root / "damaged" / "manifest.json").write_text("{")
    assert rebuild(plan).manifest.version == published == registry.candidate()
    again = rebuild(plan).manifest.version
    assert again != published, "asked for once more, a model is made once more"


def test_a_user_erased_meanwhile_is_not_in_a_model(plan, registry):
    def erases(step: Step) -> None:
        if step.done == 2:
            assert Shelf.of(registry).erase(LEARNED) == 2

    with pytest.raises(ErasedMeanwhile, match="2 sentences were erased"):
        rebuild(plan, watch=erases)
    assert (registry.versions(), registry.candidate()) == ((), None)
    left = changed(plan, dataset=Shelf.of(registry).load(plan.dataset.version))
    found = rebuild(left)
    assert found.manifest.lineage.sentences == learned(left) == learned(plan) - 2


def test_a_model_that_learned_of_an_erased_user_is_marked_and_whom_it_taught(plan, registry, shop):
    found = rebuild(plan)
    teacher = str(registry.folder(found.manifest.version))
    recipe = msgspec.structs.replace(plan.recipe, teacher=teacher)
    bare = _kept(registry, make_dataset(shop, (), now=NOW))
    taught = rebuild(changed(plan, recipe=recipe, dataset=bare)).manifest
    assert taught.lineage.teacher == found.manifest.version
    versions = found.manifest.version, taught.version
    assert [erased_from(registry, version) for version in versions] == [0, 0]
    Shelf.of(registry).erase(LEARNED)
    assert [erased_from(registry, version) for version in versions] == [2, 2]


def test_what_is_weak_is_learned_as_weak(plan, shop):
    learned = {each.text: each for each in learned_by(shop, plan.dataset).nlu.examples}
    assert learned["where the parcel"].metadata == {"parley_weight": 0.4}
    assert learned["so long my friend"].metadata == {}


def test_one_intent_is_enough(plan, shop, registry):
    only = tuple(each for each in shop.nlu.examples if each.intent == "greet")
    project = msgspec.structs.replace(shop, nlu=NluData(only))
    dataset = _kept(registry, make_dataset(project, (), now=NOW))
    found = rebuild(changed(plan, project=project, dataset=dataset))
    assert found.manifest.intents == ("greet",)


def _kept(registry: Registry, dataset):
    Shelf.of(registry).keep(dataset)
    return dataset


@pytest.fixture
def parley(shop: Project, tiny_bert: Path):
    folder = Path(shop.path)
    (folder / "data").mkdir()
    (folder / "tests").mkdir()
    (folder / "data" / "nlu.yml").write_text(DATA)
    (folder / "tests" / "nlu.yml").write_text(TEST_FILE)
    (folder / "recipe.toml").write_text(
        f"encoder = '{tiny_bert}'\nmax_tokens = 32\nepochs = 2\nsmall_steps = 0\n"
    )
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


def test_the_commands_lead_from_files_to_a_model_that_answers(keys, parley, registry, monkeypatch):
    shown = parley("rebuild", "--quiet", "--promote").stdout
    version = registry.current()
    assert f"{version} is the candidate" in shown
    assert f"{version} is current now" in shown
    assert (registry.root / "reports" / f"{version}-rebuild.html").is_file()
    [dataset] = Shelf.of(registry).versions()
    assert dataset in parley("dataset", "list").stdout
    assert "train      8, labelled by project" in parley("dataset", "show", dataset).stdout
    assert parley("dataset", "make").stdout.startswith(dataset)
    nothing = parley("rebuild", "--if-new", "5").stdout
    assert "0 new labels, 5 are wanted" in nothing
    parley("rebuild", "--quiet", "--dataset", "d0", expect=ParleyError)
    taught = "--teacher", str(version)
    undecided = parley("rebuild", "--quiet", "--no-conversations", *taught, code=2)
    recipe = registry.folder(registry.candidate() or "") / "recipe.toml"
    assert f'teacher = "{registry.folder(version)}"' in recipe.read_text()
    assert "not enough evidence" in undecided.stdout
    assert registry.current() == version
    monkeypatch.delenv("PARLEY_ENCRYPTION_KEYS")
    shown = ("dataset", "show", dataset)
    for words in (("dataset", "list"), shown, ("rebuild", "--quiet"), ("models", "list")):
        parley(*words, expect=Locked)


def test_two_versions_of_the_data_can_be_compared(parley, shop):
    first = parley("dataset", "make").stdout.split(",")[0]
    (Path(shop.path) / "data" / "nlu.yml").write_text(DATA.replace("- hi there", "- hi hi"))
    second = parley("dataset", "make").stdout.split(",")[0]
    lines = parley("dataset", "diff", second).stdout.splitlines()
    assert lines == ["+ train greet: hi hi", "- train greet: hi there"]
    assert parley("dataset", "diff", first, first).stdout == ""
