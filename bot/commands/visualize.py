"""`parley visualize`: a project's stories and rules as a picture. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.commands import options
from bot.commands.output import written
from bot.errors import ProjectError, SettingsError


def visualize(
    project: options.Project = Path(),
    stories: Annotated[
        Path | None,
        typer.Option(
            "--stories",
            "-s",
            help="File or folder of stories and rules. Default: the project's.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="A file .svg; or .html, which can be moved and zoomed.")
    ] = Path("graph.svg"),
    max_history: Annotated[
        int | None,
        typer.Option(
            min=1, help="Join steps whose last so many are the same. Default: only beginnings."
        ),
    ] = None,
    rules: Annotated[bool, typer.Option(help="Draw rules too.")] = True,
    domain: options.Domain = None,
    config: options.Config = None,
) -> None:
    """Draw what may follow what in a project's stories and rules.

    Stories that begin alike share their beginning; checkpoints join them.
    """
    from bot.project.graph import story_graph
    from bot.project.graph_svg import graph_page, graph_svg
    from bot.project.load import load_project

    draw = {".svg": graph_svg, ".html": graph_page}.get(out.suffix)
    if draw is None:
        raise SettingsError(f"--out {out}: give a name that ends in .svg or .html.")
    paths = options.paths_of(domain, [str(stories)] if stories else None, config)
    read = load_project(project, paths=paths)
    shown = [story for story in read.stories if rules or not story.is_rule]
    if not shown:
        raise ProjectError("there are no stories to draw.", file=str(stories or project))
    graph = story_graph(shown, max_history=max_history)
    with written(out) as file:
        file.write(draw(graph))
    typer.echo(f"{out}: {len(shown)} stories and rules, {len(graph.nodes)} steps.")
