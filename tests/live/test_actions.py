"""Actions of a project on rasa-sdk 3.21: beside the server, and in its process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import msgspec
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.actions.protocol import read_answer
from bot.actions.remote import DIGEST_FROM_BYTES, RemoteActions
from bot.children import actions
from bot.dialogue.domain import Domain
from bot.dialogue.events import SlotSet, UserUttered
from bot.dialogue.tracker import Tracker
from bot.errors import ActionFailed
from bot.project.project import Endpoint
from tests.command import ACTIONS_PYTHON, CHECKOUT, parley, running, write
from tests.live.actions_suite import PROJECT, ActionsSuite, Conversation
from tests.live.test_server import Listening

pytestmark = pytest.mark.services

ALL_EVENTS = """
import inspect, json, sys
from datetime import datetime
from rasa_sdk import events
known = {"timestamp": None, "text": "t", "intent": "greet", "intent_name": "greet", "name": "n",
         "key": "k", "value": 1, "action_name": "action_listen", "trigger_date_time":
         datetime(2100, 1, 1), "is_interrupted": True, "validate": True}
made = []
for name, helper in inspect.getmembers(events, inspect.isfunction):
    if name.startswith("_"):
        continue
    needed = [p.name for p in inspect.signature(helper).parameters.values()
              if p.default is inspect.Parameter.empty]
    made.append(helper(**{key: known[key] for key in needed}))
json.dump({"events": made, "responses": []}, sys.stdout)
"""


def both_environments() -> str:
    """A search path with rasa-sdk before Parley's own packages: as with parley[actions]."""
    found = Path(ACTIONS_PYTHON).parents[1].glob("lib/python3.11/site-packages")
    return ":".join([*map(str, found), str(CHECKOUT)])


class TestOverHttp(ActionsSuite):
    pass


class TestOverHttpCompressed(ActionsSuite):
    variables: ClassVar = {"COMPRESS_ACTION_SERVER_REQUEST": "true"}
    tells_errors = False


class TestInProcess(ActionsSuite):
    variables: ClassVar = {"PARLEY_ACTIONS_MODULE": "actions", "PYTHONPATH": both_environments()}

    def test_an_action_that_blocks_holds_up_nobody_who_needs_none(self, run: Conversation) -> None:
        with ThreadPoolExecutor() as pool:
            blocked = pool.submit(run.texts, "/block")  # for a second
            started = time.monotonic()
            while not blocked.done():
                assert run.server.client.get("/health").status_code == 200
                assert time.monotonic() - started < 30
            assert blocked.result() == ["Blocked."]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """The action server of the package, by itself."""
    child, url = actions.start(PROJECT, ACTIONS_PYTHON)
    try:
        child.wait_until(lambda: actions.is_ready(url), within_s=actions.READY_WITHIN_S)
        yield Endpoint(url, timeout_s=20)
    finally:
        child.stop()


