"""Where the nodes of a graph stand when it is drawn from left to right.

In layers, as Sugiyama, Tagawa and Toda do it (1981, Methods for visual understanding of
hierarchical system structures): edges that lead back are turned round, each node stands one layer
behind the last that leads to it, long edges get a place in every layer they cross, and the order
within a layer follows the neighbours.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

SWEEPS = 6
ROUNDS = 13  # odd: the last brings nodes to those that follow them
GAP = 14.0  # between nodes of a layer
BETWEEN = 46.0  # between layers

Size = tuple[float, float]
Point = tuple[float, float]
Edge = tuple[int, int]


@dataclass(slots=True)
class Layout:
    """Where each node's left middle is, the points every edge goes through, the size of it all."""

    places: list[Point]
    routes: dict[Edge, list[Point]]
    width: float
    height: float


@dataclass(slots=True)
class _Layered:
    """Nodes and the places of long edges; ``parts`` are the places of each edge, ends included."""

    heights: list[float]
    layer: list[int]
    parts: dict[Edge, list[int]] = field(default_factory=dict)
    before: dict[int, list[int]] = field(default_factory=dict)
    after: dict[int, list[int]] = field(default_factory=dict)


def lay_out(sizes: Sequence[Size], edges: Sequence[Edge]) -> Layout:
    """Place nodes of ``sizes``, which ``edges`` join. Nodes that stand earlier come higher."""
    forward = _forward(len(sizes), edges)
    layer = _layers(len(sizes), forward.values())
    layered = _Layered([height for _, height in sizes], layer)
    for edge, turned in forward.items():
        _cross(layered, edge, turned)
    ordered = _ordered(layered)
    centres = _centres(layered, ordered)
    lefts, width = _columns(sizes, layer)
    places = [(lefts[layer[node]], centres[node]) for node in range(len(sizes))]
    routes = {
        edge: _route(edge, layered.parts[edge], places, sizes, lefts, layered.layer, centres)
        for edge in edges
    }
    bottoms = (centres[node] + layered.heights[node] / 2 for node in range(len(layered.heights)))
    return Layout(places, routes, width, max(bottoms, default=0.0))


def _forward(count: int, edges: Sequence[Edge]) -> dict[Edge, Edge]:
    """Each edge as it is, or turned round where it closes a circle."""
    following: dict[int, list[int]] = {}
    for start, end in edges:
        following.setdefault(start, []).append(end)
    state = [0] * count  # 1: on the way to here, 2: done
    back: set[Edge] = set()
    for root in range(count):
        stack = [(root, iter(following.get(root, ())))] if not state[root] else []
        state[root] = state[root] or 1
        while stack:
            node, rest = stack[-1]
            nxt = next(rest, None)
            if nxt is None:
                state[node] = 2
                stack.pop()
            elif state[nxt] == 1:
                back.add((node, nxt))
            elif not state[nxt]:
                state[nxt] = 1
                stack.append((nxt, iter(following.get(nxt, ()))))
    return {edge: (edge[1], edge[0]) if edge in back else edge for edge in edges}


def _layers(count: int, edges: Iterable[Edge]) -> list[int]:
    """For each node the length of the longest way to it."""

    missing = [0] * count
    following: dict[int, list[int]] = {}
    for start, end in edges:
        missing[end] += 1
        following.setdefault(start, []).append(end)
    layer = [0] * count
    ready = [node for node in range(count) if not missing[node]]
    while ready:
        node = ready.pop()
        for end in following.get(node, ()):
            layer[end] = max(layer[end], layer[node] + 1)
            missing[end] -= 1
            if not missing[end]:
                ready.append(end)
    return layer


def _cross(layered: _Layered, edge: Edge, turned: Edge) -> None:
    """Give ``edge`` a place in each layer it crosses."""
    start, end = turned
    chain = [start]
    for between in range(layered.layer[start] + 1, layered.layer[end]):
        chain.append(len(layered.layer))
        layered.layer.append(between)
        layered.heights.append(4.0)
    chain.append(end)
    for left, right in itertools.pairwise(chain):
        layered.after.setdefault(left, []).append(right)
        layered.before.setdefault(right, []).append(left)
    layered.parts[edge] = chain if turned == edge else chain[::-1]


def _ordered(layered: _Layered) -> list[list[int]]:
    """The nodes of each layer from top to bottom, few edges crossing."""
    layers: list[list[int]] = [[] for _ in range(max(layered.layer, default=-1) + 1)]
    for node in _depth_first(layered):
        layers[layered.layer[node]].append(node)
    best, fewest = [list(nodes) for nodes in layers], _crossings(layered, layers)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        rightward = sweep % 2 == 0
        beside = layered.before if rightward else layered.after
        for nodes in layers if rightward else layers[::-1]:
            _sort(nodes, beside, layers, layered.layer)
        if (found := _crossings(layered, layers)) < fewest:
            best, fewest = [list(nodes) for nodes in layers], found
    return best


