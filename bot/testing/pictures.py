"""Pictures of test results as SVG: no other file needed, light and dark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

from bot.testing.scores import Pair

COLOURS = """
:root { --ink: #1b2330; --mute: #5f6b7c; --line: #dde2ea; --paper: #ffffff; --panel: #f5f7fa;
  --right: #1f8a70; --wrong: #d1495b; --bar: #3b6fb6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf0; --mute: #9aa5b5; --line: #333c49;
  --paper: #151a21; --panel: #1e252e; --right: #4cc2a0; --wrong: #f0788a; --bar: #7ba9e6; } }
"""
SHAPES = """
svg text { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--ink); }
svg .mute { fill: var(--mute); } svg .title { font-size: 15px; font-weight: 600; }
svg .line { stroke: var(--line); stroke-width: 1; fill: none; }
svg .right { fill: var(--right); } svg .wrong { fill: var(--wrong); } svg .bar { fill: var(--bar); }
svg .end { text-anchor: end; } svg .middle { text-anchor: middle; }
svg .over { fill: var(--paper); text-anchor: middle; }
"""
LONGEST_NAME = 34  # characters shown of a label
LETTER = 0.58  # width of a letter, in font sizes
BINS = 20


def standalone(picture: str) -> str:
    """``picture`` as a file of its own, with its colours and a background."""
    style = f"<style>{COLOURS}{SHAPES}</style>"
    paper = '<rect width="100%" height="100%" style="fill: var(--paper)"/>'
    head, rest = picture.split(">", 1)
    return f"{head}>{style}{paper}{rest}\n"


def confusion_matrix(pairs: Sequence[Pair], title: str = "") -> str:
    """Rows are what was expected, columns what was predicted; darker where it is more of a row."""
    table = Counter(pairs)
    labels = sorted({name for pair in pairs for name in pair})
    place = {name: at for at, name in enumerate(labels)}
    cell = max(9.0, min(34.0, 760 / max(len(labels), 1)))
    font = min(11.0, cell * 0.92)
    margin = 24 + max((len(_short(name)) for name in labels), default=0) * font * LETTER
    side = cell * len(labels)
    left, top = margin + 16, margin + (46 if title else 22)
    rows = Counter(expected for expected, _ in pairs)
    body = [_text(16, 26, title, "title"), _axes(left, top, side, 44 if title else 18)]
    body += [_grid(left, top, cell, len(labels))]
    for name, at in place.items():
        middle = (at + 0.5) * cell
        size = f"font-size:{font:.1f}px"
        body.append(_text(left - 6, top + middle + font * 0.35, _short(name), "end", style=size))
        turned = f"translate({left + middle + font * 0.35:.1f} {top - 6:.1f}) rotate(-90)"
        body.append(f'<text transform="{turned}" style="{size}">{escape(_short(name))}</text>')
    for (expected, predicted), count in sorted(table.items()):
        x, y = left + place[predicted] * cell, top + place[expected] * cell
        kind = "right" if expected == predicted else "wrong"
        shade = 0.25 + 0.75 * count / rows[expected]
        tip = f"{expected} taken for {predicted}: {count} of {rows[expected]}"
        if expected == predicted:
            tip = f"{expected}: {count} of {rows[expected]} right"
        body.append(
            f'<rect x="{x + 0.5:.1f}" y="{y + 0.5:.1f}" width="{cell - 1:.1f}" '
            f'height="{cell - 1:.1f}" class="{kind}" fill-opacity="{shade:.2f}">'
            f"<title>{escape(tip)}</title></rect>"
        )
        if cell >= 15:
            tone = "over" if shade > 0.55 else "middle"
            body.append(_text(x + cell / 2, y + cell / 2 + 4, str(count), tone))
    return _svg(left + side + 24, top + side + 24, title or "Confusion matrix", body)


def histogram(right: Sequence[float], wrong: Sequence[float], title: str) -> str:
    """How sure the answers were: the wrong ones to the left, the right ones to the right."""
    counts = [_binned(values) for values in (wrong, right)]
    height, top, middle, reach = 16.0, 62.0, 320.0, 250.0
    most = max(max(side) for side in counts) or 1
    body = [
        _text(16, 26, title, "title"),
        _text(middle - 20, 52, f"wrong ({len(wrong)})", "mute end"),
        _text(middle + 20, 52, f"right ({len(right)})", "mute"),
    ]
    for at in range(BINS):
        y = top + (BINS - 1 - at) * height
        body.append(_text(middle, y + 12, f"{at / BINS:.2f}", "mute middle"))
        for side, kind, direction in ((counts[0], "wrong", -1), (counts[1], "right", 1)):
            width = reach * side[at] / most
            x = middle + direction * 20 - (width if direction < 0 else 0)
            if side[at]:
                body.append(
                    f'<rect x="{x:.1f}" y="{y + 1:.1f}" width="{width:.1f}" '
                    f'height="{height - 2:.1f}" class="{kind}" rx="2">'
                    f"<title>{side[at]}</title></rect>"
                )
                edge = middle + direction * (26 + width)
                tone = "mute end" if direction < 0 else "mute"
                body.append(_text(edge, y + 12, str(side[at]), tone))
    return _svg(middle * 2, top + BINS * height + 20, title, body)


def _binned(values: Sequence[float]) -> list[int]:
    found = Counter(min(int(value * BINS), BINS - 1) for value in values)
    return [found[at] for at in range(BINS)]


def _svg(width: float, height: float, title: str, body: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{escape(title)}">'
        + "".join(body)
        + "</svg>"
    )


def _axes(left: float, top: float, side: float, above: float) -> str:
    across = _text(left, above, "predicted", "mute")
    return across + _text(16, top + side + 16, "expected in rows", "mute")


def _grid(left: float, top: float, cell: float, count: int) -> str:
    side = cell * count
    lines = [
        f"M{left:.1f} {top + at * cell:.1f}h{side:.1f}M{left + at * cell:.1f} {top:.1f}v{side:.1f}"
        for at in range(count + 1)
    ]
    return f'<path class="line" d="{"".join(lines)}"/>'


def _text(x: float, y: float, text: str, kind: str = "", *, style: str = "") -> str:
    extra = f' style="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}"{extra}>{escape(text)}</text>'


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
