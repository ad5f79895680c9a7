"""Concerts and venues, as the project's README describes its actions."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action
from rasa_sdk.events import SlotSet

REVIEWS = (4.5, 5.0)
CONCERTS = ("Foo Fighters", "Katy Perry")
VENUES = ("Big Arena", "Rock Cellar")


class SearchConcerts(Action):
    def name(self) -> str:
        return "action_search_concerts"

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list:
        dispatcher.utter_message(text=", ".join(CONCERTS))
        return [SlotSet("concerts", _reviewed("artist", CONCERTS))]


class SearchVenues(Action):
    def name(self) -> str:
        return "action_search_venues"

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list:
        dispatcher.utter_message(text="here are some venues I found")
        dispatcher.utter_message(text=", ".join(VENUES))
        return [SlotSet("venues", _reviewed("name", VENUES))]


class ShowConcertReviews(Action):
    def name(self) -> str:
        return "action_show_concert_reviews"

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list:
        dispatcher.utter_message(text=f"concerts from slots: {tracker.get_slot('concerts')}")
        return []


class ShowVenueReviews(Action):
    def name(self) -> str:
        return "action_show_venue_reviews"

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list:
        dispatcher.utter_message(text=f"venues from slots: {tracker.get_slot('venues')}")
        return []


class SetMusicPreference(Action):
    def name(self) -> str:
        return "action_set_music_preference"

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list:
        likes = {"affirm": True, "deny": False}.get(tracker.get_intent_of_latest_message())
        return [] if likes is None else [SlotSet("likes_music", likes)]


def _reviewed(key: str, names: tuple) -> list:
    return [{key: name, "reviews": stars} for name, stars in zip(names, REVIEWS, strict=True)]
