"""Options that several commands share: where a project, its parts and its models are."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bot.project.paths import ProjectPaths

_part = partial(
    typer.Option, show_default=False, rich_help_panel="Where the parts of the project are"
)

Project = Annotated[
    Path, typer.Option("--project", "-p", help="Folder of the project.", envvar="PARLEY_PROJECT")
]
Models = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the model registry. Default: `models` in the project.",
        envvar="PARLEY_MODELS",
        show_default=False,
    ),
]
Domain = Annotated[
    Path | None,
    _part(
        "--domain",
        "-d",
        help="Domain file, or folder of domain files. Default: domain.yml, else domain/.",
        envvar="PARLEY_DOMAIN",
    ),
]
Data = Annotated[
    list[str] | None,
    _part(
        "--data",
        help="File or folder of training data; several: again, or after a comma. Default: data/.",
    ),
]
Config = Annotated[
    Path | None,
    _part("--config", "-c", help="Default: config.yml.", envvar="PARLEY_CONFIG"),
]
Endpoints = Annotated[
    Path | None,
    _part("--endpoints", help="Default: endpoints.yml.", envvar="PARLEY_ENDPOINTS"),
]
Credentials = Annotated[
    Path | None,
    _part("--credentials", help="Default: credentials.yml.", envvar="PARLEY_CREDENTIALS"),
]


def paths_of(
    domain: Path | None = None,
    data: Iterable[str] | None = None,
    config: Path | None = None,
    endpoints: Path | None = None,
    credentials: Path | None = None,
) -> ProjectPaths:
    """What was given, as a value to hand on."""
    given = ",".join(data or ()) or os.environ.get("PARLEY_DATA", "")
    parts = tuple(Path(part.strip()) for part in given.split(",") if part.strip())
    return ProjectPaths(domain, parts, config, endpoints, credentials)


def arguments(paths: ProjectPaths) -> list[str]:
    """What gives ``paths`` to a command that trains."""
    given = {"--domain": paths.domain, "--config": paths.config}
    found = [text for name, path in given.items() if path for text in (name, os.fspath(path))]
    for path in paths.data:
        found += ["--data", os.fspath(path)]
    return found
