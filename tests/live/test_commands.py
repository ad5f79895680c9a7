"""The commands told something wrong: one sentence and a status that is not zero, no traceback.

Where a process matters the command is one; where the sentence alone does, it runs in this one.
"""

from __future__ import annotations

import json
import logging
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import structlog

from bot.cli import main
from tests.command import KEYWORDS, PARLEY, environment, parley, running, until, write
from tests.unit.nlu.conftest import make_bundle  # noqa: F401 (a fixture)

pytestmark = pytest.mark.services

DOMAIN, DATA = KEYWORDS["domain.yml"], KEYWORDS["data/nlu.yml"]
WRONG = {
    "malformed YAML": (
        {"domain.yml": "intents: [greet\nslots: {}\n"},
        "domain.yml:2:6: not valid YAML",
    ),
    "unknown slot type": (
        {"domain.yml": DOMAIN.replace("type: text", "type: flaot")},
        "domain.yml:7:16: slot 'name' has type 'flaot'. Did you mean 'float'?",
    ),
    "unknown action": (
        {"data/nlu.yml": DATA.replace("action: action_act", "action: action_atc")},
        "data/nlu.yml:14:35: the rule 'act' names the action 'action_atc'",
    ),
    "duplicate intents": (
        {"domain.yml": DOMAIN.replace("[greet, act]", "[greet, act, greet]")},
        "domain.yml:3:23: 'greet' stands twice under intents",
    ),
    "empty": ({}, "there is no domain.yml and no domain folder."),
}


Tell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Tell]:
    """Runs `parley` in this process, as `parley()` does in one of its own."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        for name in [name for name in os.environ if name.startswith("PARLEY_")]:
            monkeypatch.delenv(name)
        for name, value in environment(tmp_path / "home", **variables).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["parley", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return subprocess.CompletedProcess(
            sys.argv, int(ended.value.code or 0), *capfd.readouterr()
        )

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a command that failed as it should."""
    assert done.returncode == 1, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("parley: ")
    return line


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(tmp_path / "project")


@pytest.mark.parametrize(
    "command", ["init", "run", "shell", "check", "db upgrade", "version", "train", "evaluate"]
)
def test_every_command_explains_itself(tell: Tell, command: str):
    done = tell(*command.split(), "--help")
    assert done.returncode == 0
    usage = next(line for line in done.stdout.splitlines() if "Usage:" in line)
    assert f"parley {command} " in usage
    assert len(done.stdout.splitlines()) > 5


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("command", ["check", "run", "shell"])
def test_a_project_with_a_mistake_is_named_with_its_place(
    tell: Tell, tmp_path: Path, wrong: str, command: str
):
    files, message = WRONG[wrong]
    folder = tmp_path / "project"
    folder.mkdir()
    if files:
        write(folder, **files)
    done = tell(command, "--project", folder)
    if command == "check":
        assert done.returncode == 1
        assert [line for line in done.stdout.splitlines() if message in line]
        assert "1 error, " in done.stdout
        assert done.stderr == ""
    else:
        assert message in sentence(done)


@pytest.mark.parametrize("command", ["train", "db upgrade"])
@pytest.mark.parametrize("wrong", ["malformed YAML", "empty"])
def test_other_commands_name_it_too(tell: Tell, tmp_path: Path, wrong: str, command: str):
    files, message = WRONG[wrong]
    folder = tmp_path / "project"
    folder.mkdir()
    if files:
        write(folder, **files)
    done = tell(*command.split(), "--project", folder)
    assert message in sentence(done)


