"""The door: bytes from outside become clean values, or a BadRequest that says why not.

Behind it no string holds a lone surrogate or U+0000 (SQL stores and UTF-8 refuse them; both
become U+FFFD), nothing nests deeper than MOST_LEVELS, and every number fits into 64 bits.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, NoReturn, TypeVar
from urllib.parse import urlsplit

from fastapi.requests import Request
from pydantic import BaseModel, ValidationError

from bot.errors import BadRequest, ParleyError

MOST_LEVELS = 64
_UNFIT = re.compile("[\ud800-\udfff\x00]")

Body = TypeVar("Body", bound=BaseModel)


class TooLong(ParleyError):
    """A message of a user is longer than the settings allow."""

    status = 413
    reason = "MessageTooLong"


class WrongParameter(BadRequest):
    """A parameter is missing or has a value it cannot have; ``details`` names it, as in Rasa."""

    def __init__(self, sentence: str, name: str, *, place: Literal["query", "body"]) -> None:
        self.details = {"parameter": name, "in": place}
        super().__init__(sentence)


class WrongShape(BadRequest):
    """JSON, but not of the shape that is wanted; ``details`` lists where and what."""

    status = 422
    reason = "ValidationError"

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        found = [_finding(error) for error in errors]
        self.details = {"errors": [{"where": where, "message": what} for where, what in found]}
        super().__init__("; ".join(f"{where}: {what}" for where, what in found) + ".")


def clean(text: str) -> str:
    """``text`` as valid Unicode; pairs of surrogates are joined, lone ones replaced."""
    if not _UNFIT.search(text):
        return text
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return joined.replace("\x00", "\ufffd")


def checked(text: str, most_chars: int) -> str:
    """``text`` of a user, if it is not longer than ``most_chars``. Raises TooLong."""
    if len(text) > most_chars:
        raise TooLong(f"The message has {len(text)} characters; at most {most_chars} are read.")
    return text


def is_of(origin: str, host: str) -> bool:
    """Whether pages of ``origin`` come from the server that their browser calls ``host``."""
    try:
        place = urlsplit(origin).netloc.lower()
    except ValueError:  # half an IPv6 address
        return False
    return bool(place) and place == host.lower()


def read_json(data: bytes) -> Any:
    """The value of a JSON text in UTF-8, cleaned. Raises BadRequest."""
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_refuse)
    except UnicodeDecodeError as wrong:
        raise BadRequest(f"The text is not UTF-8: byte {wrong.start} is wrong.") from wrong
    except json.JSONDecodeError as wrong:
        place = f"line {wrong.lineno}, column {wrong.colno}"
        raise BadRequest(f"The text is not JSON: {wrong.msg.lower()} at {place}.") from wrong
    except RecursionError as wrong:
        raise BadRequest(_TOO_DEEP) from wrong
    except ValueError as wrong:  # a number of more digits than Python reads
        raise BadRequest(f"The text is not JSON: {wrong}.") from wrong
    return _cleaned(value, MOST_LEVELS)


def json_body(model: type[Body]) -> Callable[[Request], Awaitable[Body]]:
    """A dependency: the body of a request as ``model``, whatever content type it claims.

    Clients of Rasa post JSON under any content type, so it is read as JSON always.
    """

    async def read(request: Request) -> Body:
        value = read_json(await request.body())
        try:
            return model.model_validate(value)
        except ValidationError as wrong:
            raise WrongShape(wrong.errors()) from wrong

    return read


def body_schema(model: type[BaseModel]) -> dict[str, Any]:
    """``openapi_extra`` of a route that reads its body by ``json_body``."""
    schema = {"schema": model.model_json_schema()}
    return {"requestBody": {"content": {"application/json": schema}, "required": True}}


_TOO_DEEP = f"The JSON nests deeper than {MOST_LEVELS} levels."


def _cleaned(value: Any, levels: int) -> Any:
    match value:
        case str():
            return clean(value)
        case float() if not math.isfinite(value):
            raise BadRequest("The JSON holds a number that does not fit into 64 bits.")
        case bool() | None | float():
            return value
        case int():
            if not -(2**63) <= value < 2**63:
                raise BadRequest("The JSON holds a number that does not fit into 64 bits.")
            return value
        case _ if levels == 0:
            raise BadRequest(_TOO_DEEP)
        case list():
            return [_cleaned(item, levels - 1) for item in value]
        case _:
            return {clean(key): _cleaned(item, levels - 1) for key, item in value.items()}


def _refuse(constant: str) -> NoReturn:
    raise BadRequest(f"The text is not JSON: {constant} is no number there.")


def _finding(error: Mapping[str, Any]) -> tuple[str, str]:
    where = ".".join(str(part) for part in error["loc"] if part != "body")
    what = str(error["msg"]).removeprefix("Value error, ")
    return clean(where) or "the body", what[:1].lower() + what[1:]
