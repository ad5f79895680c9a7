"""NLU data in the formats of other tools, all of them JSON.

Recognised by their keys, as Rasa does it: Rasa's own former format, LUIS 7, wit.ai, Dialogflow.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.project.formats.dialogflow import read_dialogflow_entity, read_dialogflow_intent
from bot.project.formats.luis import read_luis
from bot.project.formats.rasa_json import read_rasa_json
from bot.project.formats.wit import read_wit
from bot.project.nlu import NluReader
from bot.project.node import Node

Sibling = Callable[[str], Node | None]
"""The root of another file of the same folder, by its name; None where there is none."""

MARKS = re.compile(
    r'"(?:rasa_nlu_data|luis_schema_version|utterances|supportedLanguages|responses|isEnum)"\s*:'
)
PARTS = re.compile(r"_(?:usersays|entries)_[^/]+\.json$")


def may_be_nlu(file: str, text: str) -> bool:
    """Whether a JSON file is worth parsing: it has a key of a known format."""
    return is_part(file) or bool(MARKS.search(text))


def is_part(file: str) -> bool:
    """Whether a file is one that Dialogflow puts beside the description it belongs to."""
    return bool(PARTS.search(file))


def read_json_nlu(root: Node, nlu: NluReader, sibling: Sibling, language: str) -> str | None:
    """Gather the NLU data of a JSON file; gives the format's name, None for JSON of others."""
    keys = root.value if isinstance(root.value, dict) else {}
    if "rasa_nlu_data" in keys:
        read_rasa_json(keys["rasa_nlu_data"], nlu)
        return "Rasa JSON"
    if "luis_schema_version" in keys:
        read_luis(root, nlu)
        return "LUIS"
    if "utterances" in keys:
        read_wit(keys["utterances"], nlu)
        return "wit.ai"
    if "supportedLanguages" in keys or {*keys} == {"version"}:
        # The agent and its package say which they are, and hold nothing to learn.
        return "Dialogflow"
    if "responses" in keys and "name" in keys:
        read_dialogflow_intent(root, nlu, sibling, language)
        return "Dialogflow"
    if "isEnum" in keys:
        read_dialogflow_entity(root, nlu, sibling, language)
        return "Dialogflow"
    return None
