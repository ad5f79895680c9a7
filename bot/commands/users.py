"""`parley users`: who may sign in. Imports nothing heavy."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from bot.commands import options
from bot.people.roles import Role

if TYPE_CHECKING:
    from bot.audit import Fact
    from bot.people.person import People, Person

T = TypeVar("T")

app = typer.Typer(
    help="People who may sign in: their roles and passwords. Every change is in the audit log.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="The person's name; upper and lower case are one.")]


@app.command()
def add(
    name: Name,
    role: Annotated[
        Role, typer.Option(help="What they may do; each role may do what those before it may.")
    ] = "agent",
    project: options.Project = Path(),
    endpoints: options.Endpoints = None,
) -> None:
    """Let somebody sign in. The password is asked for, or read from the first line of stdin."""
    import time

    from bot.people.person import Person, name_of, new_stamp

    name = name_of(name)
    kept = _hash(_new_password())
    person = Person(name, role, kept, created_at=time.time(), stamp=new_stamp())
    _do("add", project, endpoints, lambda people: people.add(person), person=name, role=role)
    typer.echo(f"{name} may sign in as {role}.")


@app.command("list")
def list_(
    project: options.Project = Path(),
    format: Annotated[
        Literal["text", "json"], typer.Option("--format", help="`json`: a line of JSON each.")
    ] = "text",
    endpoints: options.Endpoints = None,
) -> None:
    """Show who may sign in; no passwords, no hashes."""
    found = _do(None, project, endpoints, lambda people: people.everybody())
    for person in found:
        told = _told(person)
        typer.echo(json.dumps(told, ensure_ascii=False) if format == "json" else _line(told))
    if format == "text":
        typer.echo(f"{len(found)} people")


@app.command()
def passwd(
    name: Name, project: options.Project = Path(), endpoints: options.Endpoints = None
) -> None:
    """Give somebody another password; all their sessions are over."""
    kept = _hash(_new_password())
    _change("passwd", name, project, endpoints, password=kept)
    typer.echo("The password is another one now, and all sessions are over.")


@app.command()
def role(
    name: Name,
    role: Annotated[Role, typer.Argument(help="What they may do from now on.")],
    project: options.Project = Path(),
    endpoints: options.Endpoints = None,
) -> None:
    """Give somebody another role, at once."""
    _change("role", name, project, endpoints, ends_sessions=False, role=role)
    typer.echo(f"{name} is {role} now.")


@app.command()
def disable(
    name: Name, project: options.Project = Path(), endpoints: options.Endpoints = None
) -> None:
    """Let somebody sign in no more, at once; what they did stays under their name."""
    _change("disable", name, project, endpoints, disabled=True)
    typer.echo(f"{name} may not sign in any more; `parley users enable {name}` undoes it.")


@app.command()
def enable(
    name: Name, project: options.Project = Path(), endpoints: options.Endpoints = None
) -> None:
    """Let somebody sign in again who was disabled."""
    _change("enable", name, project, endpoints, disabled=False)
    typer.echo(f"{name} may sign in.")


@app.command()
def remove(
    name: Name, project: options.Project = Path(), endpoints: options.Endpoints = None
) -> None:
    """Forget somebody; the name is free for somebody else."""
    from bot.people.person import name_of

    name = name_of(name)
    _do("remove", project, endpoints, lambda people: people.remove(name), person=name)
    typer.echo(f"{name} is removed.")


def _change(
    what: str,
    name: str,
    project: Path,
    endpoints: Path | None,
    *,
    ends_sessions: bool = True,
    **changes: Any,
) -> None:
    from bot.people.person import name_of, new_stamp

    name = name_of(name)
    if ends_sessions:
        changes["stamp"] = new_stamp()
    facts = {"person": name, **({"role": changes["role"]} if "role" in changes else {})}
    _do(what, project, endpoints, lambda people: people.change(name, **changes), **facts)


def _do(
    what: str | None,
    project: Path,
    endpoints: Path | None,
    work: Callable[[People], Awaitable[T]],
    **facts: Fact,
) -> T:
    """What ``work`` gives; recorded as ``people.<what>``, unless it only reads."""
    import asyncio

    from bot.export import url_of
    from bot.store import schema
    from bot.store.audits import record_at_terminal
    from bot.store.people import open_people

    url = url_of(project, endpoints)
    if url.startswith("sqlite"):
        schema.upgrade(url)

    async def worked() -> T:
        async with open_people(url) as people:
            return await work(people)

    done = asyncio.run(worked())
    if what is not None:
        record_at_terminal(url, f"people.{what}", facts=facts)
    return done


def _new_password() -> str:
    from bot.people.passwords import LEAST_CHARS, checked

    if not sys.stdin.isatty():
        return checked(sys.stdin.readline().rstrip("\r\n"))
    prompt = f"Password, at least {LEAST_CHARS} characters"
    return checked(typer.prompt(prompt, hide_input=True, confirmation_prompt=True))


def _hash(password: str) -> str:
    import asyncio
    from contextlib import closing

    from bot.people.passwords import Passwords

    with closing(Passwords()) as passwords:
        return asyncio.run(passwords.hash(password))


def _told(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "role": person.role,
        "disabled": person.disabled,
        "signs_in_by": "password" if person.password else "openid",
        "created": datetime.fromtimestamp(person.created_at, UTC).isoformat(timespec="seconds"),
    }


def _line(told: dict[str, Any]) -> str:
    state = "disabled" if told["disabled"] else "active"
    return f"{told['name']}  {told['role']}  {state}  {told['signs_in_by']}  {told['created']}"
