"""`parley shell`: a conversation in the terminal, through the same inbox and turn as any other."""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
import threading
import uuid
from collections.abc import Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import asdict
from rich.console import Console

from bot.children import actions
from bot.dialogue.events import ActionExecuted, Event, SlotSet, UserUttered
from bot.dialogue.messages import Message, Reply
from bot.door import clean
from bot.errors import ParleyError
from bot.opening import open_parley
from bot.project.cache import cache_folder
from bot.project.load import load_project
from bot.project.paths import ProjectPaths
from bot.running import Running
from bot.settings import Settings, load_settings
from bot.telemetry import Metrics, start_logging
from bot.understand import read_payload
from nlu.errors import NluError

_ENDS = ("/quit", "/exit")


def run_shell(
    *,
    project: Path,
    nlu: str | None,
    debug: bool,
    paths: ProjectPaths | None = None,
    only_nlu: bool = False,
) -> None:
    """Chat until the end of input, or with ``only_nlu`` show how each line is understood.

    Raises ParleyError.
    """
    console = Console(highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="parley-") as home, ExitStack() as stack:
        settings = load_settings(
            project=project, nlu=nlu, home=Path(home), **(asdict(paths) if paths else {})
        )
        database = f"sqlite:///{home}/shell.db"
        settings = settings.model_copy(update={"database_url": database, "log_level": "ERROR"})
        start_logging(settings)
        if only_nlu:
            asyncio.run(_show_parses(settings, console))
            return
        read = load_project(settings.project, paths=settings.paths, cache=cache_folder())
        settings = actions.beside(settings, read, stack)
        asyncio.run(_chat(settings, console, debug=debug))


async def _chat(settings: Settings, console: Console, *, debug: bool) -> None:
    async with open_parley(settings, Metrics(), alone=True) as running:
        conversation = f"shell-{uuid.uuid4().hex[:12]}"
        console.print("Talk to the bot; a number chooses a button, Ctrl-D ends.", style="dim")
        lines = _lines()
        choices: list[str] = []
        seq = 0
        while (line := await lines.get()) is not None:
            text = clean(line).strip()
            if text in _ENDS:
                break
            if text.isdigit() and 0 < int(text) <= len(choices):
                text = choices[int(text) - 1]
            if text:
                replies: tuple[Reply, ...] = ()
                try:
                    replies = await _say(running, conversation, text)
                except ParleyError as error:
                    console.print(str(error), style="red", markup=False)
                history = await running.parley.log.history(conversation)
                if debug:
                    _explain(history.events[-(history.seq - seq) :], console)
                seq = history.seq
                choices = _show(replies, console)
            lines.task_done()


async def _show_parses(settings: Settings, console: Console) -> None:
    async with open_parley(settings, Metrics(), alone=True) as running:
        hint = Console(stderr=True)  # what is printed beside it is JSON and nothing else
        hint.print("Type a message to see how it is understood; Ctrl-D ends.", style="dim")
        lines = _lines()
        while (line := await lines.get()) is not None:
            text = clean(line).strip()
            if text in _ENDS:
                break
            if text:
                try:
                    with running.serving.use() as loaded:
                        domain = loaded.parley.bot.domain
                        parse = read_payload(text, domain) or await loaded.nlu.parse(text)
                    console.print_json(msgspec.json.encode(parse).decode())
                except NluError as error:
                    hint.print(str(error), style="red", markup=False)
            lines.task_done()


def _lines() -> asyncio.Queue[str | None]:
    """What is typed, line by line, then None. The next prompt waits for ``task_done``."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str | None]()
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    seen = sys.stdin is not None and sys.stdin.isatty()
    prompt = "> " if seen else ""  # beside what comes from a pipe it says nothing

    def read() -> None:
        with suppress(CancelledError, RuntimeError):  # the chat ended while this waited
            while (line := _line(prompt)) is not None:
                loop.call_soon_threadsafe(lines.put_nowait, line)
                asyncio.run_coroutine_threadsafe(lines.join(), loop).result()
            loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, name="terminal", daemon=True).start()
    return lines


def _line(prompt: str) -> str | None:
    """The next line of input; None at its end."""
    try:
        return input(prompt)
    except (EOFError, RuntimeError):  # the latter: there is no input at all
        return None


async def _say(running: Running, conversation: str, text: str) -> tuple[Reply, ...]:
    message = Message(
        conversation, text, channel="rest", input_channel="cmdline", output_channel="cmdline"
    )
    return await running.inbox.answer(message, running.settings.response_timeout_s)


def _show(replies: Sequence[Reply], console: Console) -> list[str]:
    """Print the replies; gives the payloads of the buttons of the last one that has some."""
    choices: list[str] = []
    for reply in replies:
        if reply.text:
            console.print(reply.text, style="green", markup=False)
        if reply.image:
            console.print(f"Image: {reply.image}", style="green", markup=False)
        for other in (reply.custom, reply.attachment):
            if other is not None:
                console.print_json(data=other)
        if buttons := [*reply.buttons, *reply.quick_replies]:
            choices = [str(button.get("payload") or button.get("title")) for button in buttons]
            for number, button in enumerate(buttons, 1):
                console.print(f"  {number}: {button.get('title')}", style="cyan", markup=False)
    return choices


def _explain(events: Sequence[Event], console: Console) -> None:
    """What the turn was made of: the parse, each prediction, each slot."""
    for event in events:
        for line in _explanation(event):
            console.print(f"  · {line}", style="dim", markup=False)


def _explanation(event: Event) -> list[str]:
    match event:
        case UserUttered(parse_data=parse) if parse is not None:
            intent = f"intent {parse.intent.name} {parse.intent.confidence:.2f}"
            return [intent, *(f"entity {_entity(entity)}" for entity in parse.entities)]
        case ActionExecuted(name=name, policy=policy, confidence=confidence):
            sure = "" if confidence is None else f" {confidence:.2f}"
            return [f"action {name} ({policy or 'session'}{sure})"]
        case SlotSet(name=name, value=value):
            return [f"slot {name} = {value!r}"]
        case _:
            return []


def _entity(entity: Any) -> str:
    role = f", role {entity.role}" if entity.role else ""
    return f"{entity.entity} = {entity.value!r} ({entity.extractor}{role})"
