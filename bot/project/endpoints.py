"""Reads endpoints.yml and credentials.yml."""

from __future__ import annotations

from typing import Any

from bot.project.node import Node
from bot.project.project import ACTION_TIMEOUT_S, Endpoint, Endpoints
from bot.project.report import Report

_TIMEOUT_S = {"action_endpoint": ACTION_TIMEOUT_S}


def read_endpoints(root: Node | None, report: Report) -> Endpoints:
    """The servers to call and the stores to use."""
    if root is None or root.value is None:
        return Endpoints()
    keys = root.mapping("endpoints.yml")

    def server(name: str) -> Endpoint | None:
        with report.going_on():
            return _endpoint(name, keys.get(name))
        return None

    def settings(name: str) -> dict[str, Any]:
        with report.going_on():
            return _settings(name, keys.get(name))
        return {}

    return Endpoints(
        action_endpoint=server("action_endpoint"),
        actions_module=_actions_module(keys.get("action_endpoint"), report),
        nlu=server("nlu"),
        nlg=server("nlg"),
        tracker_store=settings("tracker_store"),
        lock_store=settings("lock_store"),
        event_broker=settings("event_broker"),
        models=server("models"),
        models_wait_s=_models_wait_s(keys.get("models"), report),
    )


def read_credentials(root: Node | None, report: Report) -> dict[str, Any]:
    """Channel name to its settings."""
    if root is None or root.value is None:
        return {}
    credentials = {}
    for name, node in root.mapping("credentials.yml").items():
        with report.going_on():
            credentials[name] = _settings(name, node)
    return credentials


def _endpoint(name: str, node: Node | None) -> Endpoint | None:
    if node is None or node.value is None:
        return None
    keys = node.mapping(name)
    if "url" not in keys:
        if name == "nlg" and "type" in keys:  # responses are rendered here
            return None
        if name == "action_endpoint" and "actions_module" in keys:  # actions are run here
            return None
        raise node.wrong(f"{name} has no url.", "Add url: http://localhost:5055/webhook.")
    url = keys["url"].name(f"the url of {name}")
    if not url.startswith(("http://", "https://")):
        raise keys["url"].wrong(
            f"the url of {name} is '{url}'.", "Begin it with http:// or https://."
        )
    token, headers, selective = (keys.get(k) for k in ("token", "headers", "selective_domain"))
    timeout, cafile = keys.get("timeout_s"), keys.get("cafile")
    return Endpoint(
        url=url,
        token=token.name(f"the token of {name}") if token and token.value is not None else None,
        headers={
            key: value.text(f"the header {key}")
            for key, value in (headers.mapping(f"headers of {name}") if headers else {}).items()
        },
        basic_auth=_basic_auth(name, keys.get("basic_auth")),
        selective_domain=selective.truth(f"selective_domain of {name}") if selective else False,
        timeout_s=timeout.number(f"timeout_s of {name}") if timeout else _TIMEOUT_S.get(name, 10.0),
        cafile=cafile.name(f"the cafile of {name}")
        if cafile and cafile.value is not None
        else None,
    )


def _actions_module(node: Node | None, report: Report) -> str:
    """The ``actions_module`` of action_endpoint; a url beside it would say something else."""
    with report.going_on():
        keys = node.mapping("action_endpoint") if node and node.value is not None else {}
        if (module := keys.get("actions_module")) is None:
            return ""
        if "url" in keys:
            raise module.wrong(
                "action_endpoint has both url and actions_module.",
                "Keep url to call a server, or actions_module to run actions in this process.",
            )
        return module.name("the actions_module of action_endpoint")
    return ""


def _models_wait_s(node: Node | None, report: Report) -> float:
    with report.going_on():
        keys = node.mapping("models") if node and node.value is not None else {}
        wait = keys.get("wait_time_between_pulls")
        if wait is not None and wait.value is not None:
            return wait.number("wait_time_between_pulls of models")
    return Endpoints().models_wait_s


def _basic_auth(name: str, node: Node | None) -> tuple[str, str] | None:
    if node is None or node.value is None:
        return None
    keys = node.mapping(f"basic_auth of {name}")
    if not {"username", "password"} <= keys.keys():
        raise node.wrong(f"basic_auth of {name} needs username and password.")
    return keys["username"].text("username"), keys["password"].text("password")


def _settings(name: str, node: Node | None) -> dict[str, Any]:
    if node is None or node.value is None:
        return {}
    return {key: value.plain() for key, value in node.mapping(name).items()}
