"""Every RUN line of the Dockerfile, executed for real in a clean folder; then what came of it.

There is no container engine here, so the images' contents are made by the very lines that would
make them, with ROOT pointing to a temporary folder.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bot.settings import Settings, variable
from tests.servers import Valkey

CHECKOUT = Path(__file__).parents[2]
DOCKERFILE = (CHECKOUT / "Dockerfile").read_text()
pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the build stage's COPY and RUN lines were carried out."""
    source, root = tmp_path_factory.mktemp("src"), tmp_path_factory.mktemp("image")
    build_stage = DOCKERFILE.split("\nFROM ")[1]
    for names in re.findall(r"^COPY (?!--from)(.+) \S+$", build_stage, re.MULTILINE):
        for name in names.split():
            target = source / name
            subprocess.run(["cp", "-r", str(CHECKOUT / name), str(target)], check=True)
    python = Path(sys.executable).resolve().parent
    environ = {"PATH": f"{python}:/usr/bin:/bin", "ROOT": str(root), "HOME": str(root)}
    kept = ("PIP_", "SSL_", "HTTP", "http", "no_proxy", "NO_PROXY", "REQUESTS_")
    environ |= {name: value for name, value in os.environ.items() if name.startswith(kept)}
    runs = re.findall(r"^RUN (.+)$", build_stage, re.MULTILINE)
    assert len(runs) >= 5
    for line in runs:
        done = subprocess.run(
            ["/bin/sh", "-c", line], cwd=source, env=environ, capture_output=True, text=True
        )
        assert done.returncode == 0, f"RUN {line}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return root


@pytest.fixture(scope="module")
def project(image: Path) -> Path:
    """A new project made by the installed command, outside the checkout."""
    folder = image / "new-bot"
    done = parley(image, "init", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def parley(image: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(image / "serve/bin/parley"), *arguments],
        cwd=image,
        env=environment(image),
        capture_output=True,
        text=True,
        timeout=60,
    )


def environment(image: Path) -> dict[str, str]:
    return {"PATH": f"{image}/serve/bin:/usr/bin:/bin", "HOME": str(image), "LANG": "C.UTF-8"}


def test_every_stage_but_the_first_only_copies_and_runs_nothing():
    later = DOCKERFILE.split("\nFROM ")[2:]
    assert len(later) == 2
    assert not any(re.search(r"^RUN ", stage, re.MULTILINE) for stage in later)


def test_both_images_run_as_an_ordinary_user_and_have_a_health_check():
    for stage in DOCKERFILE.split("\nFROM ")[2:]:
        assert re.search(r"^USER 10001", stage, re.MULTILINE)
        assert re.search(r"^HEALTHCHECK ", stage, re.MULTILINE)


def test_the_installed_command_explains_itself(image: Path):
    done = parley(image, "--help")
    assert done.returncode == 0, done.stderr
    assert all(word in done.stdout for word in ("init", "train", "run", "shell", "check", "db"))


def test_the_new_project_has_no_problems(image: Path, project: Path):
    done = parley(image, "check", "--project", str(project))
    assert done.returncode == 0, done.stdout + done.stderr


def test_training_without_the_extra_is_one_sentence(image: Path, project: Path):
    done = parley(image, "train", "--project", str(project))
    assert done.returncode == 1
    assert "parley[train]" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_serving_image_has_no_torch_and_is_small(image: Path):
    packages = image / "serve/lib/python3.11/site-packages"
    assert not (packages / "torch").exists()
    assert not (packages / "transformers").exists()
    sizes = [
        file.stat().st_size
        for file in packages.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    ]
    assert sum(sizes) < 350e6


def test_the_action_image_has_the_real_sdk(image: Path):
    show = "import rasa_sdk; print(rasa_sdk.__version__)"
    done = subprocess.run(
        [str(image / "actions/bin/python"), "-c", show], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "3.21.1"


def test_the_image_serves_a_project_and_its_health_check_sees_it(
    image: Path, project: Path, own_valkey: Valkey
):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"PARLEY_REDIS_URL": own_valkey.url, "PARLEY_ACTIONS_URL": "http://127.0.0.1:9/"}
    server = subprocess.Popen(
        [
            f"{image}/serve/bin/parley",
            "run",
            "--project",
            str(project),
            "--port",
            str(port),
            "--nlu",
            "none",
        ],
        cwd=image,
        env=environment(image) | settings | {"PARLEY_HOME": str(image / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        check = [f"{image}/serve/bin/python", str(CHECKOUT / "bot/children/healthcheck.py")]
        deadline = time.monotonic() + 60
        while subprocess.run(
            [*check, f"http://127.0.0.1:{port}/health"], capture_output=True
        ).returncode:
            assert server.poll() is None, server.stdout and server.stdout.read()
            assert time.monotonic() < deadline
        ready = [*check, f"http://127.0.0.1:{port}/ready"]
        assert subprocess.run(ready, capture_output=True).returncode == 0
        own_valkey.kill()
        assert subprocess.run(ready, capture_output=True).returncode == 1
        body = json.dumps({"sender": "ana", "message": "/greet"}).encode()
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}/webhooks/rest/webhook", body, timeout=30
        ) as answer:
            assert json.load(answer)[0]["recipient_id"] == "ana"
    finally:
        server.terminate()
        server.communicate(timeout=30)
    assert server.returncode in (0, 143, -15)


def test_compose_names_only_real_settings_and_stages():
    compose = YAML(typ="safe").load((CHECKOUT / "compose.yaml").read_text())
    known = {variable(name) for name in Settings.model_fields}
    stages = set(re.findall(r"^FROM \S+ AS (\w+)$", DOCKERFILE, re.MULTILINE))
    for service in compose["services"].values():
        ours = {name for name in service.get("environment", {}) if name.startswith("PARLEY_")}
        assert ours <= known
        if "build" in service:
            assert service["build"]["target"] in stages
    named = set(re.findall(r"\b(PARLEY_[A-Z_]+)=", DOCKERFILE))
    assert named <= known
