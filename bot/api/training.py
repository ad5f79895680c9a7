"""Training and testing over HTTP, in a child process; the server goes on answering meanwhile."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx2
import msgspec
import structlog
from fastapi import APIRouter, BackgroundTasks, Query
from fastapi.requests import Request
from fastapi.responses import FileResponse, Response

from bot.door import WrongParameter
from bot.errors import BadRequest, ParleyError, ProjectError
from bot.jobs import Jobs, TrainingFailed, check_installed
from bot.package import SUFFIX, pack
from bot.project.load import load_project
from bot.project.posted import write_posted
from bot.running import Running, running

CALLBACK_S = 300.0
MEDIA_TYPE = "application/x-tar"
BODY = {
    "requestBody": {
        "content": {
            "application/x-yaml": {
                "schema": {"type": "string"},
                "example": "intents: [greet]\nnlu:\n- intent: greet\n  examples: |\n    - hello\n",
            }
        },
        "required": True,
    }
}
Callback = Annotated[
    str | None,
    Query(description="Answer 204 at once, and POST the outcome there when it is known."),
]

log = structlog.get_logger(__name__)

router = APIRouter(prefix="/model", tags=["model"])


@router.post("/train", response_class=Response, openapi_extra=BODY)
async def train(
    request: Request,
    background: BackgroundTasks,
    save_to_default_model_directory: Annotated[
        bool, Query(description="Keep the package in the folder of models too.")
    ] = True,
    force_training: Annotated[bool, Query(description="As always here.")] = False,
    augmentation: Annotated[
        int | None, Query(ge=0, description="How many stories are glued together, for policies.")
    ] = None,
    num_threads: Annotated[int | None, Query(ge=1, le=256, description="Of the training.")] = None,
    callback_url: Callback = None,
) -> Response:
    """Train a model on a project whose parts are all in the body; the answer is its package.

    Nothing of it serves; `PUT /model` loads it.
    """
    check_installed()
    server = running(request)
    text = await _text(request)
    options = _options(server, augmentation)
    threads = {"OMP_NUM_THREADS": str(num_threads)} if num_threads else {}
    keep = server.settings.models_folder if save_to_default_model_directory else None
    work = Training(server.jobs, text, options, threads, keep)
    if callback_url is not None:
        _start(server, callback_url, work)
        return Response(status_code=204)
    folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="parley-train-")
    background.add_task(shutil.rmtree, folder, ignore_errors=True)
    try:
        package = await work.package(Path(folder))
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        raise
    name = package.name
    return FileResponse(package, media_type=MEDIA_TYPE, filename=name, headers={"filename": name})


class Training:
    """A training that was asked for.

    Args:
        keep: The folder that gets a copy of the package.
    """

    def __init__(
        self,
        jobs: Jobs,
        text: str,
        options: list[str],
        variables: dict[str, str],
        keep: Path | None,
    ) -> None:
        self._jobs, self._text, self._options = jobs, text, options
        self._variables, self._keep = variables, keep

    async def package(self, folder: Path) -> Path:
        """The package, in ``folder``. Raises ParleyError."""
        async with self._jobs.place(training=True):
            project, models = folder / "project", folder / "models"
            await asyncio.to_thread(_write, self._text, project)
            done = await self._jobs.run(
                *("train", "--project", project, "--models", models, "--quiet"),
                *self._options,
                variables=self._variables,
            )
            if done.status:
                log.error("train.failed", output=done.output[-2000:])
                raise TrainingFailed(f"The training failed: {_shown(done.last_line, folder)}")
            package = folder / f"{_name()}{SUFFIX}"
            await asyncio.to_thread(pack, project, models, package)
            if self._keep:
                await asyncio.to_thread(_copy, package, self._keep)
            return package


def _start(server: Running, url: str, work: Training) -> None:
    """Train behind the answer, then tell ``url``."""
    if not url.startswith(("http://", "https://")):
        raise WrongParameter(
            "callback_url should begin with http:// or https://.", "callback_url", place="query"
        )
    server.jobs.check_free()
    server.jobs.start(_train_and_tell(server.client, url, work))


async def _train_and_tell(client: httpx2.AsyncClient, url: str, work: Training) -> None:
    async with _folder() as folder:
        try:
            package = await work.package(folder)
            headers = {"Content-Type": MEDIA_TYPE, "filename": package.name}
            content = await asyncio.to_thread(package.read_bytes)
        except ParleyError as error:
            headers, content = {"Content-Type": "application/json"}, failure(error)
    try:
        await client.post(url, content=content, headers=headers, timeout=CALLBACK_S)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        log.warning("train.callback_failed", error=str(error) or type(error).__name__)


def failure(error: ParleyError) -> bytes:
    """What a callback is told of ``error``, with Rasa's keys."""
    said: dict[str, Any] = {
        "status": "failure",
        "message": str(error),
        "reason": error.reason,
        "details": error.details,
        "code": error.status,
    }
    return msgspec.json.encode(said)


@asynccontextmanager
async def _folder() -> AsyncIterator[Path]:
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="parley-job-"))
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _text(request: Request) -> str:
    """The body, which is YAML. Raises BadRequest."""
    body = await request.body()
    if not body.strip():
        raise BadRequest("There is nothing in the body; send YAML with all that is to be learnt.")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise BadRequest(f"The body is not UTF-8: byte {wrong.start} is wrong.") from wrong


def _write(text: str, project: Path) -> None:
    """Write the posted project and read it once, so that what is wrong is the client's error."""
    project.mkdir(parents=True)
    try:
        write_posted(text, project)
        load_project(project)
    except ProjectError as error:
        raise BadRequest(str(error)) from error


def _options(server: Running, augmentation: int | None) -> list[str]:
    recipe = server.settings.project / "recipe.toml"
    options = ["--recipe", str(recipe)] if recipe.is_file() else []
    return options if augmentation is None else [*options, "--augmentation", str(augmentation)]


def _copy(package: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{package.name}"
    shutil.copyfile(package, part)
    part.replace(folder / package.name)


def _shown(sentence: str, folder: Path) -> str:
    """``sentence`` without where on this machine the posted project was."""
    return sentence.replace(f"{folder}/", "")


def _name() -> str:
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
