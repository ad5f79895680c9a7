"""A report as a page: one file, light and dark, its pictures in it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from html import escape

from training.sheet import document, table
from training.watch.drift import Alarm, Shift
from training.watch.report import Day, Report

WHAT = {
    "intents": "which intents are predicted",
    "confidence": "how sure the model is",
    "scope": "how much is in scope",
    "words": "word pieces of a word",
    "vectors": "what sentences mean",
}
MOST_SHARES = 20
WIDTH, HEIGHT, LEFT = 560, 120, 60


def page(report: Report) -> str:
    """The whole page."""
    body = "".join(
        [
            "<h1>How the bot does</h1>",
            f'<p class="mute">{escape(_about(report))}</p>',
            _cards(report.days),
            _alarms(report),
            _drift(report),
            _rates(report.days),
            _shares(report),
            _confused(report),
            _channels(report.days),
            _spans(report),
        ]
    )
    return document("How the bot does", body)


def day(at: float) -> str:
    """The day (UTC) of a time in seconds since 1970."""
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def alarm_of(alarm: Alarm) -> str:
    """An alarm in a line."""
    return (
        f"{alarm.part}: {WHAT[alarm.measure]} ({alarm.measure}) moved by {alarm.value:.3f}, "
        f"{alarm.act:.3f} and above two windows in a row"
    )


def _about(report: Report) -> str:
    return (
        f"{report.created[:16].replace('T', ' ')} UTC, model {report.model}. "
        f"{len(report.windows)} windows up to {day(report.windows[-1].end)}, compared with "
        f"{day(report.reference.begin)} to {day(report.reference.end)}."
    )


def _cards(days: Sequence[Day]) -> str:
    turns, conversations = _sum(days, "turns"), _sum(days, "conversations")
    if not turns or not conversations:
        return ""
    handoffs, fallbacks = _sum(days, "handoffs"), _sum(days, "fallbacks")
    cards = (
        ("Contained", f"{1 - handoffs / conversations:.1%}", "conversations without a person"),
        ("Fallbacks", f"{fallbacks / turns:.1%}", f"of {turns:,} turns"),
        ("Handed over", f"{handoffs / conversations:.1%}", f"of {conversations:,} conversations"),
    )
    shown = (
        f'<div class="card"><span>{name}</span><b>{value}</b><span>{escape(note)}</span></div>'
        for name, value, note in cards
    )
    return f'<div class="cards">{"".join(shown)}</div>'


def _alarms(report: Report) -> str:
    if not report.shifts:
        return (
            "<h2>Drift</h2><p>Too few turns to tell: 50 of a window are needed, and as many of the "
            "reference.</p>"
        )
    if not report.alarms:
        return '<h2><span class="pass">No alarm</span></h2>'
    lines = "".join(f"<li>{escape(alarm_of(each))}</li>" for each in report.alarms)
    return f'<h2><span class="fail">Alarms</span></h2><ul>{lines}</ul>'


def _drift(report: Report) -> str:
    found: dict[tuple[str, str], list[Shift]] = defaultdict(list)
    for shift in report.shifts:
        found[shift.part, shift.measure].append(shift)
    if not found:
        return ""
    pictures = "".join(
        f"<h3>{escape(WHAT[measure])}</h3>{_line(shifts, len(report.windows))}"
        for (part, measure), shifts in found.items()
        if part == "all"
    )
    rows = [
        (part, measure, *_cells(shifts, len(report.windows)))
        for (part, measure), shifts in found.items()
    ]
    head = ("turns", "measure", *(day(span.end) for span in report.windows))
    note = (
        '<p class="mute">How far each window is from the reference. The dashed line is from where '
        "on it is worth acting on; what is above twice in a row is an alarm.</p>"
    )
    return f"<h2>Drift</h2>{note}{pictures}{table(head, rows)}"


def _cells(shifts: Sequence[Shift], windows: int) -> list[tuple[str, str]]:
    cells = [("", "")] * windows
    kinds = {"act": "fail", "watch": "open", "": ""}
    for each in shifts:
        cells[each.window] = (f"{each.value:.3f} of {each.act:.3f}", kinds[each.level])
    return cells


def _line(shifts: Sequence[Shift], windows: int) -> str:
    """A measure's values, window by window, and from where on it is worth acting on."""
    top = 1.1 * max(max(each.value, each.act) for each in shifts) or 1.0
    step = (WIDTH - LEFT - 20) / max(windows - 1, 1)

    def place(window: int, value: float) -> str:
        return f"{LEFT + step * window:.1f},{HEIGHT - 20 - (HEIGHT - 40) * value / top:.1f}"

    values = " ".join(place(each.window, each.value) for each in shifts)
    limits = " ".join(place(each.window, each.act) for each in shifts)
    dots = "".join(
        f'<circle class="{"wrong" if each.level == "act" else "bar"}" r="4" '
        f'cx="{place(each.window, each.value).split(",")[0]}" '
        f'cy="{place(each.window, each.value).split(",")[1]}"><title>{each.value:.3f}, '
        f"{each.turns} turns</title></circle>"
        for each in shifts
    )
    return _svg(
        WIDTH,
        HEIGHT,
        WHAT[shifts[0].measure],
        f'<path class="line" d="M{LEFT} {HEIGHT - 20}H{WIDTH - 20}"/>'
        f'<polyline class="diagonal" points="{limits}"/>'
        f'<polyline points="{values}" fill="none" stroke="var(--bar)" stroke-width="2"/>{dots}'
        f'<text class="mute end" x="{LEFT - 8}" y="24">{top:.2f}</text>'
        f'<text class="mute end" x="{LEFT - 8}" y="{HEIGHT - 16}">0</text>',
    )


