from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bot.plugins import BUILT_IN
from bot.version import VERSION
from tests.serving import echo_app, served

ROOT = Path(__file__).parents[3]


@pytest.fixture
async def client():
    async with served(echo_app()) as client:
        yield client


async def test_the_root_greets_what_is_no_browser(client):
    answer = await client.get("/")
    assert answer.text == f"Hello from Parley: {VERSION}"
    assert answer.headers["content-type"].startswith("text/plain")


async def test_the_root_is_the_chat_page_to_a_browser(client):
    answer = await client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "<script" in answer.text


async def test_the_modules_of_the_page_are_served(client):
    answer = await client.get("/chat/chat.js")
    assert answer.status_code == 200
    assert "javascript" in answer.headers["content-type"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_every_answer_forbids_what_it_is_not_for(client):
    for path in ("/", "/version", "/nowhere", "/chat/chat.js", "/docs"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]


async def test_docs_show_every_route_and_ask_no_other_host(client):
    answer = await client.get("/docs")
    assert "/conversations/{conversation_id}/tracker" in answer.text
    assert "/webhooks/rest/webhook" in answer.text
    assert "<script" not in answer.text
    assert "src=" not in answer.text
    assert "//" not in answer.text.replace("http://localhost", "").replace("urn:", "")


async def test_the_api_describes_its_bodies(client):
    api = (await client.get("/openapi.json")).json()
    body = api["paths"]["/webhooks/rest/webhook"]["post"]["requestBody"]
    assert "sender" in body["content"]["application/json"]["schema"]["properties"]


async def test_version_status_health(client):
    assert (await client.get("/version")).json()["version"] == VERSION
    status = (await client.get("/status")).json()
    assert status == {"model_file": "m-1", "model_id": "m-1", "num_active_training_jobs": 0}
    assert (await client.get("/health")).json() == {"status": "ok"}
    assert (await client.get("/ready")).json()["checks"] == {"model": "ok", "sql": "ok"}


async def test_a_text_is_explained_where_a_model_understands(client):
    nothing = await client.post("/model/explain", json={})
    assert (nothing.status_code, nothing.json()["reason"]) == (400, "BadRequest")
    nobody = await client.post("/model/explain", json={"text": "hello"})
    assert (nobody.status_code, nobody.json()["reason"]) == (404, "NotFound")


async def test_the_domain_comes_as_json_or_yaml(client):
    as_json = await client.get("/domain")
    assert as_json.json() == {"version": "3.1", "intents": ["greet"]}
    as_yaml = await client.get("/domain", headers={"Accept": "application/x-yaml"})
    assert as_yaml.headers["content-type"] == "application/x-yaml"
    assert YAML(typ="safe").load(as_yaml.text) == as_json.json()


async def test_the_domain_in_another_format_is_406(client):
    answer = await client.get("/domain", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.json()["reason"]) == (406, "NotAcceptable")


async def test_a_text_is_parsed(client):
    answer = await client.post("/model/parse", json={"text": "hello"})
    assert answer.json()["intent"] == {"name": "greet", "confidence": 0.9}


async def test_a_text_may_be_parsed_in_a_context(client):
    context = {"bot_text": "Which size?", "requested_slot": "size", "earlier": ["a shirt"]}
    for told in (context, {"bot_text": "Hello!"}, {}):
        answer = await client.post("/model/parse", json={"text": "hello", "context": told})
        assert answer.json()["intent"]["name"] == "greet"
    wrong = await client.post("/model/parse", json={"text": "hello", "context": {"bot_text": 3}})
    assert wrong.status_code == 422


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": None}])
async def test_no_text_is_a_bad_request(client, body):
    assert (await client.post("/model/parse", json=body)).status_code == 400


async def test_a_text_that_is_too_long_is_not_parsed(client):
    answer = await client.post("/model/parse", json={"text": "x" * 20_001})
    assert answer.status_code == 413


async def test_a_page_elsewhere_may_call_where_settings_name_it(client):
    headers = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    answer = await client.options("/webhooks/rest/webhook", headers=headers)
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    other = await client.get("/version", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


async def test_every_route_is_in_the_docs(client):
    page = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    paths = (await client.get("/openapi.json")).json()["paths"]
    missing = [
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method in methods
        if f"{method.upper()} {path}`" not in page
    ]
    assert missing == []


def test_every_channel_is_in_the_docs():
    page = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    assert [name for name in BUILT_IN["channels"] if f"| `{name}` |" not in page] == []