class Watched(httpx2.AsyncHTTPTransport):
    """The network, and what went through it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[dict[str, Any]] = []
        self.answered: list[int] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if request.url.path.endswith("webhook"):
            self.asked.append(json.loads(request.content))
            self.answered.append(response.status_code)
        return response


DOMAIN = Domain(
    actions=("action_ask_domain", "action_hello"),
    raw={"actions": ["action_ask_domain", "action_hello"], "responses": {"utter_named": []}},
)
LARGE = Domain(
    actions=DOMAIN.actions,
    raw={"actions": list(DOMAIN.actions), "responses": {"utter_x": "x" * DIGEST_FROM_BYTES}},
)


async def ask(remote: RemoteActions, domain: Domain = LARGE) -> str:
    answer = await remote.run(
        "action_ask_domain", Tracker.start("ada", domain), domain, call_id="1"
    )
    text: str = answer.responses[0]["text"]
    return text


async def test_a_large_domain_is_sent_once(endpoint: Endpoint) -> None:
    network = Watched()
    async with RemoteActions(endpoint, transport=network) as remote:
        assert [await ask(remote) for _ in range(3)] == ["2 actions"] * 3
    question, first, *others = network.asked
    assert network.answered == [449, 200, 200, 200]
    assert question["tracker"] is None
    assert first["domain"]["actions"] == list(LARGE.actions)
    assert ["domain" in each for each in others] == [False, False]
    assert {each["domain_digest"] for each in (first, *others)} == {first["domain_digest"]}


async def test_a_domain_that_another_took_the_place_of_is_sent_again(endpoint: Endpoint) -> None:
    network = Watched()
    other = msgspec.structs.replace(LARGE, raw={**LARGE.raw, "actions": ["one"]})
    async with (
        RemoteActions(endpoint, transport=network) as remote,
        RemoteActions(endpoint) as another,
    ):
        assert await ask(remote) == "2 actions"
        assert await ask(another, other) == "1 actions"
        assert await ask(remote) == "2 actions"
    assert network.answered == [449, 200, 449, 200]


async def test_a_small_domain_goes_with_each_call_as_from_rasa(endpoint: Endpoint) -> None:
    network = Watched()
    async with RemoteActions(endpoint, transport=network) as remote:
        assert [await ask(remote, DOMAIN) for _ in range(2)] == ["2 actions"] * 2
    assert [sorted(each) for each in network.asked] == [
        ["domain", "next_action", "sender_id", "tracker", "version"]
    ] * 2


async def test_a_selective_endpoint_learns_that_the_server_keeps_domains(
    endpoint: Endpoint,
) -> None:
    network = Watched()
    selective = msgspec.structs.replace(endpoint, selective_domain=True)
    async with RemoteActions(selective, transport=network) as remote:
        assert [await ask(remote, DOMAIN) for _ in range(3)] == ["2 actions"] * 3
    assert network.answered == [449, 200, 200, 200]


async def test_an_action_that_takes_too_long_is_given_up(endpoint: Endpoint) -> None:
    impatient = msgspec.structs.replace(endpoint, timeout_s=0.3)
    async with RemoteActions(impatient) as remote:
        with pytest.raises(ActionFailed, match=r"no answer within 0\.3 s"):
            await remote.run("action_slow", Tracker.start("ada", DOMAIN), DOMAIN, call_id="1")


async def test_a_server_is_believed_only_with_a_certificate_that_is_trusted(tmp_path: Path) -> None:
    key, certificate = certified(tmp_path)
    seen: list[httpx2.Headers] = []

    async def action_server(scope: Any, receive: Any, send: Any) -> None:
        seen.append(httpx2.Headers(scope["headers"]))
        assert scope["query_string"] == b"token=t"
        start = {"type": "http.response.start", "status": 200, "headers": []}
        await send(start)
        await send({"type": "http.response.body", "body": b'{"events": []}'})

    config = uvicorn.Config(
        action_server, port=0, log_level="error", lifespan="off", ssl_keyfile=key,
        ssl_certfile=certificate,
    )  # fmt: skip
    server = Listening(config)
    task = asyncio.create_task(server.serve())
    await server.listening.wait()
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"https://localhost:{port}/webhook"
        trusted = Endpoint(
            url, token="t", headers={"X-Tenant": "shop"}, basic_auth=("u", "p"), cafile=certificate
        )
        tracker = Tracker.start("ada", DOMAIN)
        async with RemoteActions(trusted) as remote:
            await remote.run("action_x", tracker, DOMAIN, call_id="1")
        assert seen[0]["x-tenant"] == "shop"
        assert seen[0]["authorization"].startswith("Basic ")
        async with RemoteActions(Endpoint(url), call_again_s=()) as remote:
            with pytest.raises(ActionFailed, match=r"cannot be reached .*certificate"):
                await remote.run("action_x", tracker, DOMAIN, call_id="1")
    finally:
        server.should_exit = True
        await task


def certified(folder: Path) -> tuple[str, str]:
    """The files of a key and of a certificate for localhost, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    return str(folder / "key.pem"), str(folder / "certificate.pem")


@pytest.fixture(scope="module")
def every_event() -> bytes:
    """An answer with each event rasa-sdk has a helper for, as the helper writes it."""
    done = subprocess.run([ACTIONS_PYTHON, "-c", ALL_EVENTS], capture_output=True, check=True)
    # What is no JSON by itself, an action server writes as text.
    return done.stdout


def test_every_event_that_the_sdk_can_write_is_read(every_event: bytes) -> None:
    events = read_answer("action_x", every_event).events
    assert len(events) == len(json.loads(every_event)["events"]) >= 20
    assert SlotSet(name="k") in events
    assert any(isinstance(event, UserUttered) for event in events)


def test_what_keeps_actions_from_running_in_the_process_is_a_sentence(tmp_path: Path) -> None:
    project = write(tmp_path / "project", **{"actions.py": "import no_such_module\n"})
    here = ("run", "--project", project, "--port", "0", "--actions-in-process")
    broken = parley(*here, home=tmp_path, PYTHONPATH=both_environments())
    assert broken.returncode == 1
    assert "actions.py:1: ModuleNotFoundError: No module named 'no_such_module'" in broken.stderr
    assert "Traceback" not in broken.stderr
    missing = parley(*here, home=tmp_path)
    assert missing.returncode == 1
    assert "install parley[actions]" in missing.stderr.replace("\n", " ")


def test_endpoints_yml_may_name_the_package(tmp_path: Path) -> None:
    says = 'from rasa_sdk import Action\nclass A(Action):\n  def name(self): return "action_act"\n'
    says += '  def run(self, d, t, domain): d.utter_message("here"); return []\n'
    endpoints = "action_endpoint: {actions_module: own.code}\n"
    files = {"own/__init__.py": "", "own/code.py": says, "endpoints.yml": endpoints}
    project = write(tmp_path / "project", **files)
    with running(project, tmp_path / "home", {"PYTHONPATH": both_environments()}) as run:
        assert run.say("/act") == ["here"]
