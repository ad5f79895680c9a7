"""Training over HTTP, in a child process; the server goes on answering meanwhile."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import structlog
from fastapi import APIRouter, BackgroundTasks, Query
from fastapi.requests import Request
from fastapi.responses import FileResponse, Response

from bot.api.auth import requires
from bot.api.posting import BODY, Callback, checked_callback, folder, posted_text, shown, tell
from bot.errors import BadRequest, ParleyError, ProjectError
from bot.jobs import Jobs, TrainingFailed, check_installed
from bot.model.package import SUFFIX, pack
from bot.project.load import load_project
from bot.project.posted import write_posted
from bot.running import Running, running

MEDIA_TYPE = "application/x-tar"
MOST_LOGGED = 2000

log = structlog.get_logger(__name__)

router = APIRouter(prefix="/model", tags=["model"], dependencies=[requires("model:write")])


@router.post("/train", response_class=Response, openapi_extra=BODY)
async def train(
    request: Request,
    background: BackgroundTasks,
    save_to_default_model_directory: Annotated[
        bool, Query(description="Keep the package in the folder of models too.")
    ] = True,
    force_training: Annotated[
        bool, Query(description="Changes nothing: what is posted is trained.")
    ] = False,
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
    training = Training(
        await posted_text(request),
        _options(server, augmentation),
        {"OMP_NUM_THREADS": str(num_threads)} if num_threads else {},
        server.settings.models_folder if save_to_default_model_directory else None,
    )
    if callback_url is not None:
        url = checked_callback(callback_url)
        server.jobs.check_free()
        server.jobs.start(_train_and_tell(server, url, training))
        return Response(status_code=204)
    where = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="parley-job-"))
    try:
        package = await training.package(where, server.jobs)
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, where, ignore_errors=True)
        raise
    background.add_task(shutil.rmtree, where, ignore_errors=True)
    name = package.name
    return FileResponse(
        package,
        media_type=MEDIA_TYPE,
        filename=name,
        headers={"filename": name},
        background=background,
    )


@dataclass(frozen=True, slots=True)
class Training:
    """A training that was asked for: the posted text, options and environment of `parley train`.

    ``keep`` is the folder that gets a copy of the package.
    """

    text: str
    options: list[str]
    variables: dict[str, str]
    keep: Path | None

    async def package(self, where: Path, jobs: Jobs) -> Path:
        """The package, in the folder ``where``. Raises ParleyError."""
        async with jobs.place(training=True):
            project, models = where / "project", where / "models"
            await asyncio.to_thread(_write, self.text, project)
            done = await jobs.run(
                *("train", "--project", project, "--models", models, "--quiet"),
                *self.options,
                variables=self.variables,
            )
            if done.status:
                log.error("train.failed", output=done.output[-MOST_LOGGED:])
                raise TrainingFailed(f"The training failed: {shown(done.last_line, where)}")
            package = where / f"{_name()}{SUFFIX}"
            await asyncio.to_thread(pack, project, models, package)
            if self.keep:
                await asyncio.to_thread(_copy, package, self.keep)
            return package


async def _train_and_tell(server: Running, url: str, training: Training) -> None:
    async with folder() as where:
        try:
            package = await training.package(where, server.jobs)
            content = await asyncio.to_thread(package.read_bytes)
        except ParleyError as error:
            await tell(server.client, url, error)
            return
    headers = {"Content-Type": MEDIA_TYPE, "filename": package.name}
    await tell(server.client, url, content, headers)


def _write(text: str, project: Path) -> None:
    """Write the posted project and read it once, so that what is wrong is the client's error."""
    project.mkdir(parents=True)
    try:
        write_posted(text, project)
        load_project(project, environ={})  # no variable of this server gets into what is posted
    except ProjectError as error:
        raise BadRequest(str(error)) from error


def _options(server: Running, augmentation: int | None) -> list[str]:
    recipe = server.settings.project / "recipe.toml"
    options = ["--recipe", str(recipe)] if recipe.is_file() else []
    return options if augmentation is None else [*options, "--augmentation", str(augmentation)]


def _copy(package: Path, target: Path) -> None:
    """A copy of ``package`` in the folder ``target``, whole or not at all."""
    target.mkdir(parents=True, exist_ok=True)
    part = target / f".{package.name}"
    shutil.copyfile(package, part)
    part.replace(target / package.name)


def _name() -> str:
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
