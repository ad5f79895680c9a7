"""A model package: one file that holds a project and what was trained for it.

A tar.gz of

    parley.json    {"format": 1, "parley": the version that wrote it}
    project/       config, domain and training data; no endpoints, credentials or actions
    models/        a registry with the one version that serves, and the registries `policy`,
                   `faq` and `ranker` in it with those of the others, if there are any
"""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

import msgspec

from bot.errors import BadRequest, NotFound, SettingsError
from bot.model.faq import faq_registry
from bot.model.policy import policy_registry
from bot.model.ranking import ranker_registry
from bot.project.content import read_content
from bot.project.files import ProjectFiles, find_files
from bot.project.load import read_texts
from bot.project.report import Report
from bot.version import VERSION
from nlu.errors import BundleError
from nlu.policy import FOLDER
from nlu.ranking.faq_bundle import FOLDER as FAQ
from nlu.ranking.ranker_bundle import FOLDER as RANKER
from nlu.registry import Registry

FORMAT = 1
ABOUT = "parley.json"
SUFFIX = ".tar.gz"
MOST_FILES = 20_000
MOST_BYTES = 2 * 1024**3  # unpacked
MOST_AT_ONCE = 16 * 1024**2  # no header of a true package is nearly as large
_FOLDERS = ("project", "models")
_GZIP = b"\x1f\x8b"


class _About(msgspec.Struct, frozen=True):
    format: int
    parley: str = ""


def pack(project: Path, models: Path, target: Path, *, version: str | None = None) -> None:
    """Write the package of the project in ``project`` to ``target``, whole or not at all.

    Args:
        models: The registry. Without a model in it the package has none.
        version: Of the NLU model; the current one if left out.

    Raises ProjectError, NotFound and SettingsError.
    """
    files = project_files(project)
    part = target.with_name(f".{target.name}.part")
    try:
        with tarfile.open(part, "w:gz", compresslevel=6) as tar:
            _add(tar, ABOUT, msgspec.json.encode(_About(FORMAT, VERSION)))
            for path in files:
                name = PurePosixPath("project", path.relative_to(project).as_posix())
                tar.add(path, str(name), recursive=False, filter=_plain)
            _add_model(tar, Registry(models), "models", version)
            _add_model(tar, policy_registry(models), f"models/{FOLDER}", None)
            _add_model(tar, faq_registry(models), f"models/{FAQ}", None)
            _add_model(tar, ranker_registry(models), f"models/{RANKER}", None)
        part.replace(target)
    except BundleError as error:
        raise NotFound(str(error)) from error
    except OSError as error:
        raise SettingsError(f"{target} cannot be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _add_model(tar: tarfile.TarFile, registry: Registry, name: str, version: str | None) -> None:
    """The version of ``registry``, else its current one if it has one, as a registry ``name``."""
    version = version or registry.current()
    if version is not None:
        if not registry.folder(version).is_dir():
            known = ", ".join(registry.versions()) or "none"
            raise NotFound(f"{registry.root} has no version {version!r}. Versions: {known}.")
        tar.add(registry.folder(version), f"{name}/{version}", filter=_plain)
        _add(tar, f"{name}/current", f"{version}\n".encode())


def project_files(project: Path) -> list[Path]:
    """The files within the folder that say what the bot is."""
    report = Report()
    files = find_files(project, report)
    reading = read_content(files, read_texts(files, report), report)
    report.raise_first_error()
    faqs = (file for folder in files.faqs for file in folder.files)
    names = [*files.domain, *files.data, *faqs, *reading.lookup_files]
    read = {project / name for name in names if _is_within(name)}
    return sorted(read | set(_configs(files, read)))


def unpack(package: Path, folder: Path) -> None:
    """The files of ``package`` in ``folder``, which is empty. Raises BadRequest."""
    try:
        with _Bounded(package, "rb") as plain, tarfile.open(fileobj=plain, mode="r:") as tar:
            for member in _members(tar):
                _extract(tar, member, folder)
    except (tarfile.TarError, zlib.error, EOFError, OSError, UnicodeError, ValueError) as error:
        raise BadRequest(f"{package.name} is no model package: {error}.") from error
    _check(package, folder)


def is_package(path: Path) -> bool:
    """Whether the file at ``path`` may be one."""
    with path.open("rb") as file:
        return file.read(2) == _GZIP


class _Bounded(gzip.GzipFile):
    """What a package holds, unless it holds too much, or asks for too much of it at once."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= MOST_AT_ONCE:
            raise BadRequest("The package has a header larger than any model's.")
        if self.tell() > MOST_BYTES:
            raise BadRequest(f"The package holds more than {MOST_BYTES} bytes.")
        return super().read(size)


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The members, each looked at before the next is read."""
    size = count = 0
    while (member := tar.next()) is not None:
        size, count = size + member.size, count + 1
        if size > MOST_BYTES or count > MOST_FILES:
            raise BadRequest(
                f"The package holds more than {MOST_BYTES} bytes or {MOST_FILES} files."
            )
        yield member


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write a file below ``folder``; a folder needs nothing, anything else is refused."""
    if member.isdir():
        return
    checked = tarfile.data_filter(member, str(folder))
    parts = PurePosixPath(checked.name).parts
    if not checked.isreg() or not (checked.name == ABOUT or parts[0] in _FOLDERS):
        raise BadRequest(f"A model package holds no {member.name[:200]!r}.")
    target = folder.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    source = tar.extractfile(member)
    assert source is not None
    with source, target.open("xb") as file:
        shutil.copyfileobj(source, file)


def _check(package: Path, folder: Path) -> None:
    try:
        about = msgspec.json.decode((folder / ABOUT).read_bytes(), type=_About)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadRequest(f"{package.name} is no model package: it has no {ABOUT}.") from error
    if about.format != FORMAT:
        raise BadRequest(
            f"{package.name} has format {about.format}; this Parley reads format {FORMAT}."
        )


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without what says who packed it, and where."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.isdir() else 0o644
    return member


def _is_within(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _configs(files: ProjectFiles, read: set[Path]) -> Iterator[Path]:
    """config.yml of the project and of the folders it imports."""
    folders = {folder for path in read for folder in path.parents if folder != files.root}
    for folder in (files.root, *(each for each in folders if files.root in each.parents)):
        for name in ("config.yml", "config.yaml"):
            if (folder / name).is_file():
                yield folder / name
