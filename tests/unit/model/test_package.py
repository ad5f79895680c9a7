from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from bot.errors import BadRequest, ParleyError, ProjectError
from bot.model.package import ABOUT, pack, project_files, unpack
from bot.project.load import load_project
from tests.command import write

OPENS = b'{"format": 1, "parley": "0.1.0"}'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    secret = "action_endpoint: {url: 'http://127.0.0.1:9', token: s3cret}\n"
    files = {"endpoints.yml": secret, "credentials.yml": "rest:\n", "actions/__init__.py": ""}
    return write(tmp_path / "project", **files)


def made(path: Path, *members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    """A package of ``members``, by name and content."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(content), kind, "/etc/passwd"
            tar.addfile(member, io.BytesIO(content))
    return path


def test_a_project_comes_out_as_it_went_in(project: Path, tmp_path: Path):
    pack(project, tmp_path / "models", tmp_path / "bot.tar.gz")
    unpack(tmp_path / "bot.tar.gz", tmp_path / "out")
    before, after = load_project(project), load_project(tmp_path / "out" / "project")
    assert after.hash == before.hash
    assert after.domain.raw == before.domain.raw


def test_what_is_the_servers_own_is_not_packed(project: Path, tmp_path: Path):
    pack(project, tmp_path / "models", tmp_path / "bot.tar.gz")
    with tarfile.open(tmp_path / "bot.tar.gz") as tar:
        names = set(tar.getnames())
    assert names == {
        ABOUT,
        "project/config.yml",
        "project/domain.yml",
        "project/data/nlu.yml",
    }


def test_current_models_are_packed_with_the_project(project: Path, tmp_path: Path):
    models = tmp_path / "models"
    for registry, version in ((models, "v1"), (models / "policy", "p1")):
        for name in (version, "older"):
            (registry / name).mkdir(parents=True)
            (registry / name / "model.onnx").write_bytes(name.encode())
        (registry / "current").write_text(f"{version}\n")
    pack(project, models, tmp_path / "bot.tar.gz")
    unpack(tmp_path / "bot.tar.gz", tmp_path / "out")
    found = tmp_path / "out" / "models"
    assert (found / "current").read_text() == "v1\n"
    assert (found / "v1" / "model.onnx").read_bytes() == b"v1"
    assert (found / "policy" / "p1" / "model.onnx").read_bytes() == b"p1"
    assert not (found / "older").exists()


def test_imported_projects_are_packed_with_their_configs(project: Path, tmp_path: Path):
    imports = "importers: [{name: MultiProjectImporter}]\nimports: [other]\n"
    config = project / "config.yml"
    config.write_text(config.read_text() + imports)
    (project / "other" / "data").mkdir(parents=True)
    (project / "other" / "config.yml").write_text("language: en\n")
    (project / "other" / "data" / "nlu.yml").write_text(
        'version: "3.1"\nnlu:\n- intent: more\n  examples: |\n    - more\n'
    )
    (project / "elsewhere").mkdir()
    (project / "elsewhere" / "config.yml").write_text("pipeline: []\n")
    names = {path.relative_to(project).as_posix() for path in project_files(project)}
    assert {"other/config.yml", "other/data/nlu.yml"} <= names
    assert "elsewhere/config.yml" not in names


def test_a_package_is_written_whole_or_not_at_all(project: Path, tmp_path: Path):
    package = tmp_path / "bot.tar.gz"
    package.write_bytes(b"the one before")
    for version, target in (("v9", package), (None, tmp_path / "nowhere" / "bot.tar.gz")):
        with pytest.raises(ParleyError, match=r"v9|nowhere"):
            pack(project, tmp_path / "models", target, version=version)
    assert package.read_bytes() == b"the one before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bot.tar.gz", "project"]


def test_a_broken_project_is_not_packed(tmp_path: Path):
    project = write(tmp_path / "project", **{"domain.yml": "intents: ["})
    with pytest.raises(ProjectError):
        pack(project, tmp_path / "models", tmp_path / "bot.tar.gz")


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "project/../../outside",
        "/absolute",
        "other/file",
        "C:\\file",
    ],
)
def test_nothing_is_written_outside_of_the_folder(tmp_path: Path, name: str):
    package = made(tmp_path / "bot.tar.gz", (ABOUT, OPENS), (name, b"bad"))
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    with pytest.raises(BadRequest):
        unpack(package, out)
    assert not any((tmp_path / other).exists() for other in ("outside", "absolute"))
    assert not (tmp_path / "deep" / "outside").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes):
    package = made(tmp_path / "bot.tar.gz", ("project/link", b""), kind=kind)
    with pytest.raises(BadRequest):
        unpack(package, tmp_path / "out")


def test_a_file_that_comes_twice_is_refused(tmp_path: Path):
    twice = ("project/config.yml", b"language: en\n")
    package = made(tmp_path / "bot.tar.gz", (ABOUT, OPENS), twice, twice)
    with pytest.raises(BadRequest):
        unpack(package, tmp_path / "out")


def test_a_package_that_holds_too_much_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("bot.model.package.MOST_BYTES", 100_000)
    package = made(tmp_path / "bot.tar.gz", ("project/big", bytes(200_000)))
    assert package.stat().st_size < 1000
    with pytest.raises(BadRequest, match="more than"):
        unpack(package, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_package_of_too_many_files_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("bot.model.package.MOST_FILES", 3)
    package = made(tmp_path / "bot.tar.gz", *((f"project/{n}", b"") for n in range(5)))
    with pytest.raises(BadRequest, match="more than"):
        unpack(package, tmp_path / "out")


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path: Path):
    member = tarfile.TarInfo("long")
    member.type, member.size = tarfile.XHDTYPE, 64 * 1024**2
    content = gzip.compress(member.tobuf() + bytes(member.size), 1)
    (tmp_path / "bot.tar.gz").write_bytes(content)
    with pytest.raises(BadRequest, match="header"):
        unpack(tmp_path / "bot.tar.gz", tmp_path / "out")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x1f\x8b",
        b"PK\x03\x04",
        gzip.compress(b""),
        gzip.compress(b"no tar"),
        gzip.compress(bytes(1024)),
        gzip.compress(b"x" * 1024),
        gzip.compress(b"x" * 1024)[:-9],
    ],
)
def test_what_is_no_package_is_refused_with_a_sentence(tmp_path: Path, content: bytes):
    (tmp_path / "bot.tar.gz").write_bytes(content)
    with pytest.raises(BadRequest, match=r"bot\.tar\.gz"):
        unpack(tmp_path / "bot.tar.gz", tmp_path / "out")


@pytest.mark.parametrize(
    "about",
    [b"{}", b"[]", b'{"format": 2}', b'{"format": "1"}', b"\xff", b'{"format": "\x80"}'],
)
def test_a_package_of_another_format_is_refused(tmp_path: Path, about: bytes):
    package = made(tmp_path / "bot.tar.gz", (ABOUT, about))
    with pytest.raises(BadRequest):
        unpack(package, tmp_path / "out")