def _crossings(layered: _Layered, layers: Sequence[Sequence[int]]) -> int:
    """How often edges cross between neighbouring layers."""
    count = 0
    for nodes, following in itertools.pairwise(layers):
        position = {node: at for at, node in enumerate(following)}
        passed: list[int] = []
        for node in nodes:
            ends = sorted(position[each] for each in layered.after.get(node, ()))
            count += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return count


def _depth_first(layered: _Layered) -> list[int]:
    """Every node, those that follow one another together: a tree drawn so crosses nothing."""
    seen: set[int] = set()
    found: list[int] = []
    roots = [node for node in range(len(layered.layer)) if not layered.before.get(node)]
    stack = roots[::-1]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            found.append(node)
            stack += layered.after.get(node, [])[::-1]
    return found


def _sort(
    nodes: list[int],
    beside: dict[int, list[int]],
    layers: Sequence[Sequence[int]],
    layer: Sequence[int],
) -> None:
    """Put ``nodes`` in the order of the middle of their neighbours; those without stay."""
    position = {
        node: at
        for number in {layer[n] for node in nodes for n in beside.get(node, ())}
        for at, node in enumerate(layers[number])
    }
    own = {node: at for at, node in enumerate(nodes)}

    def middle(node: int) -> tuple[float, int]:
        near = [position[each] for each in beside.get(node, ())]
        return (sum(near) / len(near) if near else own[node], own[node])

    nodes.sort(key=middle)


def _centres(layered: _Layered, layers: Sequence[Sequence[int]]) -> list[float]:
    """How far down the middle of each node is: near its neighbours, over nobody."""
    centres = [0.0] * len(layered.layer)
    for nodes in layers:
        down = 0.0
        for node in nodes:
            centres[node] = down + layered.heights[node] / 2
            down += layered.heights[node] + GAP
    for turn in range(ROUNDS):
        beside = layered.after if turn % 2 == 0 else layered.before
        for nodes in layers[::-1] if turn % 2 == 0 else layers:
            wanted = {}
            for node in nodes:
                near = [centres[each] for each in beside.get(node, ())]
                wanted[node] = sum(near) / len(near) if near else centres[node]
            _settle(nodes, wanted, centres, layered.heights)
    highest = min(
        (centres[node] - layered.heights[node] / 2 for node in range(len(centres))), default=0.0
    )
    return [centre - highest for centre in centres]


def _settle(
    nodes: Sequence[int], wanted: dict[int, float], centres: list[float], heights: Sequence[float]
) -> None:
    """Bring ``nodes`` as near to where they want to be as their order and their sizes let them.

    Nodes that would overlap form a block, which stands at the mean of what its nodes want: the
    least squares under an order, by pooling neighbours.
    """
    blocks: list[tuple[float, int, list[int]]] = []  # the wish for the first, count, nodes
    for node in nodes:
        offset = 0.0
        wish, count, members = wanted[node], 1, [node]
        while blocks:
            first, size, earlier = blocks[-1]
            reach = sum(_room(earlier[i], (earlier + members)[i + 1], heights) for i in range(size))
            if first + reach <= wish + offset:
                break
            blocks.pop()
            wish = (first * size + (wish - reach) * count) / (size + count)
            count, members = size + count, earlier + members
        blocks.append((wish, count, members))
    for first, _, members in blocks:
        centres[members[0]] = first
        for above, node in itertools.pairwise(members):
            centres[node] = centres[above] + _room(above, node, heights)


def _room(above: int, below: int, heights: Sequence[float]) -> float:
    """How far apart the middles of two neighbours must be."""
    return (heights[above] + heights[below]) / 2 + GAP


def _columns(sizes: Sequence[Size], layer: Sequence[int]) -> tuple[list[float], float]:
    """Where each layer begins, and where the last one ends."""
    widest = [0.0] * (max(layer, default=-1) + 1)
    for (width, _), number in zip(sizes, layer[: len(sizes)], strict=True):
        widest[number] = max(widest[number], width)
    lefts, at = [], 0.0
    for width in widest:
        lefts.append(at)
        at += width + BETWEEN
    return lefts, max(at - BETWEEN, 0.0)


def _route(
    edge: Edge,
    parts: Sequence[int],
    places: Sequence[Point],
    sizes: Sequence[Size],
    lefts: Sequence[float],
    layer: Sequence[int],
    centres: Sequence[float],
) -> list[Point]:
    start, end = edge
    ahead = layer[start] < layer[end]
    left, right = (start, end) if ahead else (end, start)
    points = [(places[left][0] + sizes[left][0], places[left][1])]
    inner = parts[1:-1] if ahead else parts[1:-1][::-1]
    points += [(lefts[layer[part]], centres[part]) for part in inner]
    points.append(places[right])
    return points if ahead else points[::-1]
