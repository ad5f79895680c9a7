"""Redis and the action server beside `parley run`: they start, die and come back as they should."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.children import actions, redis
from bot.children.child import Child, ChildFailed
from bot.children.home import held
from bot.children.watch import Watch
from bot.errors import SettingsError

pytestmark = pytest.mark.services
CHECKOUT = Path(__file__).parents[2]
ACTIONS_PYTHON = os.environ.get("PARLEY_ACTIONS_PYTHON", str(CHECKOUT / ".venv-actions/bin/python"))


def until(condition: Callable[[], bool], within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"  # ended; whoever adopted it has not looked yet


def ask(url: str, command: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(url.removeprefix("unix://"))
        connection.sendall(command + b"\r\n")
        return connection.recv(100)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "actions").mkdir()
    (tmp_path / "actions/__init__.py").write_text(
        textwrap.dedent(
            """
            from rasa_sdk import Action

            class Hello(Action):
                def name(self):
                    return "action_hello"

                def run(self, dispatcher, tracker, domain):
                    return []
            """
        )
    )
    return tmp_path


def test_redis_keeps_what_it_was_told_over_a_clean_stop(tmp_path: Path):
    child, url = redis.start(tmp_path)
    assert ask(url, b"SET slot tent") == b"+OK\r\n"
    child.stop()
    child, url = redis.start(tmp_path)
    assert b"tent" in ask(url, b"GET slot")
    child.stop()


def test_redis_listens_on_no_port_and_for_its_owner_only(tmp_path: Path):
    child, url = redis.start(tmp_path)
    assert b"\r\n0\r\n" in ask(url, b"CONFIG GET port")
    assert Path(url.removeprefix("unix://")).stat().st_mode & 0o077 == 0
    child.stop()


def test_a_socket_left_behind_is_no_obstacle(tmp_path: Path):
    child, _ = redis.start(tmp_path)
    os.kill(child.pid, signal.SIGKILL)
    until(lambda: not child.alive)
    assert (tmp_path / "redis/redis.sock").exists()
    child, url = redis.start(tmp_path)
    assert ask(url, b"PING") == b"+PONG\r\n"
    child.stop()


def test_a_redis_whose_parent_is_gone_is_ended_before_the_next(tmp_path: Path):
    orphan, _ = redis.start(tmp_path)
    child, url = redis.start(tmp_path)
    until(lambda: not orphan.alive)
    assert ask(url, b"PING") == b"+PONG\r\n"
    child.stop()


def test_a_home_with_a_very_long_path_works_too(tmp_path: Path):
    home = tmp_path / ("long" * 20) / ("path" * 20)
    child, url = redis.start(home)
    assert ask(url, b"PING") == b"+PONG\r\n"
    child.stop()


def test_both_children_die_with_a_parent_that_is_killed(tmp_path: Path, project: Path):
    program = f"""
import sys, time
from pathlib import Path
from bot.children import actions, redis
one, _ = redis.start(Path({str(tmp_path / "home")!r}))
two, _ = actions.start(Path({str(project)!r}), {ACTIONS_PYTHON!r})
print(one.pid, two.pid, flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: all(gone(pid) for pid in pids))


def test_a_child_that_ends_is_started_again(tmp_path: Path):
    child, url = redis.start(tmp_path)
    first = child.pid
    with Watch([child]):
        os.kill(first, signal.SIGKILL)
        until(lambda: child.pid != first)
        child.wait_until(lambda: _pong(url), within_s=20)
    assert not child.alive


def _pong(url: str) -> bool:
    try:
        return ask(url, b"PING") == b"+PONG\r\n"
    except OSError:
        return False


def test_the_action_server_answers_on_loopback_only(project: Path):
    child, url = actions.start(project, ACTIONS_PYTHON)
    child.wait_until(lambda: actions.is_ready(url), within_s=60)
    with urllib.request.urlopen(url.replace("webhook", "actions"), timeout=10) as answer:
        assert b"action_hello" in answer.read()
    assert url.startswith("http://127.0.0.1:")
    child.stop()


def test_actions_that_cannot_be_imported_end_the_start_with_the_reason(
    project: Path, capfd: pytest.CaptureFixture[str]
):
    (project / "actions/__init__.py").write_text("import no_such_module")
    child, url = actions.start(project, ACTIONS_PYTHON)
    with pytest.raises(ChildFailed, match="the action server ended"):
        child.wait_until(lambda: actions.is_ready(url), within_s=60)
    child.stop()
    assert "no_such_module" in capfd.readouterr().err


def test_a_python_without_rasa_sdk_is_named():
    with pytest.raises(SettingsError, match=r"has no rasa-sdk: install parley\[actions\]"):
        actions.interpreter(sys.executable)


def test_a_python_that_does_not_exist_is_named():
    with pytest.raises(SettingsError, match="no program 'no-such-python'"):
        actions.interpreter("no-such-python")


def test_no_redis_anywhere_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="no Redis: set PARLEY_REDIS_URL"):
        redis.find_server()


def test_a_home_in_use_names_its_process(tmp_path: Path):
    again = held(tmp_path)
    with held(tmp_path), pytest.raises(SettingsError, match=f"process {os.getpid()}"), again:
        pass


def test_a_home_whose_process_was_killed_is_free(tmp_path: Path):
    program = f"""
import time
from pathlib import Path
from bot.children.home import held
with held(Path({str(tmp_path)!r})):
    print("held", flush=True)
    time.sleep(600)
"""
    other = subprocess.Popen(
        [sys.executable, "-c", program], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout
    assert other.stdout.readline() == "held\n"
    with pytest.raises(SettingsError, match=f"process {other.pid}"), held(tmp_path):
        pass
    other.kill()
    other.wait()
    other.stdout.close()
    with held(tmp_path):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_a_program_that_will_not_listen_is_killed(tmp_path: Path):
    stubborn = "import signal, time; signal.signal(15, 1); print(flush=True); time.sleep(99)"
    log = tmp_path / "log"
    child = Child("stubborn", [sys.executable, "-c", stubborn], log=log)
    child.wait_until(lambda: log.exists() and log.stat().st_size > 0, within_s=20)
    child.stop(within_s=0.1)
    assert not child.alive
