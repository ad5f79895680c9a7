"""Stories and rules as one graph: what may follow what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bot.dialogue.stories import (
    ActionStep,
    CheckpointStep,
    LoopStep,
    OrStep,
    SlotStep,
    Step,
    Story,
    UserStep,
)

Kind = Literal["start", "user", "action", "fact", "checkpoint"]
Path = tuple[tuple[Kind, str], ...]

START, ANYTIME = "start", "at any time"


@dataclass(slots=True)
class GraphNode:
    """A step, and the stories that pass through it. ``ends``: one of them ends here."""

    kind: Kind
    label: str
    stories: list[str] = field(default_factory=list)
    ends: bool = False


@dataclass(slots=True)
class StoryGraph:
    """Nodes, and which leads to which, by their places in ``nodes``; in the order of the stories.

    Stories that begin alike share their beginning, and those joined by a checkpoint meet in it.
    """

    nodes: list[GraphNode] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)


def story_graph(stories: Iterable[Story], *, max_history: int | None = None) -> StoryGraph:
    """The graph of ``stories``.

    Args:
        max_history: Steps whose last so many are the same become one, though they stand in
            different stories; then the graph has ways that no story tells.
    """
    drawing = _Drawing(max_history)
    for story in stories:
        drawing.add(story)
    return drawing.graph


class _Drawing:
    def __init__(self, max_history: int | None) -> None:
        self.graph = StoryGraph()
        self._max_history = max_history
        self._places: dict[Path, int] = {}
        self._edges: set[tuple[int, int]] = set()

    def add(self, story: Story) -> None:
        """Draw ``story`` into the graph."""
        place = f"{story.name} ({story.file}:{story.line})"
        steps = [each for step in (*story.condition, *story.steps) for each in _labels(step)]
        begins = story.is_rule and not story.conversation_start
        path: Path = (("start", ANYTIME if begins else START),)
        if steps and steps[0][0] == "checkpoint":
            path, steps = (steps[0],), steps[1:]
        at = self._node(path, place)
        for step in steps:
            path = self._followed(path, step)
            following = self._node(path, place)
            if (at, following) not in self._edges and at != following:
                self._edges.add((at, following))
                self.graph.edges.append((at, following))
            at = following
        self.graph.nodes[at].ends |= self.graph.nodes[at].kind != "checkpoint"

    def _followed(self, path: Path, step: tuple[Kind, str]) -> Path:
        """What tells the node after ``step`` from others."""
        if step[0] == "checkpoint":
            return (step,)
        if self._max_history is None:
            return (*path, step)
        return (*path, step)[-self._max_history :]

    def _node(self, path: Path, story: str) -> int:
        if path not in self._places:
            self._places[path] = len(self.graph.nodes)
            self.graph.nodes.append(GraphNode(*path[-1]))
        found = self.graph.nodes[self._places[path]]
        if story not in found.stories:
            found.stories.append(story)
        return self._places[path]


def _labels(step: Step) -> Sequence[tuple[Kind, str]]:
    match step:
        case UserStep():
            return [("user", _said(step))]
        case ActionStep(name=name, bot_text=text):
            return [("action", name or f"“{text}”")]
        case SlotStep():
            return [("fact", _slot(step))]
        case LoopStep(name=name):
            return [("fact", f"{name} is active" if name else "no form is active")]
        case CheckpointStep(name=name, slots=slots):
            return [("checkpoint", name), *(("fact", _slot(slot)) for slot in slots)]
        case OrStep(choices=choices):
            users = [_said(choice) for choice in choices if isinstance(choice, UserStep)]
            if users:
                return [("user", " or ".join(users))]
            told = (", ".join(map(_slot, c)) for c in choices if not isinstance(c, UserStep))
            return [("fact", " or ".join(told))]


def _said(step: UserStep) -> str:
    if step.text is not None:
        return f"“{step.text}”"
    named = [e.entity if e.value is None else f"{e.entity}: {e.value}" for e in step.entities]
    return f"{step.intent} {{{', '.join(named)}}}" if named else str(step.intent)


def _slot(step: SlotStep) -> str:
    if not step.has_value:
        return f"{step.name} is set"
    return f"{step.name} is not set" if step.value is None else f"{step.name}: {step.value}"
