import pytest
from structlog.testing import capture_logs

from bot.channels.socket import error_frame
from bot.errors import Unavailable
from tests.serving import echo_app, never, served

KEYS = {"version", "status", "message", "reason", "details", "help", "code", "type", "title"}


@pytest.fixture
async def client():
    async with served(echo_app()) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/conversations/anna", 404),
        ("DELETE", "/webhooks/rest/webhook", 405),
        ("POST", "/version", 405),
        ("POST", "/model/parse", 400),
        ("GET", "/conversations/anna/tracker?include_events=SOME", 400),
        ("GET", "/conversations/anna/tracker?until=noon", 422),
        ("GET", f"/conversations/{'a' * 256}/tracker", 400),
        ("GET", "/chat/nothing.js", 404),
        ("GET", "/chat/../../../pyproject.toml", 404),
        ("GET", "/chat/%2e%2e/%2e%2e/app.py", 404),
        ("POST", "/chat/chat.js", 405),
    ],
)
async def test_every_error_is_the_same_object(client, method, path, status):
    answer = await client.request(method, path)
    problem = answer.json()
    assert answer.status_code == status
    assert set(problem) == KEYS
    assert problem["code"] == status
    assert problem["status"] == "failure"
    assert problem["message"].endswith(".")
    assert problem["type"].startswith("urn:parley:problem:")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/conversations/x/nothing", "application/json"),
        ("/webhooks/rest/nothing", "application/json"),
        ("/model/nothing", "application/json"),
        ("/nowhere", "application/problem+json"),
        ("/chat/nowhere", "application/problem+json"),
    ],
)
async def test_routes_of_rasa_keep_its_content_type(client, path, kind):
    assert (await client.get(path)).headers["content-type"] == kind


async def test_405_says_what_the_route_takes(client):
    assert (await client.put("/health")).headers["allow"] == "GET"


async def test_an_unexpected_error_shows_no_detail(client):
    answer = await client.post("/webhooks/rest/webhook", json={"message": "broken"})
    assert answer.status_code == 500
    assert set(answer.json()) == KEYS
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


async def test_errors_are_counted(client):
    await client.get("/nowhere")
    metrics = (await client.get("/metrics")).text
    assert 'parley_errors_total{code="404"} 1.0' in metrics


async def test_not_ready_names_the_part(monkeypatch):
    monkeypatch.setattr("bot.api.health.CHECK_S", 0.01)

    async def gone() -> None:
        raise OSError("connection refused")

    checks = {"model": never, "sql": gone}
    async with served(echo_app(checks=checks)) as client:
        answer = await client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["details"]["checks"] == {
        "model": "no answer within 0.01 seconds.",
        "sql": "connection refused",
    }


async def test_a_client_that_goes_away_while_it_sends_is_no_error_of_ours():
    """Else whoever likes could fill the log."""
    app = echo_app()
    heard = iter([{"type": "http.request", "body": b"{", "more_body": True}])
    told = []

    async def receive():
        return next(heard, {"type": "http.disconnect"})

    async def send(message):
        told.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": "/webhooks/rest/webhook",
        "raw_path": b"/webhooks/rest/webhook",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-length", b"50")],
    }
    async with app.router.lifespan_context(app):
        with capture_logs() as logs:
            await app(scope, receive, send)
    assert [line for line in logs if line["log_level"] in ("error", "warning")] == []
    assert told[0]["status"] == 400


INSIDE = "The database postgresql://parley@10.0.0.5/p cannot be used now: 10.0.0.5 refuses."
OUTSIDE = "The database cannot be used now."


async def away(*_: object) -> None:
    raise Unavailable(INSIDE, outside=OUTSIDE)


async def test_where_the_database_is_is_told_to_the_log_and_not_to_strangers():
    def watch(inbox):
        inbox.parley.log.accept = away

    async with served(echo_app(watch=watch, checks={"sql": away})) as client:
        with capture_logs() as logs:
            said = await client.post("/webhooks/rest/webhook", json={"message": "hello"})
            ready = await client.get("/ready")
    assert (said.status_code, ready.status_code) == (503, 503)
    assert said.json()["message"] == OUTSIDE
    assert OUTSIDE in ready.text
    assert "10.0.0.5" not in said.text + ready.text + str(
        error_frame(Unavailable(INSIDE, outside=OUTSIDE))
    )
    assert [line["error"] for line in logs].count(INSIDE) == 2
