"""The `parley` command as a user has it: a process of its own, in an environment of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

CHECKOUT = Path(__file__).parents[1]
PARLEY = Path(sys.executable).with_name("parley")
ACTIONS_PYTHON = os.environ.get("PARLEY_ACTIONS_PYTHON", str(CHECKOUT / ".venv-actions/bin/python"))
PATIENCE_S = 120.0  # two servers that start on a machine that is busy took more than 60
WEBHOOK = "/webhooks/rest/webhook"

KEYWORDS = {
    "config.yml": """
recipe: default.v1
language: en
assistant_id: strange
pipeline:
- name: WhitespaceTokenizer
- name: KeywordIntentClassifier
  case_sensitive: false
- name: RegexEntityExtractor
policies:
- name: RulePolicy
""",
    "domain.yml": """
version: "3.1"
intents: [greet, act]
entities: [number, name]
actions: [action_act]
slots:
  name: {type: text, mappings: [{type: from_entity, entity: name}]}
responses:
  utter_greet: [{text: "Hello {name}."}]
""",
    "data/nlu.yml": r"""
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hello
- regex: number
  examples: |
    - \d{4,}
rules:
- rule: greet back
  steps: [{intent: greet}, {action: utter_greet}]
- rule: act
  steps: [{intent: act}, {action: action_act}]
""",
}
"""A project that needs no model; its files by name."""


def write(folder: Path, **files: str) -> Path:
    """The keyword project in ``folder``, with other or further files."""
    for name, text in {**KEYWORDS, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def environment(home: Path, **variables: str) -> dict[str, str]:
    """Of a user who set ``variables`` and nothing else of Parley's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
    own = {"PARLEY_HOME": str(home), "PARLEY_MODELS": str(home / "models")}
    return kept | own | {"PARLEY_ACTIONS_PYTHON": ACTIONS_PYTHON} | variables


def parley(
    *arguments: str | Path, home: Path, given: bytes = b"", **variables: str
) -> subprocess.CompletedProcess[str]:
    """What `parley` with ``arguments`` did, ``given`` on its standard input."""
    done = subprocess.run(
        [PARLEY, *arguments],
        env=environment(home, **variables),
        input=given,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


class Run:
    """A `parley run` that answers, and a client of it."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
        self.process, self.url, self._log = process, url, log
        self.client = httpx2.Client(base_url=url, timeout=PATIENCE_S)

    def say(self, text: str, sender: str = "ann", **more: Any) -> list[str | None]:
        """The texts of the replies to ``text``."""
        answer = self.client.post(WEBHOOK, json={"sender": sender, "message": text, **more})
        assert answer.status_code == 200, answer.text
        return [reply.get("text") for reply in answer.json()]

    def events(self, sender: str = "ann") -> list[dict[str, Any]]:
        """Everything in the log of the conversation, as its tracker shows it."""
        tracker = self.client.get(f"/conversations/{sender}/tracker?include_events=ALL").json()
        events: list[dict[str, Any]] = tracker["events"]
        return events

    def printed(self) -> str:
        """What it wrote to the terminal so far."""
        return self._log.read_text()

    def children(self) -> list[int]:
        """The process ids of the programs it started."""
        found = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for file in found for pid in file.read_text().split()]

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Its exit status, once told to end."""
        self.client.close()
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_S)


@contextmanager
def running(
    project: Path, home: Path, variables: Mapping[str, str] | None = None, *arguments: str
) -> Iterator[Run]:
    """`parley run` on a free port, ready; ended after the block if it still runs."""
    home.mkdir(parents=True, exist_ok=True)
    log = home / "terminal"
    with log.open("wb") as terminal:
        process = subprocess.Popen(
            [PARLEY, "run", "--project", project, "--port", "0", *arguments],
            env=environment(home, **(variables or {})),
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
        )
    try:
        run = Run(process, _address(process, log), log)
        with run.client:
            yield run
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE_S)


def until(condition: Any, what: str) -> None:
    """Return once ``condition()``."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in time"
        time.sleep(0.02)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        printed = log.read_text()
        if "Ctrl-C ends it" in printed and "  shell  " in printed:
            return next(line.split()[1] for line in printed.splitlines() if "  chat  " in line)
        assert process.poll() is None, printed
        assert time.monotonic() < deadline, printed
        time.sleep(0.02)
