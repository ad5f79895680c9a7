"""A real Rasa 3.6 as a black box: trained and served as its own command does it.

``PARLEY_RASA`` names its program; ``PARLEY_RASA_MODELS`` a folder where its models are kept.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.servers import die_with_parent, free_port

RASA = os.environ.get("PARLEY_RASA", "")
TRAINED_WITHIN_S = 600
STARTED_WITHIN_S = 120
# Recordings were made with it; the store in memory forgets earlier sessions.
STORE = "tracker_store: {type: SQL, dialect: sqlite, db: rasa.db}\n"
_QUIET = {"RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}


def train(project: Path, name: str, *, core: bool = False) -> Path:
    """The model of ``project``, trained unless a model of that name is kept.

    ``core`` leaves the NLU out, for a project that has it elsewhere.
    """
    kept = Path(os.environ.get("PARLEY_RASA_MODELS") or tempfile.mkdtemp(prefix="rasa-models-"))
    model = kept / f"{name}.tar.gz"
    if not model.exists():
        domain = "domain.yml" if (project / "domain.yml").exists() else "domain"
        options = ["--fixed-model-name", name, "--domain", domain, "--out", str(kept)]
        kind = ["core"] if core else ["--skip-validation"]
        done = subprocess.run(
            [RASA, "train", *kind, *options],
            cwd=project,
            env={**os.environ, **_QUIET},
            capture_output=True,
            text=True,
            timeout=TRAINED_WITHIN_S,
            check=False,
        )
        assert model.exists(), done.stdout + done.stderr
    return model


@contextmanager
def rasa(project: Path, model: Path) -> Iterator[httpx2.Client]:
    """A client of a Rasa that serves ``model`` with the endpoints of ``project``."""
    port = free_port()
    command = [RASA, "run", "--enable-api", "--model", str(model), "--port", str(port)]
    (project / "credentials.yml").write_text("rest:\n")
    ours = (project / "endpoints.yml").read_text().strip()
    (project / "rasa.yml").write_text(f"{'' if ours == '{}' else ours}\n{STORE}")
    log = project / "rasa.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--endpoints", "rasa.yml", "--credentials", "credentials.yml"],
            cwd=project,
            env={**os.environ, **_QUIET},
            stdout=output,
            stderr=output,
            preexec_fn=die_with_parent,
        )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            _wait(client, process, log)
            yield client
    finally:
        process.terminate()
        process.wait(30)


def _wait(client: httpx2.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTED_WITHIN_S
    while True:
        try:
            if client.get("/status").status_code == 200:
                return
        except httpx2.TransportError:
            pass  # not listening yet
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
