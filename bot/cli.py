"""The `parley` command. Training adds its own commands through ``parley.commands``."""

from __future__ import annotations

import io
import os
import sys
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Literal

try:
    import typer
    from rich.console import Console
except ModuleNotFoundError as missing:
    sys.exit(f"parley: the Python module {missing.name!r} is missing; install Parley again")

from bot.commands import (
    audit,
    convert,
    export,
    options,
    outbox,
    privacy,
    review,
    run_options,
    split,
    users,
)
from bot.commands.explain import explain
from bot.commands.visualize import visualize
from bot.errors import ParleyError
from bot.project.paths import ProjectPaths
from bot.project.verdict import Format, written

app = typer.Typer(
    name="parley",
    help="The open dialogue server that learns from its own conversations.",
    epilog="Settings are environment variables, listed in docs/settings.md.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
database = typer.Typer(help="The SQL database of the log.", no_args_is_help=True)
app.add_typer(database, name="db")
app.add_typer(audit.app, name="audit")
app.add_typer(export.app, name="export")
app.add_typer(outbox.app, name="outbox")
app.add_typer(privacy.app, name="privacy")
app.add_typer(review.app, name="review")
app.add_typer(split.app, name="split")
app.add_typer(users.app, name="users")


def _print_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def parley(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            help="Print the version and exit.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    pass  # its help is the app's


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
) -> None:
    """Write a small new project that trains and runs."""
    from bot.project.init import init_project

    init_project(folder)
    typer.echo(f"A new project is in {folder}. Next:")
    typer.echo(f"  parley train --project {folder}")
    typer.echo(f"  parley run --project {folder}")


@app.command()
def run(
    project: options.Project = Path(),
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    workers: run_options.Workers = None,
    nlu: Annotated[
        str | None,
        typer.Option(help="`none` serves without a model: only /intent payloads are understood."),
    ] = None,
    train: Annotated[
        bool, typer.Option("--train", help="First train, if the project or its recipe changed.")
    ] = False,
    actions_in_process: Annotated[
        bool,
        typer.Option(
            "--actions-in-process",
            help="Run the package `actions` in this process, with the extra `actions` installed.",
        ),
    ] = False,
    domain: options.Domain = None,
    data: options.Data = None,
    config: options.Config = None,
    endpoints: options.Endpoints = None,
    credentials: options.Credentials = None,
    model: run_options.Model = None,
    enable_api: run_options.EnableApi = None,
    auth_token: run_options.AuthToken = None,
    jwt_secret: run_options.JwtSecret = None,
    jwt_method: run_options.JwtMethod = None,
    jwt_private_key: run_options.JwtPrivateKey = None,
    cors: run_options.Cors = None,
    response_timeout: run_options.ResponseTimeout = None,
    ssl_certificate: run_options.SslCertificate = None,
    ssl_keyfile: run_options.SslKeyfile = None,
    ssl_ca_file: run_options.SslCaFile = None,
    ssl_password: run_options.SslPassword = None,
) -> None:
    """Serve a project: chat page, channels, HTTP API.

    Starts Redis and the project's action server beside it where none is configured.
    """
    from bot.commands.memory import bound_memory

    bound_memory()
    from bot.commands.run import run_server

    paths = options.paths_of(domain, data, config, endpoints, credentials)
    if train:
        _train_first(project, paths)
    actions = "actions" if actions_in_process else None
    sys.exit(
        run_server(
            project=project,
            host=host,
            port=port,
            workers=workers,
            nlu=nlu,
            actions_module=actions,
            paths=paths,
            model=model,
            enable_api=enable_api,
            auth_token=auth_token,
            jwt_secret=jwt_secret,
            jwt_method=jwt_method,
            jwt_private_key=jwt_private_key,
            cors=",".join(cors) if cors else None,
            response_timeout_s=response_timeout,
            ssl_certificate=ssl_certificate,
            ssl_keyfile=ssl_keyfile,
            ssl_ca_file=ssl_ca_file,
            ssl_password=ssl_password,
        )
    )


@app.command()
def shell(
    part: Annotated[
        Literal["nlu"] | None,
        typer.Argument(help="`nlu` shows how each message is understood, as JSON, and no more."),
    ] = None,
    project: options.Project = Path(),
    nlu: Annotated[
        str | None, typer.Option(help="`none`: only /intent payloads are understood.")
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show parse, predictions and slots of every turn.")
    ] = False,
    domain: options.Domain = None,
    data: options.Data = None,
    config: options.Config = None,
    endpoints: options.Endpoints = None,
    credentials: options.Credentials = None,
) -> None:
    """Chat with a project in the terminal; nothing is stored."""
    from bot.commands.shell import run_shell

    paths = options.paths_of(domain, data, config, endpoints, credentials)
    run_shell(project=project, nlu=nlu, debug=debug, paths=paths, only_nlu=part == "nlu")


@app.command()
def check(
    project: options.Project = Path(),
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    form: Annotated[
        Format,
        typer.Option("--format", help="`json` for programs, `github` for notes on a pull request."),
    ] = "text",
    max_history: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How many turns back stories are compared; else what the policies look at.",
        ),
    ] = None,
    domain: options.Domain = None,
    data: options.Data = None,
    config: options.Config = None,
    endpoints: options.Endpoints = None,
    credentials: options.Credentials = None,
) -> None:
    """Read a project and report every problem with file and line.

    Ends with 0 when all is well, with 1 when there are errors, with 2 when there is no project.
    The kinds of problems are listed in docs/check.md.
    """
    from bot.project.check import judge

    paths = options.paths_of(domain, data, config, endpoints, credentials)
    verdict = judge(project, paths=paths, max_history=max_history)
    typer.echo(written(verdict, form))
    raise typer.Exit(verdict.exit_status(strict=strict))


