"""Options of `parley run` that say who may call, and how: Rasa's, by Rasa's names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="What to serve: a version of the model registry, or the file of a model package. "
        "Default: the project with its current version.",
        show_default=False,
        rich_help_panel="Model",
    ),
]
EnableApi = Annotated[
    bool | None,
    typer.Option(
        "--enable-api/--no-enable-api",
        help="Answer the HTTP API beside chat page, channels and health. Default: only where "
        "--host is this machine alone.",
        show_default=False,
        rich_help_panel="HTTP API",
    ),
]
AuthToken = Annotated[
    str | None,
    typer.Option(
        "--auth-token",
        "-t",
        help="What callers of the API must name as `token=…`. Other users of this machine see "
        "options: PARLEY_AUTH_TOKEN is safer.",
        show_default=False,
        rich_help_panel="HTTP API",
    ),
]
JwtSecret = Annotated[
    str | None,
    typer.Option(
        help="Callers of the API may bring a JWT signed with it; the public key (PEM) for RS256 "
        "and the like. PARLEY_JWT_SECRET is safer.",
        show_default=False,
        rich_help_panel="HTTP API",
    ),
]
JwtMethod = Annotated[
    str | None,
    typer.Option(
        help="How these JWTs are signed. Default: HS256.",
        show_default=False,
        rich_help_panel="HTTP API",
    ),
]
JwtPrivateKey = Annotated[
    str | None,
    typer.Option(
        help="Known to Rasa, for making tokens; none are made here.",
        show_default=False,
        rich_help_panel="HTTP API",
    ),
]
Cors = Annotated[
    list[str] | None,
    typer.Option(
        help="An origin whose pages may call this server, `*` for all; once for each, or several "
        "with commas.",
        show_default=False,
        rich_help_panel="HTTP API",
    ),
]
ResponseTimeout = Annotated[
    float | None,
    typer.Option(
        help="How long a request waits for its answer, in seconds. Default: 60.",
        show_default=False,
        rich_help_panel="HTTP API",
    ),
]
SslCertificate = Annotated[
    Path | None,
    typer.Option(
        help="Certificate (PEM) to serve HTTPS with.", show_default=False, rich_help_panel="HTTPS"
    ),
]
SslKeyfile = Annotated[
    Path | None,
    typer.Option(help="The certificate's key (PEM).", show_default=False, rich_help_panel="HTTPS"),
]
SslCaFile = Annotated[
    Path | None,
    typer.Option(
        help="Certificates (PEM) of the authorities above the certificate, sent with it.",
        show_default=False,
        rich_help_panel="HTTPS",
    ),
]
SslPassword = Annotated[
    str | None,
    typer.Option(
        help="Opens the key. PARLEY_SSL_PASSWORD is safer.",
        show_default=False,
        rich_help_panel="HTTPS",
    ),
]
