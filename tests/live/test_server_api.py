"""`parley run` with its options: HTTPS, models that change under load, who may call."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.sync.client import connect

from bot.model.package import pack
from tests.command import PATIENCE_S, WEBHOOK, Run, parley, running, until, write

pytestmark = pytest.mark.services
PASSWORD = b"opens the key"


def certificate(folder: Path, *, password: bytes | None = None) -> tuple[Path, Path]:
    """A certificate for this machine, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "parley test")])
    now = datetime.now(UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    locked: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        locked = serialization.BestAvailableEncryption(password)
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "server.crt", folder / "server.key"
    files[0].write_bytes(built.public_bytes(pem))
    files[1].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, locked))
    return files


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(tmp_path / "project")


@pytest.mark.parametrize("password", [None, PASSWORD])
def test_https_and_wss_with_a_certificate(project: Path, tmp_path: Path, password: bytes | None):
    crt, key = certificate(tmp_path / "tls", password=password)
    options = ["--ssl-certificate", str(crt), "--ssl-keyfile", str(key)]
    variables = {"PARLEY_SSL_PASSWORD": password.decode()} if password else {}
    with running(project, tmp_path / "home", variables, *options) as run:
        trusting = ssl.create_default_context(cafile=crt)
        assert run.url.startswith("https://")
        with httpx2.Client(base_url=run.url, verify=trusting, timeout=PATIENCE_S) as client:
            said = client.post(WEBHOOK, json={"sender": "ann", "message": "hello"})
            assert said.json()[0]["text"] == "Hello None."
        page = f"{run.url.replace('https', 'wss')}webhooks/web/socket"
        with connect(page, ssl=trusting) as socket:
            socket.send('{"type": "begin"}')
            assert json.loads(socket.recv(10))["type"] == "begun"
        with pytest.raises(httpx2.HTTPError):
            httpx2.get(run.url)  # nobody it trusts has signed that
        with pytest.raises(httpx2.HTTPError):
            httpx2.get(run.url.replace("https", "http"))
        assert run.end() == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--ssl-certificate", "nowhere.crt"], "there is no nowhere.crt"),
        (["--ssl-keyfile", "server.key"], "PARLEY_SSL_CERTIFICATE"),
        (["--ssl-certificate", "server.key"], "HTTPS cannot be served"),
        (["--ssl-certificate", "server.crt"], "HTTPS cannot be served"),
        (["--ssl-certificate", "server.crt", "--ssl-keyfile", "server.key"], "PARLEY_SSL_PASSWORD"),
    ],
)
def test_a_certificate_that_is_none_stops_the_start(
    project: Path, tmp_path: Path, options: list[str], said: str, monkeypatch
):
    certificate(tmp_path / "tls", password=PASSWORD)
    monkeypatch.chdir(tmp_path / "tls")
    done = parley("run", "--project", project, "--port", "0", *options, home=tmp_path / "home")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def packed(folder: Path, greeting: str) -> Path:
    """A package of a bot that greets so."""
    project = write(folder / greeting)
    domain = project / "domain.yml"
    domain.write_text(domain.read_text().replace("Hello {name}.", greeting))
    package = folder / f"{greeting}.tar.gz"
    pack(project, folder / "none", package)
    return package


def test_no_turn_is_lost_or_mixed_while_models_change(project: Path, tmp_path: Path):
    """Every message of four users is answered once, by the model that served then."""
    greetings = [f"G{number}" for number in range(4)]
    packages = [packed(tmp_path, greeting) for greeting in greetings]
    answers: list[tuple[str, int, str]] = []
    over = threading.Event()

    def talk(run: Run, sender: str) -> None:
        number = 0
        with httpx2.Client(base_url=run.url, timeout=PATIENCE_S) as client:
            while not over.is_set() or number < 20:
                body = {"sender": sender, "message": "hello", "message_id": f"m-{number}"}
                (reply,) = client.post(WEBHOOK, json=body).json()
                answers.append((sender, number, reply["text"]))
                number += 1

    with running(project, tmp_path / "home") as run:
        users = [threading.Thread(target=talk, args=(run, f"user {n}")) for n in range(4)]
        for user in users:
            user.start()
        try:
            for greeting, package in zip(greetings * 2, packages * 2, strict=True):
                put = run.client.put("/model", json={"model_file": str(package)})
                assert put.status_code == 204, put.text
                assert run.client.get("/status").json()["model_file"] == package.name
                assert run.say("hello", sender="asking") == [greeting]
        finally:
            over.set()
            for user in users:
                user.join()
        said = {text for _, _, text in answers}
        assert set(greetings) <= said <= {*greetings, "Hello None."}
        for sender in {sender for sender, _, _ in answers}:
            told = [number for who, number, _ in answers if who == sender]
            events = [event["event"] for event in run.events(sender)]
            assert told == list(range(len(told)))
            assert events.count("user") == events.count("bot") == len(told)
        assert run.end() == 0
        assert "Traceback" not in run.printed()


def test_messages_without_a_model_are_answered_when_one_serves(project: Path, tmp_path: Path):
    with running(project, tmp_path / "home") as run:
        assert run.say("hello") == ["Hello None."]
        assert run.client.delete("/model").status_code == 204
        body = {"sender": "ann", "message": '/greet{"name": "Ada"}', "message_id": "m-1"}
        assert run.client.post(WEBHOOK, json=body).json() == []
        assert run.client.get("/ready").status_code == 503
        put = run.client.put("/model", json={"model_file": str(packed(tmp_path, "Back {name}."))})
        assert put.status_code == 204
        assert run.client.post(WEBHOOK, json=body).json()[0]["text"] == "Back Ada."
        assert run.client.get("/ready").status_code == 200


