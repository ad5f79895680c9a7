"""The gate's report as a page: one file, light and dark, its picture in it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from training.gate.verdict import ByIntent, Check, GateReport
from training.sheet import document, table

WORDS = {"pass": "passes", "open": "not enough evidence", "fail": "fails"}
MOST_DIFFERENCES = 200


def page(report: GateReport) -> str:
    """The whole page."""
    return document(f"Gate: {report.candidate}", sections(report))


def sections(report: GateReport) -> str:
    """What the page says."""
    return "".join(
        [
            f'<h1>{escape(report.candidate)} <span class="{report.verdict}">'
            f"{WORDS[report.verdict]}</span></h1>",
            f'<p class="mute">Against {escape(report.current)}, {report.created[:10]}: '
            f"{_sentences(report)}</p>",
            _checks(report.checks),
            _to_label(report),
            _picture(report.by_intent),
            _labels(report),
            _seeds(report),
            _differences(report),
            _recipe(report),
        ]
    )


def _sentences(report: GateReport) -> str:
    told = report.sentences
    parts = [f"{told.get('tests', 0):,} test sentences", f"{told.get('traffic', 0):,} of users"]
    if told.get("agreed"):
        parts.append(f"{told['agreed']:,} messages on which both agree")
    return f"{', '.join(parts)}."


def _checks(checks: Sequence[Check]) -> str:
    rows = [((WORDS[each.verdict], each.verdict), each.name, each.says) for each in checks]
    return table(("", "check", ""), rows)


def _to_label(report: GateReport) -> str:
    if not report.to_label:
        return ""
    ids = ", ".join(escape(each) for each in report.to_label)
    return f"<h2>Label these {len(report.to_label)}, in this order</h2><p><code>{ids}</code></p>"


def _picture(rows: Sequence[ByIntent]) -> str:
    """Sentences gained to the right, lost to the left, an intent a line."""
    moved = [row for row in rows if row.gained or row.lost]
    if not moved:
        return ""
    moved.sort(key=lambda row: row.gained - row.lost)
    unit = 240 / max(max(row.gained, row.lost) for row in moved)
    lines = []
    for at, row in enumerate(moved):
        y, middle = 20 * at + 8, 560
        left, right = row.lost * unit, row.gained * unit
        lines.append(
            f'<text class="end" x="300" y="{y + 11}">{escape(row.intent[:44])}</text>'
            f'<rect class="loss" x="{middle - left:.1f}" y="{y}" width="{left:.1f}" height="14"/>'
            f'<rect class="gain" x="{middle}" y="{y}" width="{right:.1f}" height="14"/>'
            f"<title>{escape(row.intent)}: {row.gained} gained, {row.lost} lost of "
            f"{row.sentences}</title>"
        )
    height = 20 * len(moved) + 16
    return (
        "<h2>Every intent: lost and gained</h2>"
        f'<div class="wide"><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 {height}" '
        f'width="820" height="{height}" role="img" aria-label="Sentences lost and gained">'
        f"{''.join(f'<g>{line}</g>' for line in lines)}"
        f'<path class="line" d="M560 0V{height}"/></svg></div>'
    )


def _labels(report: GateReport) -> str:
    labels = report.labels
    rows = [
        (name, ", ".join(names))
        for name, names in (
            ("intents added", labels.intents_added),
            ("intents gone", labels.intents_gone),
            ("entities added", labels.entities_added),
            ("entities gone", labels.entities_gone),
            ("not compared", [f"{name}: {count}" for name, count in labels.left_out.items()]),
        )
        if names
    ]
    return "<h2>What only one of them knows</h2>" + table(("", ""), rows) if rows else ""


def _seeds(report: GateReport) -> str:
    if not report.seeds:
        return ""
    rows = [(row["version"], f"{row['accuracy']:.1%}") for row in report.seeds]
    return "<h2>Other seeds</h2>" + table(("model", "intents right"), rows)


def _differences(report: GateReport) -> str:
    if not report.differences:
        return ""
    rows = [
        (each.text or each.id, each.expected or "?", each.current, each.candidate)
        for each in report.differences[:MOST_DIFFERENCES]
    ]
    more = len(report.differences) - len(rows)
    note = f'<p class="mute">and {more} more, in the JSON file</p>' if more > 0 else ""
    head = ("sentence", "right", "current", "candidate")
    return "<h2>Where they differ</h2>" + table(head, rows) + note


def _recipe(report: GateReport) -> str:
    rows = [*report.recipe.items(), ("dataset", report.dataset or "none")]
    return f"<details><summary>Thresholds</summary>{table(('', ''), rows)}</details>"