@database.command()
def upgrade(project: options.Project = Path()) -> None:
    """Bring the database to the schema of this version; safe to repeat."""
    from bot.project.load import load_project
    from bot.settings import load_settings
    from bot.store.schema import upgrade as upgrade_schema

    settings = load_settings(project=project)
    settings = settings.completed(load_project(settings.project, paths=settings.paths).endpoints)
    upgrade_schema(settings.sql_url)
    typer.echo("The database has the schema of this version.")


@database.command()
def backup(
    file: Annotated[Path, typer.Argument(help="A new file.")],
    project: options.Project = Path(),
) -> None:
    """Write a SQLite database to a file while servers go on; PostgreSQL has pg_dump for it."""
    from bot.project.load import load_project
    from bot.settings import load_settings
    from bot.store.backup import back_up

    settings = load_settings(project=project)
    settings = settings.completed(load_project(settings.project, paths=settings.paths).endpoints)
    back_up(settings.sql_url, file)
    typer.echo(f"{file}: {file.stat().st_size:,} bytes.")


@app.command()
def pack(
    package: Annotated[Path, typer.Argument(help="The file to write, `….tar.gz`.")],
    project: options.Project = Path(),
    models: options.Models = None,
    version: Annotated[
        str | None,
        typer.Option(help="Of the NLU model. Default: the current one.", show_default=False),
    ] = None,
) -> None:
    """Write a model package: the project and what was trained for it, in one file.

    `parley run --model FILE` serves it, and so does PUT /model. Endpoints, credentials and actions
    are not in it.
    """
    from bot.model.package import pack as write_package

    write_package(project, models or project / "models", package, version=version)
    typer.echo(f"{package}: {package.stat().st_size:,} bytes.")


@app.command()
def version() -> None:
    """Print the version of Parley and of Python."""
    from bot.version import VERSION

    typer.echo(f"Parley {VERSION}, Python {sys.version.split()[0]}")


app.command()(explain)
app.command()(visualize)
convert.register(app)


@cache
def whole() -> typer.Typer:
    """The command with what others add to it."""
    for entry in sorted(entry_points(group="parley.commands"), key=lambda entry: entry.name):
        entry.load()(app)
    return app


def main() -> None:
    """Run the command; what went wrong on purpose is one sentence and exit status 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no é shows a question mark
    try:
        whole()()
    except ParleyError as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        _fail(f"the Python module {error.name!r} is missing; install Parley again")


def _train_first(project: Path, paths: ProjectPaths) -> None:
    import subprocess

    given = [sys.argv[0], "train", "--project", os.fspath(project), *options.arguments(paths)]
    done = subprocess.run(given, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def _fail(sentence: str) -> None:
    Console(stderr=True, soft_wrap=True, highlight=False).print(
        f"parley: {sentence}", markup=False, style="red"
    )
    sys.exit(1)
