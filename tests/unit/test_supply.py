"""What Parley is made of, what is loaded, and what may never be."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import threading
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from nlu.errors import BundleError
from nlu.scope_file import KINDS, read_scope

ROOT = Path(__file__).parents[2]
SUPPLY = ROOT / "tests" / "supply"
# What can run code while it reads a file.
UNSAFE = {"pickle", "_pickle", "dill", "joblib", "cloudpickle", "shelve", "marshal", "yaml"}
UNSAFE_CALLS = {"torch.load", "np.lib.format.read_array"}


def sources() -> list[Path]:
    return [path for name in ("bot", "nlu", "training") for path in (ROOT / name).rglob("*.py")]


def problems(source: str) -> list[str]:
    """Each way in which ``source`` could load a pickle."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found += [one.name for one in names if one.name.partition(".")[0] in UNSAFE]
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in UNSAFE:
                found.append(module)
            case ast.Call(func=func, keywords=keywords):
                name = ast.unparse(func)
                given = {k.arg: ast.unparse(k.value) for k in keywords}
                if given.get("allow_pickle", "False") != "False":
                    found.append(f"{name} allows pickles")
                if name == "np.load" and "allow_pickle" not in given:
                    found.append("np.load does not say that it allows none")
                if "unsafe" in given.get("typ", ""):
                    found.append("YAML that makes objects")
                if name in UNSAFE_CALLS and given.get("weights_only") != "True":
                    found.append(name)
    return found


def test_no_file_is_read_in_a_way_that_could_run_code():
    assert len(sources()) > 300
    told = {str(path.relative_to(ROOT)): problems(path.read_text("utf-8")) for path in sources()}
    assert {path: found for path, found in told.items() if found} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import yaml",
        "YAML(typ='unsafe')",
        "import torch; torch.load('x')",
        "import numpy as np; np.load('x')",
        "import numpy as np; np.load('x', allow_pickle=True)",
        "def f(a):\n    return np.load(a, allow_pickle=a)",
    ],
)
def test_the_search_finds_what_it_is_for(source: str):
    assert problems(source)


def test_a_bundles_arrays_with_objects_in_them_are_refused(tmp_path: Path):
    path = tmp_path / "scope.npz"
    np.savez(path, **{name: np.array([Bomb()], dtype=object) for name in KINDS})
    with pytest.raises(BundleError, match="allow_pickle=False"):
        read_scope(path, intents=2, hidden=3)
    assert Bomb.went_off == 0


class Bomb:
    """Says when somebody unpickles it."""

    went_off = 0

    def __init__(self) -> None:
        self.fuse = 1

    def __setstate__(self, state: object) -> None:
        Bomb.went_off += 1


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SUPPLY / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("sbom") / "parley.cdx.json"
    done = run("sbom.py", str(out))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def test_the_bill_of_materials_names_every_dependency_as_it_is_pinned(bill: dict[str, Any]):
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    named = {each["name"]: each["version"] for each in bill["components"]}
    assert {f"{name}=={version}" for name, version in named.items()} <= set(lines)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    direct = [Requirement(line) for line in project["dependencies"]]
    wanted = {canonicalize_name(r.name) for r in direct if not r.marker or r.marker.evaluate()}
    assert wanted <= named.keys()
    assert {"anyio", "torch", "numpy", "psycopg-binary"} <= named.keys()
    assert not {"pytest", "mypy", "ruff"} & named.keys(), "these are not shipped"


def test_the_bill_of_materials_is_closed_and_says_what_it_is(bill: dict[str, Any]):
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    refs = {each["bom-ref"] for each in bill["components"]}
    root = bill["metadata"]["component"]["bom-ref"]
    assert {each["ref"] for each in bill["dependencies"]} == refs | {root}
    assert {ref for each in bill["dependencies"] for ref in each["dependsOn"]} == refs


def test_the_same_packages_give_the_same_bytes(tmp_path: Path):
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    run("sbom.py", str(first))
    run("sbom.py", str(second))
    assert first.read_bytes() == second.read_bytes()


def test_the_wheel_holds_the_bill_of_materials(bill: dict[str, Any], tmp_path: Path):
    for name in ("pyproject.toml", "README.md", "LICENSE", "hatch_build.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    for name in ("bot", "nlu", "training"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "parley.cdx.json").write_text(json.dumps(bill))
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist"]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        ending = ".dist-info/sboms/parley.cdx.json"
        [name] = [one for one in archive.namelist() if one.endswith(ending)]
        assert json.loads(archive.read(name)) == bill


@contextmanager
def osv(vulnerable: str, status: int = 200) -> Iterator[str]:
    """OSV's batch query on loopback: ``vulnerable`` has one advisory."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            of = [each["package"]["name"] for each in body["queries"]]
            results = [{"vulns": [{"id": "GHSA-1"}]} if one == vulnerable else {} for one in of]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps({"results": results}).encode())

        def log_message(self, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_version_with_an_advisory_is_named():
    with osv("numpy") as url:
        done = run("advisories.py", url)
    assert done.returncode == 1
    assert "numpy==" in done.stdout
    assert "GHSA-1" in done.stdout


def test_where_nothing_is_known_the_check_passes():
    with osv("something-else") as url:
        assert run("advisories.py", url).returncode == 0


@pytest.mark.parametrize("status", [500, None])
def test_a_check_that_could_not_be_made_is_no_check_that_passed(status: int | None):
    if status is None:
        done = run("advisories.py", "http://127.0.0.1:9")
    else:
        with osv("numpy", status) as url:
            done = run("advisories.py", url)
    assert done.returncode == 2
    assert "nothing was checked" in done.stderr
