"""The restaurant form's checks, as the project's README describes them."""

from __future__ import annotations

from typing import Any

from rasa_sdk import FormValidationAction

CUISINES = ("caribbean", "chinese", "french", "greek", "indian", "italian", "mexican")


class ValidateRestaurantForm(FormValidationAction):
    """Refuses unknown cuisines, parties of nobody and seats nowhere."""

    def name(self) -> str:
        return "validate_restaurant_form"

    def validate_cuisine(self, value: Any, dispatcher: Any, tracker: Any, domain: Any) -> dict:
        if str(value).lower() in CUISINES:
            return {"cuisine": value}
        dispatcher.utter_message(response="utter_wrong_cuisine")
        return {"cuisine": None}

    def validate_num_people(self, value: Any, dispatcher: Any, tracker: Any, domain: Any) -> dict:
        if _whole(value) > 0:
            return {"num_people": value}
        dispatcher.utter_message(response="utter_wrong_num_people")
        return {"num_people": None}

    def validate_outdoor_seating(
        self, value: Any, dispatcher: Any, tracker: Any, domain: Any
    ) -> dict:
        if not isinstance(value, str):
            return {"outdoor_seating": value}
        for part, outdoors in (("out", True), ("in", False)):
            if part in value:
                return {"outdoor_seating": outdoors}
        dispatcher.utter_message(response="utter_wrong_outdoor_seating")
        return {"outdoor_seating": None}


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
