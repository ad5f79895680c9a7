"""What recorded projects talk to, played by threads of this process: NLU and action servers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import msgspec

from bot.dialogue.domain import Domain
from bot.understand import read_payload

Answer = Callable[[dict[str, Any]], Any]  # the JSON that answers a JSON body


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """The address of a server that answers every POST with ``answer``, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send({"status": "ok"})

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            self._send(answer(json.loads(self.rfile.read(length) or b"{}")))

        def _send(self, value: Any) -> None:
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the tests' output is their own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def obliging(call: dict[str, Any]) -> dict[str, Any]:
    """An action server whose every action succeeds, says nothing and changes nothing."""
    return {"events": [], "responses": []}


def understanding(parses: Mapping[str, dict[str, Any]], domain: Domain) -> Answer:
    """An NLU server that knows these texts, and payloads; another text has no intent."""

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        text = body.get("text") or ""
        if text not in parses and (payload := read_payload(text, domain)):
            return msgspec.to_builtins(payload)
        nothing = {"intent": {"name": None, "confidence": 0.0}, "entities": []}
        return {"intent_ranking": [], **nothing, **parses.get(text, {}), "text": text}

    return answer
