import pytest
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from bot.limits import Limits
from bot.settings import Settings
from bot.store.limits import Rate
from tests.serving import echo_app

PROXY, CLIENT = "10.0.0.1", "203.0.113.7"
REST = "/webhooks/rest/webhook"


class Counting(Limits):
    """Notes whose messages it is asked for."""

    def __init__(self):
        super().__init__()
        self.asked = []

    async def message(self, address, conversation_id, *, clients="anybody"):
        self.asked.append(address)


def seen(headers, *, peer=PROXY, trusted=(PROXY,)):
    """Whose message it is taken for."""
    limits = Counting()
    app = echo_app(Settings(trusted_proxies=trusted), limits=limits)
    with TestClient(app, client=(peer, 1)) as client:
        client.post(REST, json={"sender": "a", "message": "hi"}, headers=headers)
    return limits.asked[0]


def forwarded(value):
    return {"X-Forwarded-For": value}


def test_a_trusted_proxy_says_who_asks():
    assert seen(forwarded(CLIENT)) == CLIENT
    assert seen(forwarded(CLIENT), trusted=("10.0.0.0/8",)) == CLIENT
    assert seen(forwarded("[2001:db8::1]:443")) == "2001:db8::1"


@pytest.mark.parametrize("peer", ["198.51.100.9", "127.0.0.1", "10.0.0.2"])
def test_nobody_else_is_believed(peer):
    assert seen(forwarded(CLIENT), peer=peer) == peer
    assert seen(forwarded(CLIENT), peer=peer, trusted=()) == peer


def test_what_a_client_writes_itself_is_not_believed_behind_a_trusted_proxy():
    assert seen(forwarded(f"127.0.0.1, 10.0.0.1, {CLIENT}")) == CLIENT
    chain = ("10.0.0.0/8",)
    assert seen(forwarded(f"1.2.3.4, {CLIENT}, 10.0.0.9"), trusted=chain) == CLIENT


@pytest.mark.parametrize(
    "value", ["", ",", " ", "unknown", "\xff", "1.2.3.4.5", "[::1", "x" * 5000]
)
def test_nonsense_breaks_nothing(value):
    assert seen({"X-Forwarded-For": value.encode("latin-1")})


def test_by_changing_the_header_nobody_gets_more_messages():
    app = echo_app(limits=Limits(address=Rate(2, 3600.0)))
    with TestClient(app, client=("198.51.100.9", 1)) as client:
        found = [
            client.post(
                REST,
                json={"sender": f"u{number}", "message": "hi"},
                headers=forwarded(f"203.0.113.{number}"),
            ).status_code
            for number in range(4)
        ]
    assert found == [200, 200, 429, 429]


def test_the_scheme_is_a_trusted_proxys_word_too():
    headers = {"X-Forwarded-Proto": "https", **forwarded(CLIENT)}
    app = echo_app(Settings(trusted_proxies=PROXY))
    with TestClient(app, client=(PROXY, 1)) as client:
        assert "strict-transport-security" in client.get("/health", headers=headers).headers
        assert "strict-transport-security" not in client.get("/health").headers
    with TestClient(app, client=(CLIENT, 1)) as client:
        assert "strict-transport-security" not in client.get("/health", headers=headers).headers


def test_a_proxy_that_nobody_named_is_told_of_once():
    with TestClient(echo_app(), client=("10.9.9.9", 1)) as client, capture_logs() as logs:
        for _ in range(3):
            client.get("/health", headers=forwarded(CLIENT))
    (line,) = [one for one in logs if one["event"] == "proxy.not_trusted"]
    assert line["address"] == "10.9.9.9"


def test_over_https_browsers_are_told_to_come_no_other_way():
    with TestClient(echo_app(), base_url="https://127.0.0.1") as client:
        said = client.get("/health").headers["strict-transport-security"]
        assert client.get("/nowhere").headers["strict-transport-security"] == said
    assert said == "max-age=31536000"
    with TestClient(echo_app(Settings(hsts_days=0)), base_url="https://127.0.0.1") as client:
        assert "strict-transport-security" not in client.get("/health").headers
    with TestClient(echo_app()) as client:
        assert "strict-transport-security" not in client.get("/health").headers


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/health"), ("GET", "/nowhere"), ("POST", REST), ("DELETE", "/health")],
)
def test_every_answer_has_the_headers_of_safety(method, path):
    with TestClient(echo_app()) as client:
        headers = client.request(method, path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    "path", ["/status", "/conversations/anna/tracker", "/me", "/docs", "/metrics", "/nowhere"]
)
def test_what_is_told_to_one_caller_is_kept_by_no_cache(path):
    with TestClient(echo_app()) as client:
        assert client.get(path).headers["cache-control"] == "no-store"


def test_the_chat_page_may_be_kept_and_is_asked_for_again():
    with TestClient(echo_app()) as client:
        for path in ("/", "/chat/index.html"):
            assert client.get(path).headers["cache-control"] == "no-cache"
