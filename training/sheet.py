"""What every report's page is made of: one file, light and dark. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from bot.testing.pictures import COLOURS, SHAPES

STYLE = """
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font: 15px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 26px; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 18px; margin: 48px 0 4px; }
p { margin: 0 0 12px; } .mute, caption, th { color: var(--mute); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px;
  margin: 24px 0 0; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 10px;
  padding: 14px 16px; }
.card b { display: block; font-size: 28px; font-weight: 650; letter-spacing: -0.02em;
  font-variant-numeric: tabular-nums; }
.card span { color: var(--mute); font-size: 13px; display: block; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums;
  margin-top: 12px; }
th { text-align: left; font-weight: 500; font-size: 13px; }
th, td { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; }
td { overflow-wrap: break-word; min-width: 8em; } td.number, td.text { min-width: 0; }
.wide { overflow: auto; border: 1px solid var(--line); border-radius: 10px; margin-top: 12px; }
.wide svg { display: block; }
.bars { columns: 2 420px; column-gap: 40px; margin-top: 12px; }
.bar { break-inside: avoid; display: grid; grid-template-columns: minmax(0, 1fr) 120px 104px;
  gap: 10px; align-items: center; font-size: 13px; padding: 2px 0; }
.bar div { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bar i { display: block; height: 9px; border-radius: 5px; background: var(--line); }
.bar i i { background: var(--right); } .bar i i.low { background: var(--wrong); }
.bar em { font-style: normal; text-align: right; white-space: nowrap; color: var(--mute);
  font-variant-numeric: tabular-nums; }
.diagonal { stroke: var(--wrong); stroke-width: 1.5; stroke-dasharray: 5 4; fill: none; }
details { margin-top: 24px; } summary { cursor: pointer; color: var(--mute); }
code { font: 13px ui-monospace, Menlo, Consolas, monospace; }
"""
OWN = """
.pass { color: var(--right); } .fail { color: var(--wrong); } .open { color: var(--mute); }
td.pass, td.fail, td.open { font-weight: 600; white-space: nowrap; }
svg .gain { fill: var(--right); } svg .loss { fill: var(--wrong); }
"""


def document(title: str, body: str) -> str:
    """A page of its own around ``body``."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{COLOURS}{SHAPES}{STYLE}{OWN}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; a cell that is a pair is its text and its class."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>"


def _cell(cell: Any) -> str:
    text, kind = cell if isinstance(cell, tuple) else (cell, "")
    return f'<td class="{kind}">{escape(str(text)).replace("_", "_<wbr>")}</td>'
