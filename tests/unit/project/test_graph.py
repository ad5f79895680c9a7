"""Stories and rules as a graph, and where its nodes stand."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.dialogue.stories import (
    ActionStep,
    CheckpointStep,
    LoopStep,
    OrStep,
    SlotStep,
    Step,
    Story,
    StoryEntity,
    UserStep,
)
from bot.errors import ParleyError
from bot.project.graph import StoryGraph, story_graph
from bot.project.graph_svg import graph_page, graph_svg
from bot.project.layout import GAP, lay_out

SVG = "{http://www.w3.org/2000/svg}"
GOOD = Path(__file__).parents[2] / "data" / "tablebot"


def story(name: str, *steps: Step | str, is_rule: bool = False, **more: object) -> Story:
    made = [step if not isinstance(step, str) else told(step) for step in steps]
    return Story(name, tuple(made), "stories.yml", 3, is_rule, **more)  # type: ignore[arg-type]


def told(text: str) -> Step:
    return UserStep(text[1:]) if text.startswith("/") else ActionStep(text)


def paths(graph: StoryGraph) -> set[str]:
    """Every way from a node to which nothing leads to one where a story ends."""
    found, ends = set(), {end for _, end in graph.edges}

    def go(at: int, way: tuple[str, ...]) -> None:
        way = (*way, graph.nodes[at].label)
        if graph.nodes[at].ends:
            found.add(" > ".join(way))
        for start, end in graph.edges:
            if start == at:
                go(end, way)

    for at in range(len(graph.nodes)):
        if at not in ends:
            go(at, ())
    return found


def test_stories_that_begin_alike_share_their_beginning():
    graph = story_graph([story("a", "/hi", "utter_hi", "/bye"), story("b", "/hi", "utter_hi")])
    assert [node.label for node in graph.nodes] == ["start", "hi", "utter_hi", "bye"]
    assert graph.nodes[2].stories == ["a (stories.yml:3)", "b (stories.yml:3)"]
    assert paths(graph) == {"start > hi > utter_hi", "start > hi > utter_hi > bye"}


def test_no_way_is_drawn_that_no_story_tells():
    graph = story_graph([story("a", "/x", "utter_y", "/z"), story("b", "/v", "utter_y", "/w")])
    assert paths(graph) == {"start > x > utter_y > z", "start > v > utter_y > w"}


def test_a_short_history_joins_what_looks_the_same():
    stories = [story("a", "/x", "utter_y", "/z"), story("b", "/v", "utter_y", "/w")]
    assert len(paths(story_graph(stories, max_history=1))) == 4
    assert len(paths(story_graph(stories, max_history=2))) == 2


def test_stories_joined_by_a_checkpoint_meet_in_it():
    graph = story_graph(
        [
            story("a", "/hi", CheckpointStep("met")),
            story("b", "/hey", CheckpointStep("met")),
            story("c", CheckpointStep("met", (SlotStep("name"),)), "utter_x"),
        ]
    )
    assert paths(graph) == {
        "start > hi > met > name > utter_x".replace("name", "name is not set"),
        "start > hey > met > name is not set > utter_x",
    }


def test_rules_begin_at_any_time_unless_they_say_otherwise():
    graph = story_graph(
        [
            story("a", "/hi", is_rule=True, condition=(LoopStep("f"),)),
            story("b", "/hi", is_rule=True, conversation_start=True),
        ]
    )
    assert paths(graph) == {"at any time > f is active > hi", "start > hi"}


def test_every_kind_of_step_is_told():
    graph = story_graph(
        [
            story(
                "a",
                UserStep("go", (StoryEntity("city", "Rome"), StoryEntity("day"))),
                UserStep(text="I said so"),
                OrStep((UserStep("yes"), UserStep("ok"))),
                OrStep(((SlotStep("a", 1),), (SlotStep("b", has_value=False),))),
                ActionStep(bot_text="Fine."),
                LoopStep(None),
            )
        ]
    )
    assert [node.label for node in graph.nodes[1:]] == [
        "go {city: Rome, day}",
        "“I said so”",
        "yes or ok",
        "a: 1 or b is set",
        "“Fine.”",
        "no form is active",
    ]


def test_a_tree_is_drawn_without_a_crossing():
    sizes = [(50.0, 20.0)] * 8
    edges = [(0, 1), (0, 2), (1, 3), (2, 4), (2, 5), (0, 6), (6, 7)]
    places = lay_out(sizes, edges).places
    assert len({x for x, _ in places}) == 3
    assert places[3][1] < places[4][1] < places[5][1] < places[7][1]


@pytest.mark.parametrize("seed", range(20))
def test_nodes_never_overlap_and_edges_lead_from_node_to_node(seed: int):
    rng = random.Random(seed)
    count = rng.randrange(2, 40)
    sizes = [(rng.uniform(30, 90), 20.0) for _ in range(count)]
    edges = list({(rng.randrange(count), rng.randrange(count)) for _ in range(count * 2)})
    edges = [edge for edge in edges if edge[0] != edge[1]]  # circles are among them
    layout = lay_out(sizes, edges)
    for one, other in itertools.combinations(range(count), 2):
        (x, y), (other_x, other_y) = layout.places[one], layout.places[other]
        apart = abs(y - other_y) >= 20 + GAP - 0.01
        beside = x + sizes[one][0] <= other_x or other_x + sizes[other][0] <= x
        assert apart or beside
    for (start, end), route in layout.routes.items():
        ends = {round(y, 3) for _, y in (route[0], route[-1])}
        assert ends == {round(layout.places[node][1], 3) for node in (start, end)}
    assert all(0 <= y <= layout.height for _, y in layout.places)


def test_the_picture_is_well_formed_and_tells_who_passes():
    graph = story_graph([story("a <b>", "/hi", "utter_a_very_long_name_of_an_action_that_is_cut")])
    root = ElementTree.fromstring(graph_svg(graph))
    titles = [each.text or "" for each in root.iter(f"{SVG}title")]
    assert titles[1] == "hi\na <b> (stories.yml:3)"
    assert all(len(each.text or "") <= 44 for each in root.iter(f"{SVG}text"))


def test_the_page_holds_the_picture_and_asks_for_nothing():
    page = graph_page(story_graph([story("a", "/hi")]))
    assert "<svg" in page
    for needed in ("src=", "<link", "url(", "@import"):
        assert needed not in page


def visualize(*words: str) -> str:
    result = CliRunner().invoke(app, ["visualize", "--project", str(GOOD), *words])
    if isinstance(result.exception, ParleyError):
        return str(result.exception)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_command_draws_a_project(tmp_path: Path):
    assert "stories and rules" in visualize("--out", str(tmp_path / "new" / "graph.svg"))
    ElementTree.fromstring((tmp_path / "new" / "graph.svg").read_text())
    visualize("--out", str(tmp_path / "graph.html"), "--no-rules", "--max-history", "2")
    assert "at any time" not in (tmp_path / "graph.html").read_text()


def test_a_picture_of_no_known_kind_is_refused(tmp_path: Path):
    assert "ends in .svg or .html" in visualize("--out", str(tmp_path / "graph.png"))