@pytest.mark.parametrize("content", [b"", b"no package", b"\x1f\x8b and no more"])
def test_what_is_no_package_leaves_what_serves(project: Path, tmp_path: Path, content: bytes):
    (project / "bad.tar.gz").write_bytes(content)
    with running(project, tmp_path / "home") as run:
        for name in ("bad.tar.gz", "nowhere.tar.gz", "../../../etc/passwd", "\x00", "x" * 5000):
            answer = run.client.put("/model", json={"model_file": name})
            assert answer.status_code == 400, name
        for body in ({}, {"remote_storage": "aws"}, {"model_server": {"url": "nonsense"}}):
            assert run.client.put("/model", json=body).status_code == 400
        assert run.say("hello") == ["Hello None."]


class Shelf(BaseHTTPRequestHandler):
    """A model server; ``etag`` names the state of the package it has."""

    package: ClassVar[Path]
    etag: ClassVar[str] = '"1"'
    asked: ClassVar[list[str | None]]

    def do_GET(self) -> None:
        known = self.headers.get("If-None-Match")
        type(self).asked.append(known)
        content = b"" if known == self.etag else self.package.read_bytes()
        self.send_response(200 if content else 304)
        self.send_header("ETag", self.etag)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[tuple[type[Shelf], str]]:
    shelf: Any = type("OwnShelf", (Shelf,), {"asked": [], "package": packed(tmp_path, "First")})
    server = ThreadingHTTPServer(("127.0.0.1", 0), shelf)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield shelf, f"http://127.0.0.1:{server.server_address[1]}/models/default"
    server.shutdown()
    server.server_close()


def test_models_are_pulled_from_the_server_of_endpoints_yml(
    project: Path, tmp_path: Path, shelf: tuple[type[Shelf], str]
):
    its, url = shelf
    (project / "endpoints.yml").write_text(
        f"models: {{url: '{url}', wait_time_between_pulls: 1}}\n"
    )
    with running(project, tmp_path / "home") as run:
        until(lambda: run.say("hello") == ["First"], "the first package")
        its.package, its.etag = packed(tmp_path, "Second"), '"2"'
        until(lambda: run.say("hello") == ["Second"], "the second package")
        until(lambda: its.asked[-1] == '"2"', "a look that finds nothing new")


def test_a_project_is_trained_loaded_and_kept_over_a_restart(project: Path, tmp_path: Path):
    body = "\n".join(
        (project / name).read_text() for name in ("config.yml", "domain.yml", "data/nlu.yml")
    ).replace('version: "3.1"\nnlu:', "nlu:")
    body = body.replace("Hello {name}.", "Trained {name}.")
    with running(project, tmp_path / "home") as run:
        trained = run.client.post("/model/train", content=body)
        assert trained.status_code == 200, trained.text
        name = trained.headers["filename"]
        assert run.say("hello") == ["Hello None."]
        assert run.client.put("/model", json={"model_file": name}).status_code == 204
        assert run.say("hello") == ["Trained None."]
        assert run.end() == 0
    model = str(tmp_path / "home" / "models" / name)
    with running(project, tmp_path / "home", {}, "--model", model) as run:
        assert run.say("hello") == ["Trained None."]
        assert run.client.get("/status").json()["model_file"] == name


def test_a_model_that_is_not_there_stops_the_start(project: Path, tmp_path: Path):
    done = parley(
        *("run", "--project", project, "--port", "0", "--model", "nowhere"), home=tmp_path / "home"
    )
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_for_everyone_the_api_is_off_until_it_is_wanted(project: Path, tmp_path: Path):
    everyone = ("--host", "0.0.0.0")
    with running(project, tmp_path / "home", {}, *everyone) as run:
        assert run.say("hello") == ["Hello None."]
        assert run.client.get("/conversations/ann/tracker").status_code == 404
        assert "--enable-api" in run.printed()
    options = (*everyone, "--enable-api", "--auth-token", "s3cret", "--cors", "https://a.example")
    with running(project, tmp_path / "home", {"PARLEY_LOG_LEVEL": "DEBUG"}, *options) as run:
        assert run.client.get("/status").status_code == 401
        answer = run.client.get("/status?token=s3cret", headers={"Origin": "https://a.example"})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://a.example"
        assert answer.headers["access-control-expose-headers"] == "filename"
        assert "WARNING" not in run.printed()
        assert "s3cret" not in run.printed()


def test_a_package_is_written_by_a_command_and_served(project: Path, tmp_path: Path):
    package = tmp_path / "bot.tar.gz"
    done = parley("pack", package, "--project", project, home=tmp_path / "home")
    assert (done.returncode, done.stderr) == (0, "")
    options = ("--model", str(package), "--response-timeout", "20")
    folder = tmp_path / "no project"
    folder.mkdir()
    with running(folder, tmp_path / "home", {}, *options) as run:
        assert run.say("hello") == ["Hello None."]
        assert run.client.get("/status").json()["model_file"] == "bot.tar.gz"
