"""`parley explain`: the words of a sentence that decided how it is understood."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands import options
from bot.commands.output import written
from bot.errors import NotFound, SettingsError

if TYPE_CHECKING:
    from nlu.bundle import Bundle


class Shape(StrEnum):
    """How it is told."""

    TEXT = "text"
    JSON = "json"


def explain(
    text: Annotated[str, typer.Argument(help="What a user might write.", show_default=False)],
    project: options.Project = Path(),
    models: options.Models = None,
    version: Annotated[
        str | None,
        typer.Option(help="A model's version. Default: the current.", show_default=False),
    ] = None,
    bot_text: Annotated[
        str | None,
        typer.Option("--bot", help="What the bot said before, for models that read it."),
    ] = None,
    requested_slot: Annotated[
        str | None, typer.Option("--slot", help="The slot it asked for.")
    ] = None,
    shape: Annotated[Shape, typer.Option("--format", help="How it is told.")] = Shape.TEXT,
    html: Annotated[
        Path | None,
        typer.Option(help="Write a page with the words coloured, too.", show_default=False),
    ] = None,
) -> None:
    """Show which words of a sentence decided its intent and its entities.

    Every word in turn is blanked, and what becomes of the answer compared with the whole
    sentence's: what makes it less likely without it spoke for it. Needs a trained model, no torch.
    """
    from rich.console import Console

    from bot.commands import explain_show
    from bot.understand import cleaned
    from nlu.errors import NluError
    from nlu.explain import explain as explained
    from nlu.parse import Context

    text = cleaned(text)
    if not text:
        raise SettingsError('there is no text to explain; parley explain "where is my order?"')
    bundle = _bundle(models or project / "models", version)
    try:
        found = explained(bundle, text, Context(bot_text, requested_slot))
    except NluError as error:
        raise SettingsError(str(error)) from error
    if html is not None:
        with written(html) as file:
            file.write(explain_show.page(found))
    if shape is Shape.JSON:
        typer.echo(explain_show.as_json(found))
        return
    console = Console(highlight=False, soft_wrap=True)
    explain_show.show(found, console)
    if html is not None:
        typer.echo(f"{html}: the same as a page.")


def _bundle(models: Path, version: str | None) -> Bundle:
    from nlu.bundle import open_bundle
    from nlu.registry import Registry

    registry = Registry(models)
    chosen = version or registry.current()
    if chosen is None:
        raise NotFound(f"{models} holds no model yet. Run `parley train` first.")
    return open_bundle(registry.folder(chosen))