def _rates(days: Sequence[Day]) -> str:
    """Fallbacks and handoffs, day by day."""
    dates = sorted({each.day for each in days})
    if not dates:
        return ""
    parts = []
    for name, of, title in (
        ("fallbacks", "turns", "Fallbacks, of the turns of a day"),
        ("handoffs", "conversations", "Handed over, of the conversations of a day"),
    ):
        by_day = [[each for each in days if each.day == date] for date in dates]
        rates = [_sum(each, name) / max(_sum(each, of), 1) for each in by_day]
        parts.append(f"<h3>{title}</h3>{_bars(dates, rates, title)}")
    return f"<h2>Day by day</h2>{''.join(parts)}"


def _bars(dates: Sequence[str], rates: Sequence[float], title: str) -> str:
    wide = max(4.0, min(24.0, 900 / len(dates)))
    top = max(*rates, 0.01)
    bars = "".join(
        f'<rect class="bar" x="{LEFT + at * wide:.1f}" width="{wide - 1:.1f}" '
        f'y="{100 - 80 * rate / top:.1f}" height="{80 * rate / top:.1f}"><title>{date}: {rate:.1%}'
        "</title></rect>"
        for at, (date, rate) in enumerate(zip(dates, rates, strict=True))
    )
    right = LEFT + wide * len(dates)
    return _svg(
        max(right, 260) + 20,
        124,
        title,
        f'<path class="line" d="M{LEFT} 100H{right:.1f}"/>{bars}'
        f'<text class="mute end" x="{LEFT - 8}" y="24">{top:.1%}</text>'
        f'<text class="mute" x="{LEFT}" y="118">{dates[0]} to {dates[-1]}</text>',
    )


def _svg(width: float, height: float, title: str, body: str) -> str:
    return (
        f'<div class="wide"><svg xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'role="img" aria-label="{escape(title)}">{body}</svg></div>'
    )


def _shares(report: Report) -> str:
    if not report.shares:
        return ""
    rows = [
        (each.intent or "none", f"{each.reference:.1%}", f"{each.latest:.1%}", f"{each.index:.3f}")
        for each in report.shares[:MOST_SHARES]
    ]
    head = ("intent", "reference", "last window", "part of the index")
    return "<h2>Intents that moved most</h2>" + table(head, rows)


def _confused(report: Report) -> str:
    told = report.reviewed
    if not told.labels:
        return "<h2>What people set right</h2><p>Nobody labelled turns of this time.</p>"
    chance = ""
    if told.by_chance:
        share = told.by_chance_right / told.by_chance
        chance = f" Of {told.by_chance} drawn at random, {share:.1%}: that speaks for all turns."
    about = (
        f"Of {told.labels} labelled, the model had {told.right / told.labels:.1%} right.{chance}"
    )
    rows = [(each.said, each.right, each.count) for each in report.confused]
    shown = table(("the model said", "people said", "times"), rows) if rows else ""
    return f"<h2>What people set right</h2><p>{escape(about)}</p>{shown}"


def _channels(days: Sequence[Day]) -> str:
    rows = []
    for channel in sorted({each.channel for each in days}):
        own = [each for each in days if each.channel == channel]
        conversations, turns = _sum(own, "conversations"), _sum(own, "turns")
        handed, fell = _sum(own, "handoffs"), _sum(own, "fallbacks")
        rows.append(
            (
                channel,
                f"{conversations:,}",
                f"{turns:,}",
                f"{1 - handed / max(conversations, 1):.1%}",
                f"{fell / max(turns, 1):.1%}",
            )
        )
    head = ("channel", "conversations", "turns", "contained", "fallbacks")
    return "<h2>Channels</h2>" + table(head, rows)


def _spans(report: Report) -> str:
    named = [("reference", report.reference), *(("window", each) for each in report.windows)]
    rows = [
        (name, day(span.begin), day(span.end), f"{span.turns:,}", f"{span.sampled:,}")
        for name, span in named
    ]
    more = f"<p>{report.undated} turns without a time are in none.</p>" if report.undated else ""
    head = ("", "from", "to", "turns", "read by the model")
    return f"<details><summary>Windows</summary>{table(head, rows)}{more}</details>"


def _sum(days: Sequence[Day], name: str) -> int:
    return sum(getattr(each, name) for each in days)
