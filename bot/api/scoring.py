"""Scores over HTTP: of test conversations, and of NLU on labelled sentences, in Rasa's shape."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import structlog
from fastapi import APIRouter, Query
from fastapi.requests import Request
from fastapi.responses import Response

from bot.api.auth import requires
from bot.api.conversations import answer
from bot.api.posting import BODY, Callback, checked_callback, folder, posted_text, shown, tell
from bot.api.sentences import averages, evaluation
from bot.errors import BadRequest, ParleyError, ProjectError
from bot.jobs import JobFailed, check_installed
from bot.model.serving import Loaded
from bot.project.load import load_project
from bot.project.posted import NO_DOMAIN
from bot.project.project import Example
from bot.running import InUse, Running, running
from bot.testing.heard import in_parts, listen
from bot.testing.outcome import Outcome
from bot.testing.results import story_report
from bot.testing.stories import run_story
from bot.testing.told import Transcript, load_transcripts

REPORT, ERRORS = "_report.json", "_errors.json"
NAMED = ("intent", "response_selection")  # reports that are of no extractor
MOST_LOGGED = 2000
Report = dict[str, Any]
Score = Callable[[Loaded], Awaitable[Report]]

log = structlog.get_logger(__name__)

router = APIRouter(prefix="/model/test", tags=["model"], dependencies=[requires("model:write")])


@router.post("/stories", openapi_extra=BODY)
async def score_stories(
    request: Request,
    loaded: InUse,
    e2e: Annotated[
        bool, Query(description="Let NLU read the messages; else they mean what the story says.")
    ] = False,
) -> Response:
    """Try test stories with the model that serves: every step is predicted, no action runs."""
    text = await posted_text(request)
    async with folder() as where, running(request).jobs.place():
        transcripts = await asyncio.to_thread(_transcripts, text, where)
        outcomes = []
        for transcript in transcripts:
            outcomes.append(await run_story(transcript, loaded.parley, end_to_end=e2e))
            await asyncio.sleep(0)  # messages of users come between
    return answer(_of_stories(outcomes, e2e=e2e))


@router.post("/intents", openapi_extra=BODY)
async def score_intents(
    request: Request,
    loaded: InUse,
    cross_validation_folds: Annotated[
        int | None, Query(ge=2, le=100, description="Train on parts, score the others, so often.")
    ] = None,
    callback_url: Callback = None,
) -> Response:
    """Score NLU on labelled sentences: that of the model that serves, or by cross-validation."""
    server, text = running(request), await posted_text(request)
    if cross_validation_folds:
        check_installed()

    async def score(model: Loaded) -> Report:
        async with folder() as where, server.jobs.place():
            examples = await asyncio.to_thread(_examples, text, where, model)
            if not cross_validation_folds:
                return evaluation(await listen(model.nlu, in_parts(examples)))
            return await _cross_validated(server, where, cross_validation_folds)

    if callback_url is None:
        return answer(await score(loaded))
    url = checked_callback(callback_url)
    server.jobs.check_free()
    server.jobs.start(_score_and_tell(server, url, score))
    return Response(status_code=204)


async def _score_and_tell(server: Running, url: str, score: Score) -> None:
    try:
        with server.serving.use() as loaded:
            outcome: bytes | ParleyError = msgspec.json.encode(await score(loaded))
    except ParleyError as error:
        outcome = error
    await tell(server.client, url, outcome)


def _transcripts(text: str, where: Path) -> Sequence[Transcript]:
    """The test stories in ``text``. Raises BadRequest."""
    file = where / "test_stories.yml"
    file.write_text(text, "utf-8")
    try:
        transcripts = load_transcripts(file, shown=lambda _: "the body")
    except ProjectError as error:
        raise BadRequest(str(error)) from error
    if not transcripts:
        raise BadRequest("The body holds no stories; write them under 'stories:'.")
    return transcripts


def _examples(text: str, where: Path, loaded: Loaded) -> Sequence[Example]:
    """The labelled sentences in ``text``, as the data of a project. Raises BadRequest."""
    project = where / "project"
    suffix = ".json" if text.lstrip().startswith("{") else ".yml"
    (project / "data").mkdir(parents=True)
    (project / f"data/sentences{suffix}").write_text(text, "utf-8")
    (project / "domain.yml").write_text(NO_DOMAIN, "utf-8")
    for name in ("config.yml", "config.yaml", "recipe.toml"):
        if (own := Path(loaded.project.path) / name).is_file():
            (project / name).write_bytes(own.read_bytes())
    try:
        return load_project(project).nlu.examples
    except ProjectError as error:
        raise BadRequest(str(error)) from error


async def _cross_validated(server: Running, where: Path, folds: int) -> Report:
    """What `parley test nlu --cross-validation` reports. Raises ParleyError."""
    out = where / "results"
    done = await server.jobs.run(
        *("test", "nlu", "--cross-validation", "--folds", str(folds), "--quiet", "--no-plot"),
        *("--project", where / "project", "--out", out),
    )
    if done.status:
        log.error("test.failed", output=done.output[-MOST_LOGGED:])
        raise JobFailed(f"The test failed: {shown(done.last_line, where)}")
    return _of_reports(await asyncio.to_thread(_reports, out))


def _reports(out: Path) -> dict[str, Any]:
    return {path.name: msgspec.json.decode(path.read_bytes()) for path in out.glob("*.json")}


def _of_stories(outcomes: Sequence[Outcome], *, e2e: bool) -> Report:
    report = story_report(outcomes)
    choices = [choice for outcome in outcomes for choice in outcome.choices]
    return {
        "report": report,
        **averages(report, f1="f1"),
        "actions": [{"action": each.expected, "predicted": each.predicted} for each in choices],
        "is_end_to_end_evaluation": e2e,
    }


def _of_reports(reports: Mapping[str, Any]) -> Report:
    names = [name.removesuffix(REPORT) for name in reports if name.endswith(REPORT)]
    entities = {name: _part(reports, name) for name in sorted(names) if name not in NAMED}
    return {
        "intent_evaluation": _part(reports, "intent"),
        "entity_evaluation": entities or None,
        "response_selection_evaluation": _part(reports, "response_selection"),
    }


def _part(reports: Mapping[str, Any], name: str) -> Report | None:
    report = reports.get(f"{name}{REPORT}")
    if report is None:
        return None
    errors = reports.get(f"{name}{ERRORS}", [])
    return {"report": report, **averages(report, f1="f1_score"), "errors": errors}
