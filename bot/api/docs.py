"""``/docs``: the OpenAPI description as a page, written here; no other host is asked."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.requests import Request
from fastapi.responses import HTMLResponse

from bot.people.caller import open_to

STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:56rem;margin:2rem auto;padding:0 1rem}
h2{margin-top:3rem;border-bottom:1px solid}
article{margin:1rem 0;padding:0 1rem 1rem;border:1px solid #8886;border-radius:.5rem}
h3{font:600 1rem ui-monospace,monospace;overflow-wrap:anywhere}
h3 b{display:inline-block;min-width:4rem}
code,pre{font:.9rem ui-monospace,monospace}
pre{overflow:auto;padding:.75rem;background:#8882;border-radius:.375rem}
table{border-collapse:collapse}
th,td{padding:.125rem 1rem .125rem 0;text-align:left;vertical-align:top}
""".strip()
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

router = APIRouter()


@router.get("/docs", include_in_schema=False)
@open_to("anyone")
async def docs(request: Request) -> HTMLResponse:
    """Every route, for people."""
    page = "".join(_page(request.app.openapi(), str(request.base_url).rstrip("/")))
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})


def _page(api: Mapping[str, Any], base: str) -> Iterator[str]:
    title = html.escape(f"{api['info']['title']} {api['info']['version']}")
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>{STYLE}</style></head><body><h1>{title}</h1>"
    yield f"<p>{html.escape(api['info'].get('description', ''))} "
    yield 'For programs: <a href="openapi.json">openapi.json</a>.</p>'
    section = None
    for path, methods in api["paths"].items():
        for method, route in methods.items():
            tag = route.get("tags", ["other"])[0]
            if tag != section:
                section = tag
                yield f"<h2>{html.escape(tag)}</h2>"
            yield from _route(method.upper(), path, route, base)
    yield "</body></html>"


def _route(method: str, path: str, route: Mapping[str, Any], base: str) -> Iterator[str]:
    yield f"<article><h3><b>{method}</b> {html.escape(path)}</h3>"
    for paragraph in route.get("description", "").split("\n\n"):
        yield f"<p>{_prose(paragraph)}</p>"
    content = route.get("requestBody", {}).get("content", {})
    rows = [(p["name"], p["in"], p.get("description", "")) for p in route.get("parameters", ())]
    rows += [(name, "body", p.get("description", "")) for name, p in _properties(content)]
    if rows:
        yield "<table>" + "".join(_row(*row) for row in rows) + "</table>"
    body = _example(content)
    if body is not None:
        data = html.escape(json.dumps(body, ensure_ascii=False))
        yield f"<pre>curl {html.escape(base + path)} --json '{data}'</pre>"
    answer = _example(route.get("responses", {}).get("200", {}).get("content", {}))
    if answer is not None:
        yield f"<pre>{html.escape(json.dumps(answer, ensure_ascii=False, indent=2))}</pre>"
    yield "</article>"


def _row(name: str, place: str, description: str) -> str:
    return (
        f"<tr><th><code>{html.escape(name)}</code></th><td>{place}</td>"
        f"<td>{_prose(description)}</td></tr>"
    )


def _properties(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for described in content.values():
        yield from described.get("schema", {}).get("properties", {}).items()


def _prose(text: str) -> str:
    """``text`` as HTML; what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _example(content: Mapping[str, Any]) -> Any:
    for described in content.values():
        found = described.get("example", described.get("schema", {}).get("example"))
        if found is not None:
            return found
    return None