def test_a_domain_that_cannot_be_read_is_the_only_problem(tell: Tell, tmp_path: Path):
    (write(tmp_path / "project") / "domain.yml").write_bytes(b"intents: [caf\xe9]\n")
    done = tell("check", "--project", tmp_path / "project")
    assert done.stdout.count("error:") == 1
    assert "warning" not in done.stdout.replace("0 warnings", "")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"PARLEY_PORT": "abc"}, "PARLEY_PORT is 'abc', but it should be a valid integer"),
        ({"PARLEY_NLU": "some"}, "PARLEY_NLU is 'some', but it should be 'auto' or 'none'"),
        ({"PARLEY_HOST": "192.0.2.1"}, "192.0.2.1:0: cannot assign requested address. Choose an"),
        ({"PARLEY_REDIS_URL": "redis://:secret@127.0.0.1:9/0"}, "The Redis at 127.0.0.1:9 cannot"),
        ({"PARLEY_REDIS_URL": "unix:///nowhere/redis.sock"}, "The Redis at /nowhere/redis.sock"),
        ({"PARLEY_DATABASE_URL": "postgresql://u:secret@127.0.0.1:9/x"}, "u:***@127.0.0.1:9/x"),
        ({"PARLEY_DATABASE_URL": "mysql://127.0.0.1/x"}, "The database URL names 'mysql'"),
        ({"PARLEY_HOME": "{project}/config.yml"}, "PARLEY_HOME: cannot write to"),
    ],
)
def test_a_setting_that_is_wrong_is_named(
    tell: Tell, project: Path, variables: dict[str, str], message: str
):
    given = {name: value.format(project=project) for name, value in variables.items()}
    done = tell("run", "--project", project, *_port(given), **given)
    line = sentence(done)
    assert message in line
    assert "secret" not in line


def _port(given: dict[str, str]) -> list[str]:
    return [] if "PARLEY_PORT" in given else ["--port", "0"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("redis", "PARLEY_HOME: cannot write to"), ("parley.db", "cannot be upgraded now")],
)
def test_a_home_that_holds_something_else_is_named(
    tell: Tell, tmp_path: Path, project: Path, name: str, message: str
):
    home = tmp_path / "home"
    home.mkdir()
    (home / name).write_text("something else, and long enough to be looked at" * 3)
    line = sentence(tell("run", "--project", project, "--port", "0"))
    assert message in line
    assert name in line


def test_a_port_in_use_and_a_home_in_use_are_named(tmp_path: Path, project: Path):
    home = tmp_path / "home"
    with running(project, home) as run:
        port = run.url.rstrip("/").rpartition(":")[2]
        taken = parley("run", "--project", project, "--port", port, home=tmp_path / "other")
        assert f"127.0.0.1:{port}: address already in use" in sentence(taken)
        second = parley("run", "--project", project, "--port", "0", home=home)
        assert f"another Parley (process {run.process.pid}) runs on {home}" in sentence(second)
        assert run.say("hello") == ["Hello None."]


@pytest.mark.parametrize("module", ["typer", "structlog", "websockets"])
def test_a_missing_module_is_named(tmp_path: Path, project: Path, module: str):
    package = tmp_path / "stubs" / module
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        f"raise ModuleNotFoundError('No module named {module}', name={module!r})"
    )
    line = sentence(
        parley(
            *("run", "--project", project, "--port", "0"),
            home=tmp_path / "home",
            PYTHONPATH=str(package.parent),
        )
    )
    assert f"the Python module '{module}' is missing" in line


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def run(:\n", "actions: actions/shop.py:1: SyntaxError"),
        ("\nimport no_such_module\n", "actions: actions/shop.py:2: ModuleNotFoundError: No module"),
        ("\n\n1 / 0\n", "actions: actions/shop.py:3: ZeroDivisionError: division by zero"),
    ],
)
def test_actions_that_cannot_be_imported_are_named_with_their_place(
    tmp_path: Path, code: str, message: str
):
    folder = write(tmp_path / "project", **{"actions/__init__.py": "", "actions/shop.py": code})
    done = parley("run", "--project", folder, "--port", "0", home=tmp_path / "home")
    said, last = done.stderr.splitlines()
    assert said.startswith(message)
    assert last == "parley: the action server ended at its start. What it said is above."
    assert done.returncode == 1


