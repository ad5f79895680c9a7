"""Bodies and answers of the API."""

from __future__ import annotations

from typing import Any, Literal

import httpx2
from pydantic import BaseModel, ConfigDict, Field, RootModel

from bot.model.pulling import Source
from bot.project.project import Endpoint
from nlu.parse import Context

IncludeEvents = Literal["NONE", "APPLIED", "AFTER_RESTART", "ALL"]


class ContextBody(BaseModel):
    """What went before a text, for models that were trained with that."""

    bot_text: str | None = Field(None, description="What the bot said last.")
    requested_slot: str | None = Field(None, description="The slot that a form asked for.")
    earlier: list[str] = Field([], max_length=8, description="The user's turns, latest first.")

    def read(self) -> Context:
        """As NLU is told it."""
        return Context(self.bot_text, self.requested_slot, tuple(self.earlier))


class ParseBody(BaseModel):
    """A text to understand, outside of any conversation."""

    model_config = ConfigDict(json_schema_extra={"example": {"text": "where is my parcel?"}})

    text: str | None = None
    message_id: str | None = Field(None, max_length=255)
    context: ContextBody = ContextBody()


class EventsBody(RootModel[dict[str, Any] | list[dict[str, Any]]]):
    """An event as Rasa writes it, or a list of them."""

    model_config = ConfigDict(json_schema_extra={"example": {"event": "resume"}})


class HandoffBody(BaseModel):
    """Why a person is asked for."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason": "wants his money back"}})

    reason: str = Field("", max_length=1000)


class HandBody(BaseModel):
    """Who takes a conversation over, or hands it back."""

    model_config = ConfigDict(json_schema_extra={"example": {"agent": "mia"}})

    agent: str = Field(min_length=1, max_length=255, description="The person's name at the desk.")
    force: bool = Field(False, description="Though another person has it.")


class UserBody(BaseModel):
    """Whose data."""

    model_config = ConfigDict(json_schema_extra={"example": {"user": "web:4f1c"}})

    user: str = Field(min_length=1, max_length=255, description="A conversation's id.")
    all_channels: bool = Field(False, description="Also conversations that end in `:user`.")


class EraseBody(UserBody):
    """Whose data is to go."""

    dry_run: bool = Field(False, description="Only say what is held, and change nothing.")


class Button(BaseModel):
    """What a user may press."""

    title: str = Field(min_length=1, max_length=255)
    payload: str = Field("", max_length=2000)


class AgentBody(BaseModel):
    """What a person says to a user."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"agent": "mia", "text": "I am looking into it."}}
    )

    agent: str = Field(min_length=1, max_length=255, description="Who says it, and has taken over.")
    text: str = Field(min_length=1)
    buttons: list[Button] = Field([], max_length=100)
    image: str | None = Field(None, max_length=2000, description="Its address.")
    attachment: str | None = Field(None, max_length=2000, description="Its address.")
    custom: dict[str, Any] | None = None
    message_id: str = Field("", max_length=255, description="The same again says nothing more.")

    def data(self) -> dict[str, Any]:
        """What is said beside the text, as Rasa's events have it."""
        parts = self.model_dump(include={"buttons", "image", "attachment", "custom"})
        return {name: part for name, part in parts.items() if part}


class MessageBody(BaseModel):
    """What a user says, to be logged."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"text": "where is my parcel?", "sender": "user"}}
    )

    text: str | None = None
    sender: str | None = Field(None, description="`user`; no other may speak here.")
    parse_data: dict[str, Any] | None = Field(
        None,
        description="What it means, as `/model/parse` says it. Default: it is understood here.",
    )


class ExecuteBody(BaseModel):
    """An action to run."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "utter_greet"}})

    name: str | None = None
    policy: str | None = Field(None, description="Written into the event, as what decided.")
    confidence: float | None = Field(None, description="Written into the event.")


class IntentBody(BaseModel):
    """An intent to say."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "greet", "entities": {"name": "Ada"}}}
    )

    name: str | None = None
    entities: list[dict[str, Any]] | dict[str, Any] | None = Field(
        None, description="A list of objects with `entity` and `value`, or names and values."
    )


class ModelServer(BaseModel):
    """Where packages are had over HTTP."""

    url: str
    token: str | None = Field(None, description="Sent as the query's `token`.")
    headers: dict[str, str] = {}
    wait_time_between_pulls: float | None = Field(
        None, ge=0, description="Look again so often, in seconds. Default: once."
    )

    def source(self, client: httpx2.AsyncClient) -> Source:
        """What is to be pulled, by ``client``."""
        endpoint = Endpoint(self.url, token=self.token, headers=self.headers)
        return Source(endpoint, client, self.wait_time_between_pulls)


class ModelBody(BaseModel):
    """A model to load."""

    model_config = ConfigDict(
        protected_namespaces=(),
        json_schema_extra={"example": {"model_file": "models/20261122-080000.tar.gz"}},
    )

    model_file: str | None = Field(
        None, description="A model package on the server's machine, or a version of its registry."
    )
    model_server: ModelServer | None = None
    remote_storage: str | None = Field(None, description="Not offered.")


class Version(BaseModel):
    """Of this server, and of the oldest whose models and conversations it takes over."""

    version: str
    minimum_compatible_version: str


class Status(BaseModel):
    """The model that serves, null where none does; ``model_id`` is written into events."""

    model_file: str | None
    model_id: str
    num_active_training_jobs: int = 0
