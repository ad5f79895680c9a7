"""A trial's report as a page: one file, with its pictures, light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from bot.testing.pictures import COLOURS, SHAPES, confusion_matrix
from training.calibration import Calibration
from training.data import DataFile
from training.evaluate import Prf
from training.roc import Roc
from training.sheet import STYLE
from training.trial import Judged, TrialReport

MOST_CONFUSIONS = 25
MOST_MISTAKES = 50
SHOWN_TEXTS = 3  # of a confusion


def page(report: TrialReport) -> str:
    """The whole page."""
    title = f"{report.train.file} → {report.test.file}"
    body = "".join(
        [
            f"<h1>{escape(title)}</h1>",
            f'<p class="mute">{_about(report)}</p>',
            _cards(report),
            _graphs(report),
            _confusions(report),
            _heat(report),
            _calibration(report.scores["int8"].calibration),
            _roc(report.scores["int8"].roc),
            _intents(report.scores["int8"]),
            _entities(report.scores["int8"]),
            _mistakes(report),
            _facts(report),
        ]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{COLOURS}{SHAPES}{STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def _about(report: TrialReport) -> str:
    return escape(
        f"Trained on {report.train.examples:,} sentences of {report.train.intents} intents, "
        f"scored on {report.test.examples:,}, which it had not seen. Encoder "
        f"{report.recipe['encoder']}, seed {report.seed}, {report.created[:10]}."
    )


def _cards(report: TrialReport) -> str:
    served = report.scores["int8"]
    cards = [
        ("Intent accuracy", _share(served.intents.accuracy), _range(served.intents.interval)),
        ("Intent F1", _share(served.intents.macro_f1), _weighted(served)),
    ]
    if served.entities.micro.support:
        entities = served.entities
        cards.append(("Entity F1, strict", _share(entities.micro.f1), _range(entities.interval)))
        cards.append(("Whole sentences", _share(served.sentence_accuracy), "intent and entities"))
    error = served.calibration.ece
    cards.append(("Calibration error", _share(error), f"temperature {report.temperature:g}"))
    shown = (
        f'<div class="card"><span>{escape(name)}</span><b>{value}</b>'
        f"<span>{escape(note)}</span></div>"
        for name, value, note in cards
    )
    return f'<div class="cards">{"".join(shown)}</div>'


def _weighted(served: Judged) -> str:
    return f"macro; weighted {_share(served.intents.weighted_f1)}"


def _graphs(report: TrialReport) -> str:
    rows = [
        (
            "int8, as served" if name == "int8" else name,
            _share(judged.intents.accuracy),
            _share(judged.intents.macro_f1),
            _share(judged.entities.micro.f1) if judged.entities.micro.support else "-",
            _share(judged.sentence_accuracy),
            _share(judged.calibration.ece),
        )
        for name, judged in report.scores.items()
    ]
    head = ("graph", "intents", "macro F1", "entity F1", "sentences", "calibration error")
    return "<h2>The graph that is served, and the one it was made from</h2>" + _table(head, rows)


def _confusions(report: TrialReport) -> str:
    if not report.confusions:
        return "<h2>Confusions</h2><p>No sentence was taken for another intent.</p>"
    rows = [
        (
            str(each.count),
            each.expected,
            each.answered,
            " · ".join(each.texts[:SHOWN_TEXTS]),
        )
        for each in report.confusions[:MOST_CONFUSIONS]
    ]
    more = len(report.confusions) - len(rows)
    note = f'<p class="mute">and {more} more pairs, in the JSON.</p>' if more > 0 else ""
    head = ("times", "expected", "answered", "for example")
    table = _table(head, rows, numbers=(0,), texts=(3,))
    return f"<h2>What is taken for what</h2>{table}{note}"


def _heat(report: TrialReport) -> str:
    pairs = [(want, got) for want, got, count in report.counts for _ in range(count)]
    picture = confusion_matrix(pairs)
    note = (
        '<p class="mute">Expected in rows, answered in columns; darker where it is more of a '
        "row. Point at a cell for its numbers.</p>"
    )
    return f'<h2>All intents</h2>{note}<div class="wide">{picture}</div>'


def _calibration(found: Calibration) -> str:
    note = (
        '<p class="mute">Of the answers given with some confidence, how many were right. On the '
        "line, a confidence means what it says; below it, the model is too sure.</p>"
    )
    return f'<h2>How sure, how right</h2>{note}<div class="wide">{reliability(found)}</div>'


def _roc(found: Roc) -> str:
    if found.auc is None:
        return ""
    macro = "" if found.macro is None else f" Each intent against the rest: {found.macro:.3f}."
    note = (
        f'<p class="mute">A right answer is surer than a wrong one with probability {found.auc:.3f}'
        f" (the area under the curve).{macro} A threshold is a point of the curve: so many wrong "
        "answers it lets through, so many right ones it keeps.</p>"
    )
    return f'<h2>What a threshold can do</h2>{note}<div class="wide">{roc_curve(found)}</div>'


def roc_curve(found: Roc) -> str:
    """Right answers kept over wrong ones let through."""
    side, left, top = 320.0, 56.0, 20.0
    bottom = top + side
    points = " ".join(
        f"{left + side * let:.1f},{bottom - side * kept:.1f}" for let, kept in found.curve
    )
    ticks = "".join(
        f'<text class="mute end" x="{left - 8}" y="{bottom - side * at + 4}">{at:.0%}</text>'
        f'<text class="mute middle" x="{left + side * at}" y="{bottom + 16}">{at:.0%}</text>'
        for at in (0.0, 0.5, 1.0)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 560 {bottom + 30:.0f}" width="560" '
        f'height="{bottom + 30:.0f}" role="img" aria-label="ROC curve">'
        f'<path class="line" d="M{left} {top}V{bottom}H{left + side}"/>'
        f'<path class="diagonal" d="M{left} {bottom}L{left + side} {top}"/>'
        f'<polyline points="{points}" fill="none" stroke="var(--bar)" stroke-width="2"/>{ticks}'
        f'<text class="mute" x="{left + side + 16}" y="{bottom + 14}">wrong, let through</text>'
        f'<text class="mute" x="{left}" y="{top - 8}">right, kept</text></svg>'
    )


def reliability(found: Calibration) -> str:
    """The reliability diagram: a bar for each bin, the diagonal, and how many answers a bin has."""
    side, left, top, below = 320.0, 56.0, 20.0, 60.0
    bottom = top + side
    body = [f'<path class="line" d="M{left} {top}V{bottom}H{left + side}"/>']
    most = max((each.count for each in found.bins), default=1)
    for each in found.bins:
        x, width = left + side * each.low + 1, side * (each.high - each.low) - 2
        height = side * each.accuracy
        tip = f"{each.count} answers, {each.confidence:.1%} sure, {each.accuracy:.1%} right"
        body.append(
            f'<rect class="bar" x="{x:.1f}" y="{bottom - height:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}" rx="2"><title>{tip}</title></rect>'
        )
        share = 34 * each.count / most
        body.append(
            f'<rect class="mute" x="{x:.1f}" y="{bottom + 24:.1f}" width="{width:.1f}" '
            f'height="{share:.1f}" rx="1"><title>{tip}</title></rect>'
        )
    body.append(f'<path class="diagonal" d="M{left} {bottom}L{left + side} {top}"/>')
    for at in (0.0, 0.25, 0.5, 0.75, 1.0):
        body.append(
            f'<text class="mute end" x="{left - 8}" y="{bottom - side * at + 4}">{at:.0%}</text>'
        )
        body.append(
            f'<text class="mute middle" x="{left + side * at}" y="{bottom + 16}">{at:.0%}</text>'
        )
    note = f'<text class="mute" x="{left + side + 16}" y="{bottom + 36}">answers</text>'
    label = f'<text class="mute" x="{left + side + 16}" y="{bottom + 14}">confidence</text>'
    right = f'<text class="mute" x="{left - 8}" y="{top - 8}" text-anchor="end">right</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 500 {bottom + below + 10:.0f}" '
        f'width="500" height="{bottom + below + 10:.0f}" role="img" '
        f'aria-label="Reliability diagram">{"".join((*body, note, label, right))}</svg>'
    )


def _intents(served: Judged) -> str:
    return "<h2>Every intent, the worst first</h2>" + _bars(served.intents.by_intent)


def _entities(served: Judged) -> str:
    if not served.entities.by_entity:
        return ""
    return "<h2>Every entity, the worst first</h2>" + _bars(served.entities.by_entity)


def _bars(parts: dict[str, Prf]) -> str:
    ordered = sorted(parts.items(), key=lambda part: (part[1].f1, -part[1].support))
    bars = (
        f'<div class="bar" title="{escape(_prf(part))}"><div>{escape(name)}</div>'
        f'<i><i class="{"low" if part.f1 < 0.7 else ""}" style="width: {part.f1:.1%}"></i></i>'
        f"<em>{_share(part.f1)} of {part.support}</em></div>"
        for name, part in ordered
    )
    return (
        '<p class="mute">F1, and how many there were to find.</p>'
        f'<div class="bars">{"".join(bars)}</div>'
    )


def _prf(part: Prf) -> str:
    return f"precision {_share(part.precision)}, recall {_share(part.recall)}"


def _mistakes(report: TrialReport) -> str:
    if not report.mistakes:
        return ""
    rows = [
        (_share(each.confidence), each.text, each.expected, each.answered)
        for each in report.mistakes[:MOST_MISTAKES]
    ]
    head = ("confidence", "sentence", "expected", "answered")
    return "<h2>Wrong, and very sure of it</h2>" + _table(head, rows, numbers=(0,), texts=(1,))


def _facts(report: TrialReport) -> str:
    rows = [
        *(("trained on", text) for text in _described(report.train)),
        *(("scored on", text) for text in _described(report.test)),
        ("kept back", f"{report.kept_back} examples, to fit the temperature"),
        ("near the test", f"{report.near_duplicates} training examples"),
        ("graph", f"{report.model_bytes / 1e6:.1f} MB"),
        *((f"seconds, {name}", f"{value:g}") for name, value in report.seconds.items()),
        *report.versions.items(),
        *((f"recipe: {name}", str(value)) for name, value in report.recipe.items()),
    ]
    return f"<details><summary>Data, recipe, versions</summary>{_table(('', ''), rows)}</details>"


def _described(data: DataFile) -> list[str]:
    return [
        f"{data.file}: {data.examples:,} sentences, {data.intents} intents, "
        f"{data.entities:,} entities of {data.kinds} kinds",
        f"SHA-256 {data.sha256}",
    ]


def _table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Sequence[int] = (),
    texts: Sequence[int] = (),
) -> str:
    kinds = {**dict.fromkeys(numbers, "number"), **dict.fromkeys(texts, "text")}

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f'<{tag} class="{kinds.get(at, "")}">{_breakable(cell)}</{tag}>'
            for at, cell in enumerate(row)
        )

    top = f"<thead><tr>{cells('th', head)}</tr></thead>" if any(head) else ""
    lines = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table>{top}<tbody>{lines}</tbody></table>"


def _breakable(text: str) -> str:
    """``text``, to be broken behind underscores where it is too long for its column."""
    return escape(text).replace("_", "_<wbr>")


def _range(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.1%} to {interval[1]:.1%}"


def _share(share: float) -> str:
    return f"{share:.1%}"