@pytest.mark.parametrize("command", ["run", "shell"])
def test_a_tampered_model_is_refused_and_the_file_named(
    tell: Tell,
    tmp_path: Path,
    make_bundle,  # noqa: F811
    command: str,
):
    pipeline = KEYWORDS["config.yml"].replace("KeywordIntentClassifier", "DIETClassifier")
    config = pipeline.replace("  case_sensitive: false\n", "")
    folder = write(tmp_path / "project", **{"config.yml": config})
    bundle = make_bundle(version="v1")
    (bundle.parent / "current").write_text("v1\n")
    models = {"PARLEY_MODELS": str(bundle.parent), "PARLEY_PORT": "0"}
    assert parley("shell", "--project", folder, home=tmp_path, **models).returncode == 0
    for name in ("model.onnx", "tokenizer.json"):
        before = (bundle / name).read_bytes()
        (bundle / name).write_bytes(before[:-1] + b"\x00")
        done = tell(command, "--project", folder, **models)
        assert f"{bundle / name} is not the file that was published" in sentence(done)
        (bundle / name).write_bytes(before)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_it_ends_its_children_end_and_the_next_start_is_fine(
    tmp_path: Path, project: Path, how: signal.Signals
):
    with running(project, tmp_path / "home") as run:
        assert run.say('/greet{"name": "Ada"}') == ["Hello Ada."]
        children = run.children()
        assert children
        status = run.end(how)
        assert status == (-how if how is signal.SIGKILL else 0)
        until(lambda: not any(map(_lives, children)), "the end of the children")
        assert "Traceback" not in run.printed()
    with running(project, tmp_path / "home") as run:
        assert run.say("hello") == ["Hello Ada."]


def _lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_the_shell_reads_a_pipe_to_its_end_whatever_it_holds(tmp_path: Path, project: Path):
    given = b'/greet{"name": "Zo\xc3\xab"}\n\nbad \xff\xfe\x00\xed\xa0\x80 bytes\n' + b"x" * 100_000
    done = parley("shell", "--project", project, home=tmp_path, given=given + b"\nhello")
    assert done.returncode == 0, done.stderr
    _, *said = done.stdout.splitlines()
    assert said == ["Hello Zoë.", "Hello Zoë."]
    assert done.stderr == ""


def test_the_shell_shows_what_a_turn_was_made_of(tmp_path: Path, project: Path):
    given = b'/greet{"name": "Ada"}\n/quit\nhello\n'
    done = parley("shell", "--debug", "--project", project, home=tmp_path, given=given)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[3:] == [
        "  · intent greet 1.00",
        "  · entity name = 'Ada' (RegexMessageHandler)",
        "  · slot name = 'Ada'",
        "  · action utter_greet (RulePolicy 1.00)",
        "  · action action_listen (RulePolicy 1.00)",
        "Hello Ada.",
    ]


def test_the_shell_shows_how_messages_are_understood(tmp_path: Path, project: Path):
    given = '/greet{"name": "Zoë"}\n\nhello\n/quit\nhello\n'.encode()
    done = parley("shell", "nlu", "--project", project, home=tmp_path, given=given)
    assert done.returncode == 0, done.stderr
    first, second = json.loads("[" + done.stdout.replace("}\n{", "},{") + "]")
    assert (first["intent"]["name"], first["entities"][0]["value"]) == ("greet", "Zoë")
    assert (second["text"], second["intent"]["name"]) == ("hello", "greet")


def test_the_shell_needs_no_redis_and_no_letters_beyond_ascii(tmp_path: Path, project: Path):
    given = '/greet{"name": "Zoë"}\n'.encode()
    variables = {"PARLEY_REDIS_URL": "redis://127.0.0.1:9/0", "PYTHONIOENCODING": "ascii"}
    done = parley("shell", "--project", project, home=tmp_path, given=given, **variables)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("Hello Zo?")


def test_ctrl_c_ends_the_shell_without_a_traceback(tmp_path: Path, project: Path):
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [PARLEY, "shell", "--project", project],
        env=environment(tmp_path),
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
        # Who runs the tests in the background has it ignored, and so would they.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(its)
    shown = b""
    try:
        while not shown.endswith(b"> "):
            shown += os.read(ours, 1024)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    finally:
        process.kill()
        process.wait()
    with open(ours, "rb", buffering=0) as terminal:  # noqa: PTH123 (a descriptor)
        os.set_blocking(ours, False)
        with suppress(OSError):  # a terminal nobody has open any more
            shown += terminal.read() or b""
    assert b"Traceback" not in shown


def test_a_model_that_was_never_trained_is_asked_for(tell: Tell, tmp_path: Path):
    folder = tmp_path / "new"
    assert tell("init", folder).returncode == 0
    line = sentence(tell("run", "--project", folder, "--port", "0"))
    assert f"Run `parley train --project {folder}`, or serve without: `--nlu none`." in line


def test_a_port_that_another_program_has_is_named(tell: Tell, project: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = tell("run", "--project", project, "--port", port)
    assert f"127.0.0.1:{port}: address already in use. Stop what is there" in sentence(done)
