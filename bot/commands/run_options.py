"""Options of `parley run` that say who may call, and how: Rasa's, by Rasa's names."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

_api = partial(typer.Option, show_default=False, rich_help_panel="HTTP API")
_https = partial(typer.Option, show_default=False, rich_help_panel="HTTPS")

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
Workers = Annotated[
    int | None,
    typer.Option(
        help="Processes that serve on this address: as many as there are cores. Default: 1.",
        show_default=False,
    ),
]
EnableApi = Annotated[
    bool | None,
    _api(
        "--enable-api/--no-enable-api",
        help="Answer the HTTP API beside chat page, channels and health. Default: only where "
        "--host is this machine alone.",
    ),
]
AuthToken = Annotated[
    str | None,
    _api(
        "--auth-token",
        "-t",
        help="What callers of the API must name as `token=…`. Other users of this machine see "
        "options: PARLEY_AUTH_TOKEN is safer.",
    ),
]
JwtSecret = Annotated[
    str | None,
    _api(
        help="Callers of the API may bring a JWT signed with it; the public key (PEM) for RS256 "
        "and the like. PARLEY_JWT_SECRET is safer."
    ),
]
JwtMethod = Annotated[
    str | None,
    _api(help="How these JWTs are signed. Default: HS256."),
]
JwtPrivateKey = Annotated[
    str | None,
    _api(help="Known to Rasa, for making tokens; none are made here."),
]
Cors = Annotated[
    list[str] | None,
    _api(
        help="An origin whose pages may call this server, `*` for all; once for each, or several "
        "with commas."
    ),
]
ResponseTimeout = Annotated[
    float | None,
    _api(help="How long a request waits for its answer, in seconds. Default: 60."),
]
SslCertificate = Annotated[
    Path | None,
    _https(help="Certificate (PEM) to serve HTTPS with."),
]
SslKeyfile = Annotated[
    Path | None,
    _https(help="The certificate's key (PEM)."),
]
SslCaFile = Annotated[
    Path | None,
    _https(help="Certificates (PEM) of the authorities above the certificate, sent with it."),
]
SslPassword = Annotated[
    str | None,
    _https(help="Opens the key. PARLEY_SSL_PASSWORD is safer."),
]
