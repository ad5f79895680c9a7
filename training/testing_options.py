"""Options of `parley test`, called what `rasa test` calls them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="A version of the registry, or a package. Default: the current.",
        show_default=False,
    ),
]
Stories = Annotated[
    Path | None,
    typer.Option(
        "--stories",
        "-s",
        help="File or folder of test conversations. Default: `tests` in the project.",
        show_default=False,
    ),
]
NluFileOrNone = Annotated[
    str | None,
    typer.Option(
        "--nlu",
        "-u",
        help="File or folder of labelled sentences; or `none`: messages mean what the stories "
        "say, and no model reads them.",
        show_default=False,
    ),
]
NoNlu = Annotated[
    str | None,
    typer.Option(
        "--nlu",
        help="`none`: messages mean what the stories say; no model reads them.",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option(help="Folder for the reports.")]
EndToEnd = Annotated[
    bool,
    typer.Option("--e2e", "--end-to-end", help="As always; accepted for scripts made for Rasa."),
]
Fail = Annotated[
    bool,
    typer.Option("--fail-on-prediction-errors", help="Stop at the first conversation that fails."),
]
NoFail = Annotated[
    bool, typer.Option("--no-fail", help="Exit with 0 though conversations failed, as Rasa does.")
]
Actions = Annotated[
    bool,
    typer.Option(
        "--actions",
        help="Really run the project's actions, instead of taking what the stories say of them.",
    ),
]
Most = Annotated[int | None, typer.Option("--max-stories", min=1, help="Try no more than so many.")]
NoPlot = Annotated[bool, typer.Option("--no-plot", help="Draw no pictures.")]
NoErrors = Annotated[bool, typer.Option("--no-errors", help="Write no file of what was wrong.")]
NoWarnings = Annotated[bool, typer.Option("--no-warnings", help="Write no file of warnings.")]
Successes = Annotated[bool, typer.Option("--successes", help="Write what was right too.")]

NluFile = Annotated[
    Path | None,
    typer.Option(
        "--nlu",
        "-u",
        help="File or folder of labelled sentences. Default: `tests/nlu.yml` in the project, "
        "else what it is trained on.",
        show_default=False,
    ),
]
CrossValidation = Annotated[
    bool, typer.Option("--cross-validation", help="Train and score on parts of the sentences.")
]
Folds = Annotated[int, typer.Option("--folds", "-f", min=2, help="So many parts.")]
TrainOn = Annotated[
    Path | None,
    typer.Option(
        "--train", help="NLU file to train on, in any format that is read.", show_default=False
    ),
]
TestOn = Annotated[
    Path | None, typer.Option("--test", help="NLU file to score.", show_default=False)
]
RecipeFile = Annotated[
    Path | None,
    typer.Option(
        "--recipe",
        "-r",
        help="TOML file of what differs from the default recipe.",
        show_default=False,
    ),
]
Seed = Annotated[
    int | None, typer.Option(min=0, help="Instead of the recipe's.", show_default=False)
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar: for logs.")]
