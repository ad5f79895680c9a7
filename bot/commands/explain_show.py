"""Explanations as people read them: coloured words and bars in a terminal, or as a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import msgspec
from rich.console import Console
from rich.text import Text

from nlu.explain import Answer, Explanation, FoundEntity, Word

BAR = 20  # blocks of the widest bar
FAINT = 0.15  # of the largest weight; what decided less is not coloured
FOR, AGAINST = "green", "red"
RGB = {FOR: "46, 160, 67", AGAINST: "218, 54, 51"}

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.2rem; } h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
p.text { font-size: 1.25rem; } mark { color: inherit; border-radius: .25rem; padding: .1rem 0; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 500; }
td, th { padding: .15rem .75rem .15rem 0; } td.number { text-align: right; white-space: nowrap; }
td.bar { width: 50%; } td.bar div { height: .8rem; border-radius: .2rem; min-width: 1px; }
footer { margin-top: 2rem; opacity: .7; font-size: .85rem; }
"""


def as_json(found: Explanation) -> str:
    """``found`` as JSON."""
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode()


def show(found: Explanation, console: Console) -> None:
    """Tell ``found`` in a terminal."""
    if found.intent is None:
        console.print("The model sees no word in this.")
        return
    for title, words in _parts(found):
        console.print(Text(title, style="bold"))
        console.print(_coloured(found.text, words))
        console.print()
        _bars(words, console)
        console.print()


def _parts(found: Explanation) -> Iterator[tuple[str, Sequence[Word]]]:
    """What was answered, in words, and the part of each word of the text in it."""
    if found.intent is not None:
        yield _intent(found.intent), found.intent.words
    for entity in found.entities:
        yield _entity(entity, found.text), entity.words


def _intent(intent: Answer) -> str:
    against = f", rather than {intent.against}" if intent.against else ""
    return f"intent {intent.name}, {intent.confidence:.1%}{against}"


def _entity(entity: FoundEntity, text: str) -> str:
    part = "".join(f", {part}" for part in (entity.role, entity.group) if part)
    value = text[entity.start : entity.end]
    return f"entity {entity.entity}{part}: “{value}”, {entity.confidence:.1%}"


def _coloured(text: str, words: Sequence[Word]) -> Text:
    shown = Text(text)
    for word in words:
        if share := _share(word, words):
            colour = FOR if share > 0 else AGAINST
            shown.stylize(f"bold {colour}" if abs(share) > 0.5 else colour, word.start, word.end)
    return shown


def _share(word: Word, words: Sequence[Word]) -> float:
    """Of the largest weight, from -1 to 1; 0 for what hardly decided anything."""
    most = max(abs(each.weight) for each in words)
    share = word.weight / most if most else 0.0
    return share if abs(share) >= FAINT else 0.0


def _bars(words: Sequence[Word], console: Console) -> None:
    most = max(abs(each.weight) for each in words) or 1.0
    width = min(max(len(word.text) for word in words), 24)
    for word in words:
        line = Text(f"  {word.text[:width]:<{width}}  {word.weight:+6.2f}  ")
        colour = FOR if word.weight > 0 else AGAINST
        line.append("█" * round(BAR * abs(word.weight) / most), style=colour)
        line.append(f"  {word.without:.1%} without it", style="dim")
        console.print(line)


def page(found: Explanation) -> str:
    """``found`` as a page that needs nothing else."""
    parts = "".join(
        f"<h2>{escape(title)}</h2><p class=text>{_marked(found.text, words)}</p>"
        f"<table><tr><th>word<th>weight<th>without it<th></tr>{_rows(words)}</table>"
        for title, words in _parts(found)
    )
    return (
        '<!doctype html><html><meta charset="utf-8"><title>Parley explains</title>'
        f"<style>{_STYLE}</style><h1>Which words decided</h1>"
        f"{parts or '<p>The model sees no word in this.</p>'}"
        "<footer>A weight is what a word adds to the log-odds of the answer: each 1 makes it 2.7 "
        "times as likely against the next best. Green spoke for it, red against it. Model "
        f"{escape(found.model)}.</footer></html>\n"
    )


def _marked(text: str, words: Sequence[Word]) -> str:
    out, done = [], 0
    for word in words:
        share = _share(word, words)
        colour = f"rgba({RGB[FOR if share > 0 else AGAINST]}, {0.6 * abs(share):.2f})"
        out.append(escape(text[done : word.start]))
        out.append(
            f'<mark style="background: {colour}">{escape(text[word.start : word.end])}</mark>'
        )
        done = word.end
    return "".join([*out, escape(text[done:])])


def _rows(words: Sequence[Word]) -> str:
    most = max(abs(each.weight) for each in words) or 1.0
    return "".join(
        f"<tr><td>{escape(word.text)}<td class=number>{word.weight:+.2f}"
        f"<td class=number>{word.without:.1%}<td class=bar>"
        f'<div style="width: {100 * abs(word.weight) / most:.0f}%; '
        f'background: rgb({RGB[FOR if word.weight > 0 else AGAINST]})"></div></tr>'
        for word in words
    )
