"""What NLU found, in the shapes of other services: a client written for one can ask here."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from nlu.parse import Entity, Parse


def as_wit(parse: Parse) -> dict[str, Any]:
    """As wit.ai answers."""
    found: dict[str, list[dict[str, Any]]] = {}
    for entity in parse.entities:
        role = entity.role or entity.entity
        instance = {
            "confidence": 1 if entity.confidence_entity is None else entity.confidence_entity,
            "name": entity.entity,
            "value": entity.value,
            "body": parse.text[entity.start : entity.end],
            "start": entity.start,
            "end": entity.end,
            "role": role,
            "entities": [],
        }
        found.setdefault(f"{entity.entity}:{role}", []).append(instance)
    intent = {"name": parse.intent.name, "confidence": parse.intent.confidence}
    return {"text": parse.text, "intents": [intent], "entities": found}


def as_luis(parse: Parse) -> dict[str, Any]:
    """As LUIS answers; an entity with a role is listed under its role."""
    values: dict[str, list[Any]] = {}
    instances: dict[str, list[dict[str, Any]]] = {}
    for entity in parse.entities:
        name = entity.role or entity.entity
        values.setdefault(name, []).append(entity.value)
        instances.setdefault(name, []).append(_luis_instance(entity))
    ranked = parse.intent_ranking or (parse.intent,)
    return {
        "query": parse.text,
        "prediction": {
            "normalizedQuery": parse.text,
            "topIntent": parse.intent.name,
            "intents": {each.name or "null": {"score": each.confidence} for each in ranked},
            "entities": {"$instance": instances, **values},
        },
    }


def as_dialogflow(parse: Parse) -> dict[str, Any]:
    """As Dialogflow answers."""
    parameters: dict[str, list[Any]] = {}
    for entity in parse.entities:
        parameters.setdefault(entity.entity, []).append(entity.value)
    name = parse.intent.name
    return {
        "responseId": str(uuid.uuid4()),
        "queryResult": {
            "queryText": parse.text,
            "action": name,
            "parameters": parameters,
            "fulfillmentText": "",
            "fulfillmentMessages": [],
            "outputContexts": [],
            "intent": {"name": name, "displayName": name},
            "intentDetectionConfidence": parse.intent.confidence,
        },
    }


def _luis_instance(entity: Entity) -> dict[str, Any]:
    return {
        "role": entity.role,
        "type": entity.entity,
        "text": entity.value,
        "startIndex": entity.start,
        "length": entity.end - entity.start,
        "score": entity.confidence_entity,
        "modelType": entity.extractor,
    }


EMULATED: Mapping[str, Callable[[Parse], dict[str, Any]]] = {
    "WIT": as_wit,
    "LUIS": as_luis,
    "DIALOGFLOW": as_dialogflow,
}
