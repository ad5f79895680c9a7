"""The training loop, from examples to a model; read from top to bottom."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy, normalize

from bot.errors import ProjectError
from bot.project.project import Example, Lookup
from nlu.tokenizer import Tokenizer
from training import sentiment
from training.annotations import told
from training.augment import Augmenter
from training.checkpoint import Checkpoint
from training.context import ContextDraw, alone
from training.dataset import IGNORED, Batch, Encoder, Labels, Row, batches, collate
from training.dedupe import Nearest, nearest
from training.distill import Lessons, Teacher, taught_intents, taught_tags
from training.encoders import load_encoder, load_tokenizer
from training.loop import Group, Loop, half_precision, pick_device
from training.model import JointModel
from training.multi_label import Targets, with_names
from training.pruning import keep_layers, keep_parts
from training.rates import encoder_groups
from training.recipe import Recipe
from training.schedule import epochs_of, told_size
from training.step import Step as Step
from training.stopping import EarlyStop
from training.team import current

MEASURED = 1000  # rows tell which heads and columns matter


@dataclass(frozen=True, slots=True)
class Trained:
    """A model on the CPU, and what is needed to read its outputs."""

    model: JointModel
    tokenizer_json: str
    labels: Labels
    epochs: int = 0  # of which its weights come


def train(
    examples: Sequence[Example],
    recipe: Recipe,
    *,
    lookups: Iterable[Lookup] = (),
    split: str = "",
    frozen: float = 0.0,
    judge: Sequence[Example] = (),
    watch: Callable[[Step], None] = lambda step: None,
    report: Callable[[str], None] = lambda line: None,
    checkpoint: Checkpoint | None = None,
    teacher: Teacher | None = None,
    substitutes: Sequence[Sequence[Example]] = (),
    going_on: bool = False,
) -> Trained:
    """Fine-tune the recipe's encoder on ``examples``.

    Args:
        split: What stands between the intents of an example that has several.
        frozen: Share of the encoder's layers that stay as they are; see ``JointModel``.
        judge: What early stopping goes by, where the recipe has it.
        report: Told what a user should know, a line at a time.
        checkpoint: Where to go on from if there is one, and to write one at times.
        teacher: What is learnt beside the labels; see ``training.distill``.
        substitutes: Other wordings of each example; see ``training.substitutes``.
        going_on: More follows: the checkpoint is written at the end, too.

    Raises:
        ProjectError: There are no examples.
        SettingsError: The encoder cannot be found.
        TrainingError: The loss is no number any more, or the memory is too small.
    """
    if not recipe.context_tokens:
        examples = alone(examples)
    examples = with_names(examples, split)
    labels = Labels.of(examples, split)
    if not examples:
        raise ProjectError("nlu: no examples. A model learns from at least one.")
    torch.manual_seed(recipe.seed)
    rng = random.Random(recipe.seed)
    device = pick_device()

    tokenizer_json = load_tokenizer(recipe.encoder, recipe.max_tokens)
    tokenizer = open_tokenizer(tokenizer_json, recipe)
    encoder = load_encoder(recipe.encoder, recipe.max_tokens + recipe.context_tokens)
    if recipe.layers:
        keep_layers(encoder, recipe.layers)
    model = JointModel(
        encoder,
        len(labels.columns),
        labels.tags,
        dropout=recipe.dropout,
        context=recipe.context_tokens > 0,
        chain=recipe.tag_chain and bool(labels.entities),
        frozen=frozen,
        sentiments=len(labels.sentiments),
    )
    model.to(device)

    for line in told(examples, tokenizer):
        report(line)
    encode = Encoder(tokenizer, labels)
    several = labels.several
    targets = Targets.of(several, labels.intents).to(device) if several else None
    plain = [encode.windows(example) for example in alone(examples)]
    count = sum(len(rows) for rows in plain)
    if count > len(examples):
        report(
            f"{sum(len(rows) > 1 for rows in plain)} examples are longer than {recipe.max_tokens} "
            "tokens and are read in windows"
        )
    lessons = None
    if teacher:
        lessons = Lessons.of(teacher, examples, labels, tokenizer, recipe, report=report)
    begin_at_means(
        model,
        [row for rows in plain for row in rows],
        tokenizer.pad_id,
        scale=recipe.intent_scale,
        targets=targets,
    )
    if recipe.heads or recipe.columns:
        prune(model, [row for rows in plain for row in rows], tokenizer, recipe, targets)
    if recipe.compile:
        model.encoder.compile(mode=recipe.compile, dynamic=True)

    augmenter = Augmenter(
        examples,
        lookups,
        swap_values=recipe.swap_values,
        typos=recipe.typos,
        substitutions=recipe.substitutions,
        rng=rng,
    )
    reworded = dict(enumerate(substitutes))  # the names of intents behind them have none
    draw = ContextDraw(recipe.context_dropout, rng)
    chained = model.chain.parameters() if model.chain else ()
    felt = model.sentiment_head.parameters() if model.sentiment_head else ()
    per_epoch = -(-count // recipe.batch_size)
    epochs = epochs_of(count, recipe)
    report(told_size(model, plain, recipe, epochs * per_epoch))
    unseen = encode.rows(alone(filter(labels.know, judge)))
    stop = EarlyStop(model, recipe.patience) if recipe.patience and unseen else None
    loop = Loop(
        model,
        [
            *encoder_groups(model.encoder, recipe.encoder_rate, recipe.layer_decay),
            Group([*model.intent_head.parameters(), *felt], recipe.head_rate),
            Group([*model.tag_head.parameters(), *chained], recipe.head_rate),
        ],
        recipe,
        total=epochs * per_epoch,
        watch=watch,
        report=report,
        rng=rng,
        accumulate=recipe.accumulate,
        team=current(),
        checkpoint=checkpoint,
        decay=recipe.decay,
        kept={"early": stop} if stop else None,
    )

    model.train()
    for epoch in loop.epochs(epochs):
        rows = []
        for number, (example, before) in enumerate(zip(examples, plain, strict=True)):
            varied = augmenter.vary(example, reworded.get(number, ()))
            made = encode.windows(draw(varied))
            # As many as without variation, so that every epoch has as many steps.
            made = made if len(made) == len(before) else encode.windows(draw(example))
            rows += lessons.given(number, made, before) if lessons else made
        for batch in loop.left(batches(rows, recipe.batch_size, tokenizer.pad_id, rng)):
            loop.step(batch, lambda part: loss_of(model, part, recipe, targets))
        if stop and stop.after(epoch + 1, model, judged(model, unseen, tokenizer, recipe, targets)):
            break
    if going_on:
        loop.finish(epochs)
    if stop:
        epochs = stop.restore(model)
        report(f"the best epoch was {epochs}")
    return Trained(model.eval().cpu(), tokenizer_json, labels, epochs)


def prune(
    model: JointModel,
    rows: Sequence[Row],
    tokenizer: Tokenizer,
    recipe: Recipe,
    targets: Targets | None,
) -> None:
    """Take out of the encoder the heads and columns that ``rows`` can best do without."""
    model.eval()
    device = model.intent_head.weight.device
    some = random.Random(recipe.seed).sample(rows, min(len(rows), MEASURED))

    def losses() -> Iterator[torch.Tensor]:
        for begin in range(0, len(some), recipe.batch_size):
            batch = collate(some[begin : begin + recipe.batch_size], tokenizer.pad_id).to(device)
            yield loss_of(model, batch, recipe, targets)

    keep_parts(model.encoder, losses, heads=recipe.heads, columns=recipe.columns)
    model.zero_grad(set_to_none=True)


@torch.no_grad()
def judged(
    model: JointModel,
    rows: Sequence[Row],
    tokenizer: Tokenizer,
    recipe: Recipe,
    targets: Targets | None,
) -> float:
    """The mean loss on ``rows``, which are not learned."""
    model.eval()
    total = 0.0
    for begin in range(0, len(rows), 64):
        part = collate(rows[begin : begin + 64], tokenizer.pad_id)
        loss = loss_of(model, part.to(model.intent_head.weight.device), recipe, targets)
        total += float(loss) * len(part.intents)
    model.train()
    return total / len(rows)


def loss_of(
    model: JointModel, batch: Batch, recipe: Recipe, targets: Targets | None = None
) -> torch.Tensor:
    """Cross-entropy of the intents, of each where there may be several, plus that of the tags, both
    mixed with what a teacher says, and that of the sentiments where the model learns any."""
    with half_precision(batch.ids.device):
        outputs = model(batch.ids, batch.mask, batch.types)
    logits = outputs.intent_logits.float()
    if targets:
        intent_losses = targets.losses(logits, batch.intents)
    else:
        intent_losses = cross_entropy(
            logits, batch.intents, label_smoothing=recipe.label_smoothing, reduction="none"
        )
    if batch.soft_intents is not None:
        intent_losses = taught_intents(
            intent_losses, logits, batch.soft_intents, recipe, several=targets is not None
        )
    intent_loss = (batch.weights * intent_losses).mean()
    tag_logits = outputs.tag_logits.float()
    tag_loss = (model.chain or apart)(tag_logits, batch.tags)
    if batch.soft_tags is not None:
        tag_loss = taught_tags(tag_loss, tag_logits, batch.tags, batch.soft_tags, recipe)
    loss = intent_loss + recipe.tag_weight * tag_loss
    if model.sentiment_head:
        felt = model.sentiment_head(model.dropout(outputs.sentence.float()))
        loss = loss + recipe.sentiment_weight * sentiment.loss(felt, batch.sentiments)
    return loss


def apart(emissions: torch.Tensor, tags: torch.Tensor) -> torch.Tensor:
    """The mean cross-entropy of the words' tags, each by itself; see ``TagChain.forward``."""
    loss = cross_entropy(
        emissions.flatten(0, 1), tags.flatten(), ignore_index=IGNORED, reduction="sum"
    )
    return loss / (tags != IGNORED).sum().clamp(min=1)  # there may be no word in a whole batch


