"""The picture of a story graph: SVG that needs no other file, light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files

from bot.project.graph import GraphNode, StoryGraph
from bot.project.layout import Point, lay_out

LETTER = 7.3  # width of a letter
HEIGHT = 28.0
LONGEST = 44  # characters shown
MARGIN = 28.0
MOST_STORIES = 12  # named when a node is pointed at

STYLE = """
:root { --ink: #1b2330; --mute: #667085; --edge: #98a2b3; --paper: #ffffff; --user: #e3edfb;
  --user-edge: #7ba3dc; --action: #ffffff; --action-edge: #475467; --joint: #fdf0d5;
  --joint-edge: #d9a441; --start: #1b2330; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf0; --mute: #98a2b3; --edge: #5d6b7e;
  --paper: #14181f; --user: #1d3350; --user-edge: #4f83c4; --action: #1f2630;
  --action-edge: #a7b3c4; --joint: #463813; --joint-edge: #d9a441; --start: #e8ebf0; } }
svg { background: var(--paper); }
text { font: 12px ui-monospace, "SF Mono", Menlo, Consolas, monospace; fill: var(--ink);
  text-anchor: middle; }
.edge { fill: none; stroke: var(--edge); stroke-width: 1.3; }
.tip { fill: var(--edge); }
.user rect { fill: var(--user); stroke: var(--user-edge); }
.action rect { fill: var(--action); stroke: var(--action-edge); stroke-width: 1.3; }
.fact rect { fill: none; stroke: var(--edge); stroke-dasharray: 3 3; }
.fact text { fill: var(--mute); }
.checkpoint rect { fill: var(--joint); stroke: var(--joint-edge); stroke-width: 1.5; }
.start rect { fill: var(--start); stroke: none; } .start text { fill: var(--paper); }
.end { fill: var(--action-edge); }
"""


def graph_svg(graph: StoryGraph) -> str:
    """``graph`` drawn from left to right."""
    sizes = [(_width(node), HEIGHT) for node in graph.nodes]
    layout = lay_out(sizes, graph.edges)
    body = [_edge(points) for points in layout.routes.values()]
    for node, (width, _), place in zip(graph.nodes, sizes, layout.places, strict=True):
        body.append(_node(node, width, place))
    wide, high = layout.width + 2 * MARGIN + 14, layout.height + 2 * MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}" '
        f'width="{wide:.0f}" height="{high:.0f}" role="img" aria-label="Stories and rules">'
        f'<style>{STYLE}</style><g transform="translate({MARGIN} {MARGIN})">{"".join(body)}'
        "</g></svg>\n"
    )


def graph_page(graph: StoryGraph) -> str:
    """A page that shows ``graph``, to be moved and zoomed."""
    page = files("bot.project").joinpath("graph.html").read_text("utf-8")
    return page.replace("<!-- graph -->", graph_svg(graph))


def _node(node: GraphNode, width: float, place: Point) -> str:
    x, y = place
    round_ = {"user": HEIGHT / 2, "start": HEIGHT / 2, "fact": 3, "checkpoint": 3}.get(node.kind, 6)
    named = node.stories[:MOST_STORIES]
    more = len(node.stories) - len(named)
    tip = "\n".join([node.label, *named, *([f"and {more} more"] if more else [])])
    end = (
        f'<circle class="end" cx="{x + width + 7:.1f}" cy="{y:.1f}" r="3.5"/>' if node.ends else ""
    )
    return (
        f'<g class="{node.kind}"><title>{escape(tip)}</title>'
        f'<rect x="{x:.1f}" y="{y - HEIGHT / 2:.1f}" width="{width:.1f}" height="{HEIGHT}" '
        f'rx="{round_}"/>'
        f'<text x="{x + width / 2:.1f}" y="{y + 4:.1f}">{escape(_short(node.label))}</text>'
        f"{end}</g>"
    )


def _edge(points: Sequence[Point]) -> str:
    """A smooth line through ``points``, with a tip where it arrives."""
    (x, y), *rest = points
    path = [f"M{x:.1f} {y:.1f}"]
    for px, py in rest:
        bend = (px - x) / 2
        path.append(f"C{x + bend:.1f} {y:.1f} {px - bend:.1f} {py:.1f} {px:.1f} {py:.1f}")
        x, y = px, py
    side = -6 if points[-1][0] >= points[-2][0] else 6
    tip = f"M{x:.1f} {y:.1f}l{side} -3.5v7z"
    return f'<path class="edge" d="{"".join(path)}"/><path class="tip" d="{tip}"/>'


def _width(node: GraphNode) -> float:
    return max(len(_short(node.label)) * LETTER + 24, 54)


def _short(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"
