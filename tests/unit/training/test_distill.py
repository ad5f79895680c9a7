"""A student learns what a teacher says; the teacher is trained first, or a bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from torch.nn.functional import log_softmax, softmax

from bot.errors import SettingsError
from bot.project.project import Example, Project
from nlu.manifest import EntityLabel
from nlu.parse import Context
from nlu.registry import Registry
from training.checkpoint import Checkpoint
from training.crossval import cross_validate
from training.dataset import IGNORED, Encoder, Labels, collate
from training.distill import Lessons, Teacher, apart_from, each_apart, taught_intents, taught_tags
from training.lesson import UNTOLD, Lesson
from training.make import make
from training.publish import build
from training.recipe import Recipe, load_recipe
from training.step import Step
from training.teachers import find_teacher, is_bundle, mark_of
from training.teaching import first_recipe, teacher_in, trained_teacher
from training.train import open_tokenizer, train

from .conftest import example

pytestmark = pytest.mark.torch


class Killed(Exception):
    pass


def brief(recipe: Recipe, **changes: object) -> Recipe:
    return msgspec.structs.replace(recipe, **{"epochs": 2, "swap_values": 0.0, **changes})


@pytest.fixture
def teacher(examples: list[Example], recipe: Recipe) -> Teacher:
    recipe = msgspec.structs.replace(recipe, epochs=12)
    return trained_teacher(train(examples, recipe), recipe)


def lessons(
    teacher: Teacher, examples: list[Example], recipe: Recipe, told: Callable[[str], None] = print
) -> list[Lesson]:
    """Of examples of one window each."""
    tokenizer = open_tokenizer(_pieces(recipe), recipe)
    found = Lessons.of(teacher, examples, Labels.of(examples), tokenizer, recipe, report=told)
    return [lesson for [lesson] in found.windows]


def _pieces(recipe: Recipe) -> str:
    from training.encoders import load_tokenizer

    return load_tokenizer(recipe.encoder, recipe.max_tokens)


def test_nothing_is_lost_where_both_say_the_same_and_what_is_untold_counts_for_nothing():
    logits = torch.tensor([[2.0, 0.0, -1.0, 7.0], [0.0, 0.0, 0.0, 1.0]])
    soft = torch.full((2, 4), UNTOLD)
    soft[0, :3] = softmax(logits[0, :3] / 2.0, -1)
    assert apart_from(logits, soft, 2.0).tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    other = logits.clone().requires_grad_()
    with torch.no_grad():
        other[0, 0] -= 1.0
    loss = apart_from(other, soft, 2.0)
    loss.sum().backward()
    assert loss[0] > 0.01
    assert other.grad is not None
    assert other.grad[0, 3] == 0.0
    assert other.grad[1].abs().sum() == 0.0


def test_intents_that_go_together_are_each_compared_by_itself():
    logits = torch.tensor([[2.0, -1.0, 5.0]])
    soft = torch.tensor([[*torch.sigmoid(logits[0, :2] / 3.0).tolist(), UNTOLD]])
    assert each_apart(logits, soft, 3.0).item() == pytest.approx(0.0, abs=1e-5)
    assert each_apart(logits + 2, soft, 3.0).item() > 0.05


def test_a_row_nobody_teaches_keeps_its_loss_and_a_taught_one_is_mixed(recipe: Recipe):
    recipe = msgspec.structs.replace(recipe, teacher_weight=0.25, teacher_temperature=2.0)
    logits = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    soft = torch.tensor([[0.5, 0.5], [UNTOLD, UNTOLD]])
    hard = torch.tensor([3.0, 3.0])
    apart = float((0.5 * (np.log(0.5) - log_softmax(logits[0] / 2, -1))).sum())
    mixed = taught_intents(hard, logits, soft, recipe, several=False)
    assert mixed.tolist() == pytest.approx([0.75 * 3.0 + 0.25 * 4 * apart, 3.0])


def test_words_whose_own_label_the_teacher_does_not_know_learn_from_labels_alone(recipe: Recipe):
    recipe = msgspec.structs.replace(recipe, teacher_weight=1.0)
    logits = torch.zeros(1, 4, 5)
    tags = torch.tensor([[IGNORED, 0, 3, IGNORED]])  # 3 begins what only the student knows
    soft = torch.full((1, 4, 5), UNTOLD)
    soft[0, 1:3, :3] = torch.tensor([1.0, 0.0, 0.0])
    one = taught_tags(torch.tensor(2.0), logits, tags, soft, recipe)
    t2 = recipe.teacher_temperature**2
    assert one.item() == pytest.approx(0.5 * 2.0 + 0.5 * t2 * np.log(3), rel=1e-5)
    nobody = taught_tags(torch.tensor(2.0), logits, tags, torch.full_like(soft, UNTOLD), recipe)
    assert nobody.item() == pytest.approx(2.0)


def test_a_student_follows_its_teacher_where_labels_are_wrong(
    examples: list[Example], recipe: Recipe, teacher: Teacher
):
    wrong = [msgspec.structs.replace(each, intent="faq/bye") for each in examples[:6]]
    spoiled = [*wrong, *examples[6:]]
    right = {}
    for weight in (0.0, 1.0):
        taught = msgspec.structs.replace(recipe, teacher_weight=weight, swap_values=0.0, typos=0.0)
        student = train(spoiled, taught, teacher=teacher)
        rows = Encoder(open_tokenizer(_pieces(recipe), recipe), student.labels).rows(examples[:6])
        with torch.inference_mode():
            ids = [torch.tensor([row.ids]) for row in rows]
            said = [
                int(student.model(one, torch.ones_like(one)).intent_logits.argmax()) for one in ids
            ]
        right[weight] = sum(column == row.intent for column, row in zip(said, rows, strict=True))
    assert right[1.0] == 6 > right[0.0]


def test_what_the_teacher_does_not_know_is_told_and_left_out(
    examples: list[Example], recipe: Recipe, teacher: Teacher
):
    more = [*examples, example("pay", "send me the bill"), example("order", "send it", size="it")]
    lines: list[str] = []
    said = lessons(teacher, more, recipe, lines.append)
    assert lines == [
        "taught by " + recipe.encoder + ": 4 intents, 1 kinds of entities",
        "the teacher does not know 1 of the intents: pay",
        "the teacher does not know 1 of the entities: size",
    ]
    columns = Labels.of(more).intents
    assert (said[-2].intents == UNTOLD).all()
    pay = columns.index("pay")
    assert said[0].intents[pay] == UNTOLD
    assert said[0].intents.sum() - UNTOLD == pytest.approx(1.0)
    assert columns[int(said[0].intents.argmax())] == "greet"
    coloured = next(n for n, each in enumerate(more) if each.text == "order me red hats")
    tags = said[coloured].tags
    assert tags is not None
    assert tags.argmax(-1).tolist() == [0, 0, 1, 0]
    assert (tags[:, 3:] == UNTOLD).all()


def test_a_swapped_value_of_other_words_is_taught_by_its_labels_alone(
    examples: list[Example], recipe: Recipe, teacher: Teacher
):
    plain = example("order", "send red hats", colour="red")
    longer = example("order", "send red red hats", colour="red red")
    other = example("order", "send blue hats", colour="blue")
    tokenizer = open_tokenizer(_pieces(recipe), recipe)
    labels = Labels.of(examples)
    encode = Encoder(tokenizer, labels)
    taught = Lessons.of(teacher, [plain], labels, tokenizer, recipe)
    [same] = taught.given(0, encode.windows(other), encode.windows(plain))
    [apart] = taught.given(0, encode.windows(longer), encode.windows(plain))
    assert same.lesson is not None
    assert apart.lesson is not None
    assert same.lesson.tags is not None
    assert apart.lesson.tags is None
    assert (apart.lesson.intents == same.lesson.intents).all()
    batch = collate([same, apart, encode.first(plain)], tokenizer.pad_id)
    assert batch.soft_tags is not None
    assert batch.soft_intents is not None
    words = (batch.soft_tags[..., 0] >= 0).nonzero().tolist()
    assert words == [[0, place] for place, tag in enumerate(same.tags) if tag != IGNORED]
    assert (batch.soft_intents >= 0).any(-1).tolist() == [True, True, False]


def test_each_window_of_a_long_text_is_taught_its_own_words(
    examples: list[Example], recipe: Recipe, teacher: Teacher
):
    text = "hello there " * 12 + "send me red socks"
    long = example("order", text, colour="red")
    short = msgspec.structs.replace(recipe, max_tokens=16)
    tokenizer, labels = open_tokenizer(_pieces(short), short), Labels.of(examples)
    encode = Encoder(tokenizer, labels)
    rows = encode.windows(long)
    [windows] = Lessons.of(teacher, [long], labels, tokenizer, short).windows
    assert len(windows) == len(rows) > 1
    taught = Lessons([windows]).given(0, rows, rows)
    batch = collate(taught, tokenizer.pad_id)
    assert batch.soft_tags is not None
    for row, soft in zip(taught, batch.soft_tags, strict=True):
        told = [place for place, tag in enumerate(row.tags) if tag != IGNORED]
        assert (soft[told].sum(-1) - 1).abs().max() < 1e-5
        assert (soft[:, 0] >= 0).sum() == len(told)
    of_last = [tag for tag in taught[-1].tags if tag != IGNORED]
    said = windows[-1].tags
    assert said is not None
    assert said[of_last.index(1)].argmax() == 1


def test_a_student_that_reads_what_went_before_is_taught_too(
    examples: list[Example], recipe: Recipe
):
    asked = [
        msgspec.structs.replace(each, contexts=(Context("hello there?"), Context("my order?")))
        for each in examples
    ]
    reading = brief(recipe, epochs=6, context_tokens=16, teacher_weight=1.0, label_smoothing=0.1)
    teacher = trained_teacher(train(asked, reading), reading)
    student = train(asked, reading, teacher=teacher)
    row = Encoder(open_tokenizer(_pieces(reading), reading), student.labels).first(asked[0])
    ids, types = torch.tensor([row.ids]), torch.zeros(1, len(row.ids), dtype=torch.long)
    types[0, len(row.ids) - row.context :] = 1
    assert row.context > 0
    with torch.inference_mode():
        said = student.model(ids, torch.ones_like(ids), types).intent_logits.argmax()
    assert student.labels.intents[int(said)] == "greet"


def test_a_teacher_of_another_bot_or_of_several_intents_is_refused(
    examples: list[Example], recipe: Recipe, teacher: Teacher
):
    stranger = [example("pay", "send me the bill"), example("sleep", "bye bye")]
    with pytest.raises(SettingsError, match=r"knows 0 of the 2 intents.*It knows faq/bye"):
        lessons(teacher, stranger, recipe)
    several = Teacher("other", teacher.model, teacher.intents, teacher.labels, several=True)
    with pytest.raises(SettingsError, match="finds several intents in a message"):
        lessons(several, examples, recipe)


def test_several_intents_are_taught_too(recipe: Recipe):
    texts = {"greet": "hello", "bye": "bye bye", "greet+bye": "hello bye", "order": "send me red"}
    examples = [example(intent, text) for intent, text in texts.items()] * 4
    recipe = brief(recipe, epochs=20)
    teacher = trained_teacher(train(examples, recipe, split="+"), recipe)
    wrong = [msgspec.structs.replace(each, intent="order") for each in examples[:1]]
    taught = msgspec.structs.replace(recipe, teacher_weight=1.0)
    student = train([*wrong, *examples[1:4] * 4], taught, split="+", teacher=teacher)
    assert student.labels.several is not None
    row = Encoder(open_tokenizer(_pieces(recipe), recipe), student.labels).first(examples[0])
    with torch.inference_mode():
        ids = torch.tensor([row.ids])
        logits = student.model(ids, torch.ones_like(ids)).intent_logits[0]
    likely = {name for name, logit in zip(student.labels.columns, logits, strict=True) if logit > 0}
    assert likely == {"greet"}


def test_the_teacher_is_trained_whole_on_the_same_and_by_nobody(recipe: Recipe):
    pruned = msgspec.structs.replace(recipe, teacher="larger", layers=1, teacher_rate=1e-5)
    first = first_recipe(pruned)
    assert (first.encoder, first.teacher, first.layers, first.encoder_rate) == (
        "larger",
        "",
        0,
        1e-5,
    )
    assert (first.epochs, first.seed) == (recipe.epochs, recipe.seed)


@pytest.mark.parametrize(
    ("share", "small"),
    [(0.4, 0), (0.9, 0), (0.6, 100)],
    ids=["the teacher", "the student", "the second teacher of a small set"],
)
def test_a_run_killed_while_either_learns_gives_the_same_weights(
    share: float, small: int, examples: list[Example], recipe: Recipe, tmp_path: Path
):
    taught = brief(
        recipe, teacher=recipe.encoder, layers=1, teacher_rate=3e-3, epochs=4, small=small
    )

    def run(watch: Callable[[Step], None], name: str) -> bytes:
        checkpoint = Checkpoint(tmp_path / f"{name}.safetensors", "key", every_s=0.0)
        (tmp_path / name).mkdir(exist_ok=True)
        make(examples, taught, tmp_path / name, watch=watch, checkpoint=checkpoint)
        checkpoint.remove()
        return (tmp_path / name / "model.onnx").read_bytes()

    def kill(step: Step) -> None:
        if step.done > step.total * share:
            raise Killed

    steps: list[Step] = []
    whole = run(lambda step: None, "whole")
    with pytest.raises(Killed):
        run(kill, "killed")
    assert run(steps.append, "killed") == whole
    assert steps[0].done > steps[0].total * (share - 0.3)
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_bundle_teaches_as_it_is_served(
    project: Project, recipe: Recipe, tmp_path: Path, examples: list[Example]
):
    registry = Registry(tmp_path / "models")
    manifest = build(project, recipe, registry)
    place = find_teacher(manifest.version, registry)
    assert is_bundle(place)
    assert manifest.version in mark_of(place)
    teacher = teacher_in(Path(place))
    assert teacher.labels == (EntityLabel("colour"),)
    lines: list[str] = []
    again = brief(recipe, teacher=place)
    taught = build(project, again, registry, report=lines.append)
    assert f"taught by {manifest.version}: 4 intents, 1 kinds of entities" in lines
    assert taught.recipe_hash != manifest.recipe_hash
    assert (taught.lineage.teacher, taught.lineage.taught) == (manifest.version, ())
    with pytest.raises(SettingsError, match=f"registry of models.*{taught.version}"):
        find_teacher(str(registry.root), registry)
    with pytest.raises(SettingsError, match="keeps back"):
        cross_validate(project, again, 2)


def test_nobody_teaches_unless_a_recipe_says_so(tmp_path: Path):
    assert load_recipe().teacher == ""
    assert not is_bundle("")
    assert mark_of("all-MiniLM-L6-v2") == ""
    assert find_teacher("all-MiniLM-L6-v2", Registry(tmp_path)) == "all-MiniLM-L6-v2"
