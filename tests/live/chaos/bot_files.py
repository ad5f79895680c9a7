"""The bot of the chaos tests: the starter's actions on its shop, a few rules, no model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.command import CHECKOUT

TOKEN = "123:chaos"
SECRET = "chaos-secret"
DOMAIN = """
version: "3.1"
intents: [say, report]
entities: [n, item, order_number, problem]
actions: [action_report_problem]
slots:
  n:
    type: text
    influence_conversation: false
    mappings: [{type: from_entity, entity: n}]
  item:
    type: text
    influence_conversation: false
    mappings: [{type: from_entity, entity: item}]
  order_number:
    type: text
    influence_conversation: false
    mappings: [{type: from_entity, entity: order_number}]
  problem:
    type: text
    influence_conversation: false
    mappings: [{type: from_entity, entity: problem}]
responses:
  utter_done: [{text: "done {n}"}]
  utter_reported_damaged: [{text: "ticket {ticket} for {item}"}]
  utter_shop_down: [{text: "The shop cannot be reached."}]
  utter_action_failed: [{text: "The desk cannot be reached."}]
"""
RULES = """
version: "3.1"
rules:
- rule: say
  steps: [{intent: say}, {action: utter_done}]
- rule: report
  steps: [{intent: report}, {action: action_report_problem}, {action: utter_done}]
"""
CONFIG = """
recipe: default.v1
language: en
assistant_id: chaos
policies: [{name: RulePolicy}]
"""


def write_bot(folder: Path, provider_port: int) -> Path:
    """The project in ``folder``, whose channels call the provider at that port."""
    (folder / "data").mkdir(parents=True)
    actions = CHECKOUT / "data/starter/actions"
    shutil.copytree(actions, folder / "actions", ignore=shutil.ignore_patterns("__pycache__"))
    provider = f"http://127.0.0.1:{provider_port}"
    telegram = {"access_token": TOKEN, "secret_token": SECRET, "api_url": provider}
    channels = {"rest": None, "telegram": telegram, "callback": {"url": f"{provider}/callback"}}
    (folder / "domain.yml").write_text(DOMAIN)
    (folder / "data/rules.yml").write_text(RULES)
    (folder / "config.yml").write_text(CONFIG)
    (folder / "credentials.yml").write_text(json.dumps(channels))
    return folder
