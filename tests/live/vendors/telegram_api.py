"""Telegram as a bot meets it, by aiogram's own types: a Bot API that checks what it is sent.

Run with the vendors' environment: ``python telegram_api.py PORT``. Under ``/bot<token>/`` it is
the Bot API; what a call says must fit aiogram's method of that name and the limits of
https://core.telegram.org/bots/api. Under ``/test/`` a test tells it what to do.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiogram.methods import TelegramMethod
from aiogram.types import CallbackQuery, Chat, InlineKeyboardMarkup, Message, Update, User
from aiohttp import web
from pydantic import ValidationError

ANNA = User(id=7, is_bot=False, first_name="Anna", language_code="en")
BOT = User(id=99, is_bot=True, first_name="Parley", username="parley_bot")


class Telegram:
    """What was called, what to answer next, and where updates go."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []  # for the next calls, instead of success
        self.hook: dict[str, Any] = {}
        self.sent: dict[int, Message] = {}

    async def call(self, request: web.Request) -> web.Response:
        """One call of the Bot API."""
        name, body = request.match_info["method"], await request.json()
        self.calls.append({"method": name, **body})
        if self.answers:
            answer = self.answers.pop(0)
            return web.json_response(answer["body"], status=answer["status"])
        try:
            checked = _checked(name, body)
        except (ValidationError, ValueError, AttributeError) as error:
            told = {"ok": False, "error_code": 400, "description": f"Bad Request: {error}"}
            return web.json_response(told, status=400)
        if name == "setWebhook":
            self.hook = body
            return web.json_response({"ok": True, "result": True})
        result: Any = True
        if name.startswith("send"):
            self.sent[len(self.sent) + 1] = message = Message(
                message_id=len(self.sent) + 1,
                date=datetime.now(UTC),
                chat=Chat(id=int(body["chat_id"]), type="private"),
                from_user=BOT,
                text=body.get("text"),
                reply_markup=_keyboard(checked),
            )
            result = message.model_dump(mode="json", exclude_none=True, by_alias=True)
        return web.json_response({"ok": True, "result": result})

    async def deliver(self, request: web.Request) -> web.Response:
        """Send the updates of the body to the webhook, all at once, as often as it says."""
        wanted = await request.json()
        updates = [self._update(each) for each in wanted["updates"]]
        times = wanted.get("times", 1)
        async with aiohttp.ClientSession() as session:
            answers = await asyncio.gather(
                *(self._post(session, update) for _ in range(times) for update in updates)
            )
        return web.json_response(answers)

    async def _post(self, session: aiohttp.ClientSession, update: str) -> dict[str, Any]:
        headers = {"content-type": "application/json"}
        if secret := self.hook.get("secret_token"):
            headers["X-Telegram-Bot-Api-Secret-Token"] = secret
        async with session.post(self.hook["url"], data=update, headers=headers) as answer:
            return {"status": answer.status, "body": await answer.text()}

    def _update(self, wanted: dict[str, Any]) -> str:
        number = wanted["id"]
        if "pressed" in wanted:
            sent = self.sent[max(self.sent)]
            query = CallbackQuery(
                id=f"q-{number}",
                from_user=ANNA,
                chat_instance="c",
                message=sent,
                data=_data(sent, wanted["pressed"]),
            )
            update = Update(update_id=number, callback_query=query)
        else:
            message = Message(
                message_id=1000 + number,
                date=datetime.now(UTC),
                chat=Chat(id=wanted.get("chat", 7), type="private"),
                from_user=ANNA,
                text=wanted["text"],
            )
            update = Update(update_id=number, message=message)
        return update.model_dump_json(exclude_none=True, by_alias=True)

    async def told(self, request: web.Request) -> web.Response:
        return web.json_response({"calls": self.calls, "hook": self.hook})

    async def forget(self, request: web.Request) -> web.Response:
        """As if nothing had been."""
        vars(self).update(vars(Telegram()))
        return web.json_response(True)

    async def answer(self, request: web.Request) -> web.Response:
        self.answers += await request.json()
        return web.json_response(len(self.answers))


def _checked(name: str, body: dict[str, Any]) -> TelegramMethod[Any]:
    """The call as aiogram's method, within the limits of the Bot API."""
    kind = getattr(importlib.import_module("aiogram.methods"), name[0].upper() + name[1:])
    if unknown := body.keys() - kind.model_fields.keys():
        raise ValueError(f"{name} has no {', '.join(unknown)}")
    method: TelegramMethod[Any] = kind.model_validate(body)
    if len(body.get("text", "x").encode("utf-16-le")) > 2 * 4096:
        raise ValueError("message is too long")
    if name == "sendMessage" and not body["text"].strip():
        raise ValueError("message text is empty")
    for row in (_keyboard(method) or InlineKeyboardMarkup(inline_keyboard=[])).inline_keyboard:
        for key in row:
            if key.callback_data is not None and not 1 <= len(key.callback_data.encode()) <= 64:
                raise ValueError("BUTTON_DATA_INVALID")
    return method


def _keyboard(method: TelegramMethod[Any]) -> InlineKeyboardMarkup | None:
    found = getattr(method, "reply_markup", None)
    return found if isinstance(found, InlineKeyboardMarkup) else None


def _data(sent: Message, title: str) -> str | None:
    keyboard = sent.reply_markup
    keys = [key for row in keyboard.inline_keyboard for key in row] if keyboard else []
    return next(key.callback_data for key in keys if key.text == title)


def main() -> None:
    telegram = Telegram()
    app = web.Application()
    app.router.add_post("/bot{token}/{method}", telegram.call)
    app.router.add_post("/test/deliver", telegram.deliver)
    app.router.add_post("/test/answer", telegram.answer)
    app.router.add_post("/test/forget", telegram.forget)
    app.router.add_get("/test/told", telegram.told)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)


if __name__ == "__main__":
    main()
