"""A rebuild's report as a page: the data, the training, the scores, the gate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from training.gate import page
from training.rebuild import Rebuilt
from training.sheet import document, table
from training.versions.dataset import Dataset

WIDTH, HEIGHT, LEFT = 760, 220, 56
MOST_LEFT_OUT = 100


def rebuild_page(rebuilt: Rebuilt, dataset: Dataset, folder: Path) -> str:
    """The whole page; ``folder`` is the candidate's."""
    manifest = rebuilt.manifest
    scores = msgspec.json.decode((folder / "scores.json").read_bytes())
    parts = [
        page.sections(rebuilt.report)
        if rebuilt.report
        else f"<h1>{escape(manifest.version)}</h1><p>There was no model to compare it with.</p>",
        _data(dataset),
        "<h2>Training</h2>",
        _curve(rebuilt.losses),
        _facts(rebuilt),
        _scores(scores),
        _confusions(scores),
    ]
    return document(f"Rebuild: {manifest.version}", "".join(parts))


def _data(dataset: Dataset) -> str:
    rows = [
        ("version", dataset.version),
        ("after", dataset.parent or "none"),
        *(
            (f"{part}, labelled by {by}", count)
            for (part, by), count in sorted(
                Counter((row.part, row.by) for row in dataset.rows if not row.is_erased).items()
            )
        ),
        *([("users' turns learned up to", dataset.until)] if dataset.until else []),
        ("erased", dataset.erased),
        ("left out", len(dataset.left_out)),
    ]
    out = [(each.id, each.why) for each in dataset.left_out[:MOST_LEFT_OUT]]
    told = f"<details><summary>Left out</summary>{table(('item', 'why'), out)}</details>"
    return "<h2>What it learned</h2>" + table(("", ""), rows) + (told if out else "")


def _curve(losses: Sequence[tuple[int, float]]) -> str:
    """The loss of every step, and their mean over a twentieth of the steps."""
    if len(losses) < 2:
        return ""
    top = max(loss for _, loss in losses) or 1.0
    first, last = losses[0][0], losses[-1][0]

    def line(points: Sequence[tuple[int, float]]) -> str:
        return " ".join(
            f"{LEFT + (step - first) / max(last - first, 1) * (WIDTH - LEFT - 10):.1f},"
            f"{10 + (1 - loss / top) * HEIGHT:.1f}"
            for step, loss in points
        )

    wide = max(1, len(losses) // 20)
    smooth = [
        (losses[at][0], sum(loss for _, loss in losses[at - wide : at]) / wide)
        for at in range(wide, len(losses))
    ]
    return (
        f'<div class="wide"><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} '
        f'{HEIGHT + 40}" width="{WIDTH}" height="{HEIGHT + 40}" role="img" '
        'aria-label="Loss of every step">'
        f'<polyline points="{line(losses)}" fill="none" stroke="var(--line)"/>'
        f'<polyline points="{line(smooth)}" fill="none" stroke="var(--bar)" stroke-width="2"/>'
        f'<text class="mute end" x="{LEFT - 6}" y="18">{top:.2f}</text>'
        f'<text class="mute end" x="{LEFT - 6}" y="{HEIGHT + 12}">0</text>'
        f'<text class="mute end" x="{WIDTH - 10}" y="{HEIGHT + 30}">step {last}</text>'
        "</svg></div>"
    )


def _facts(rebuilt: Rebuilt) -> str:
    manifest, lineage = rebuilt.manifest, rebuilt.manifest.lineage
    rows: list[tuple[str, Any]] = [
        ("encoder", manifest.encoder),
        *([("teacher", lineage.teacher)] if lineage.teacher else []),
        ("seeds", ", ".join(map(str, lineage.seeds))),
        ("sentences", lineage.sentences),
        ("parent", lineage.parent or "none"),
        ("recipe", manifest.recipe_hash[:12]),
        ("temperature", manifest.temperature),
        *((f"seconds, {name}", value) for name, value in rebuilt.seconds.items()),
    ]
    return table(("", ""), rows)


def _scores(scores: dict[str, Any]) -> str:
    rows = [
        (
            name,
            f"{scores[name]['intent_accuracy']:.1%}",
            f"{scores[name]['intent_macro_f1']:.1%}",
            f"{scores[name]['entities']['f1']:.1%}",
            scores[name]["sentences"],
        )
        for name in ("int8", "float32")
    ]
    head = ("graph", "intents", "macro F1", "entity F1", f"sentences ({scores['scored']})")
    thresholds = scores.get("thresholds") or {}
    told = ", ".join(f"{name} {value}" for name, value in thresholds.items())
    return "<h2>Scores</h2>" + table(head, rows) + (f"<p>{escape(told)}</p>" if told else "")


def _confusions(scores: dict[str, Any]) -> str:
    rows = [
        (each["expected"], each["answered"], each["count"]) for each in scores["int8"]["confusions"]
    ]
    if not rows:
        return ""
    return "<h2>Taken for another</h2>" + table(("right", "answered", "times"), rows[:50])
