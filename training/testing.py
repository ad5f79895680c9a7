"""`parley test`: a project's conversations and its NLU, tried as they are served.

Files and options are called what `rasa test` calls them. Nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.testing.results import Wanted
    from bot.testing.run import StoryTest
    from bot.testing.told import Transcript

app = typer.Typer(
    help="Test conversations and NLU: both, or one of them.", invoke_without_command=True
)

ProjectFolder = Annotated[
    Path, typer.Option("--project", "-p", help="Folder of the project.", envvar="PARLEY_PROJECT")
]
Models = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the model registry. [default: `models` in the project]",
        envvar="PARLEY_MODELS",
        show_default=False,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="A version of the registry, or a package. [default: the current]",
        show_default=False,
    ),
]
Stories = Annotated[
    Path | None,
    typer.Option(
        "--stories",
        "-s",
        help="File or folder of test conversations. [default: `tests` in the project]",
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


@app.command("core")
def core(
    project: ProjectFolder = Path(),
    stories: Stories = None,
    nlu: NoNlu = None,
    model: Model = None,
    models: Models = None,
    out: Out = Path("results"),
    actions: Actions = False,
    max_stories: Most = None,
    e2e: EndToEnd = False,
    fail_on_prediction_errors: Fail = False,
    no_fail: NoFail = False,
    no_plot: NoPlot = False,
    no_errors: NoErrors = False,
    no_warnings: NoWarnings = False,
    successes: Successes = False,
) -> None:
    """Try the conversations of tests/test_*.yml; exit with 1 when one goes another way.

    Every step is predicted with the current model, then the story's own step is taken, as Rasa
    does: slots and loops are what the story says, so no action server is needed.
    """
    from bot.testing.results import Wanted
    from bot.testing.run import StoryTest

    settings = _settings(project, model=model, models=models, nlu=nlu)
    test = StoryTest(stories or project / "tests", actions, fail_on_prediction_errors, max_stories)
    wanted = Wanted(successes, not no_errors, not no_warnings, not no_plot)
    passed = _conversations(settings, test, out, wanted)
    raise typer.Exit(0 if passed or no_fail else 1)


def _conversations(settings: Settings, test: StoryTest, out: Path, wanted: Wanted) -> bool:
    """Try them, write and show how they went; whether all passed."""
    from bot.testing.results import FAILED, write_results
    from bot.testing.run import try_stories
    from bot.testing.show import show_outcomes

    outcomes = try_stories(settings, test, _watched)
    write_results(out, outcomes, wanted)
    failed = out / FAILED if wanted.errors else None
    show_outcomes(outcomes, out, failed)
    return all(outcome.passed for outcome in outcomes)


def _watched(transcripts: Sequence[Transcript]) -> Iterator[Transcript]:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(
        transcripts,
        "conversations",
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _settings(
    project: Path, *, model: str | None, models: Path | None, nlu: str | None
) -> Settings:
    """The settings of the environment with those given, and logs kept to errors."""
    from bot.settings import load_settings
    from bot.telemetry import start_logging

    settings = load_settings(project=project, model=model, models=models, nlu=nlu)
    settings = settings.model_copy(update={"log_level": "ERROR"})
    start_logging(settings)
    return settings