@torch.no_grad()
def begin_at_means(
    model: JointModel,
    rows: Sequence[Row],
    pad_id: int,
    *,
    scale: float,
    targets: Targets | None = None,
) -> None:
    """Set the intent head to scale x cosine with the mean sentence vector of each intent, and the
    head of sentiments likewise."""
    weight = model.intent_head.weight
    vectors = sentence_vectors(model, rows, pad_id)
    if model.sentiment_head:
        felt = torch.tensor([row.sentiment for row in rows], device=vectors.device)
        sentiment.begin(model.sentiment_head, vectors, felt, scale=scale)
    intents = torch.tensor([row.intent for row in rows], device=vectors.device)
    if targets:
        targets.begin(model.intent_head, vectors, intents, scale=scale)
        return
    counts = torch.tensor([row.weight for row in rows], device=vectors.device)
    means = torch.zeros_like(weight).index_add_(0, intents, vectors * counts[:, None])
    weight.copy_(scale * normalize(means, dim=-1))
    model.intent_head.bias.zero_()


@torch.no_grad()
def sentence_vectors(model: JointModel, rows: Sequence[Row], pad_id: int) -> torch.Tensor:
    """What the encoder makes of each row, length 1: (rows, hidden)."""
    model.eval()
    device = model.intent_head.weight.device
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].ids))
    vectors = torch.empty(len(rows), model.intent_head.in_features, device=device)
    for begin in range(0, len(order), 64):
        part = order[begin : begin + 64]
        batch = collate([rows[i] for i in part], pad_id).to(device)
        with half_precision(device):
            vectors[part] = model(batch.ids, batch.mask, batch.types).sentence.float()
    return vectors


def overlap(training: Sequence[Example], tests: Sequence[Example], recipe: Recipe) -> Nearest:
    """How near the tests are to the training data, to the recipe's encoder before training."""
    tokenizer = open_tokenizer(load_tokenizer(recipe.encoder, recipe.max_tokens), recipe)
    encoder = load_encoder(recipe.encoder, recipe.max_tokens)
    model = JointModel(encoder, 1, 1).to(pick_device())
    sides = []
    for examples in (training, tests):
        bare = [Example(text=example.text, intent="") for example in examples]
        encode = Encoder(tokenizer, Labels(("",), ()))
        rows = [encode.first(example) for example in bare]
        sides.append(sentence_vectors(model, rows, tokenizer.pad_id).cpu().numpy())
    return nearest([e.text for e in training], [e.text for e in tests], *sides)


def open_tokenizer(tokenizer_json: str, recipe: Recipe) -> Tokenizer:
    """The tokenizer the server will use."""
    return Tokenizer(
        tokenizer_json.encode(),
        max_tokens=recipe.max_tokens,
        context_tokens=recipe.context_tokens,
        context_turns=recipe.context_turns,
    )
