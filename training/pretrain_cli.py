"""`parley pretrain`. Imports nothing heavy: `parley --help` runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.terminal import needs_torch, progress, told


def pretrain(
    texts: Annotated[
        list[Path],
        typer.Argument(
            help="Files or folders of texts: .txt and .md (a text a line), .jsonl (strings, or "
            "objects with `text`, `content`, `question` or `answer`), NLU data (.yml, .json).",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write the encoder into.")],
    encoder: Annotated[
        str | None,
        typer.Option(
            help="Encoder that goes on learning: a name or a folder, as in a recipe. "
            "Default: a small one is made anew, with a vocabulary of the texts' own.",
            show_default=False,
        ),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of what differs from the default numbers.", show_default=False
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the texts, whatever the recipe says.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="In place of the recipe's.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar: for logs.")] = False,
) -> None:
    """Teach an encoder a language, or the words of a field, from bare texts.

    Words are hidden and guessed. What comes out is named in a recipe: encoder = "FOLDER". A run
    that is stopped goes on where it was when the same command is given again.
    """
    from training.pretrain_recipe import load_pretrain_recipe
    from training.pretrain_texts import read_texts

    with told(), progress(quiet=quiet) as (watch, report):
        chosen = load_pretrain_recipe(recipe, epochs=epochs, seed=seed)
        with needs_torch():
            from training.pretrain_run import check_free, pretrain
            from training.team import team

            check_free(out)
            found = read_texts(texts, report=report)
            with team() as member:
                silent = (lambda step: None, lambda line: None)
                tell = (watch, report) if member.leads else silent
                learnt = pretrain(
                    found, out, chosen, encoder=encoder, watch=tell[0], report=tell[1]
                )
    if not member.leads:
        return
    if learnt.before and learnt.after:
        typer.echo(
            f"of {learnt.after.texts} texts kept back, hidden tokens guessed: "
            f"{learnt.before.right:.1%} before, {learnt.after.right:.1%} after; "
            f"loss {learnt.before.loss:.3f}, {learnt.after.loss:.3f}"
        )
    typer.echo(f'{out}: name it in a recipe.toml: encoder = "{out}"')
