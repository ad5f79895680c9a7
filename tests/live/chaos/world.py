"""Everything that runs: servers, Redis, PostgreSQL, the action server, and wires between them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from bot.children import actions
from bot.children.child import Child
from tests.command import ACTIONS_PYTHON, CHECKOUT, environment
from tests.live.chaos.bot_files import write_bot
from tests.live.chaos.provider import Provider
from tests.live.chaos.proxy import Proxy
from tests.servers import Postgres, Valkey, free_port

READY_S = 60.0
RESPONSE_S = 4.0


class Nursery:
    """Starts servers; see ``nursery``."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def born(self, wanted: dict[str, Any]) -> int:
        """The process id of a new server."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(wanted).encode() + b"\n")
        return int(await self._process.stdout.readline())


@dataclass
class Server:
    """One server that is killed and started again, and its wires."""

    number: int
    nursery: Nursery
    wires: dict[str, Proxy]
    env: dict[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    pid: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_alive(self) -> bool:
        with suppress(OSError):
            os.kill(self.pid, 0)
            return bool(self.pid)
        return False

    async def start(self, dies_at: str = "", times: int = 1) -> None:
        """Start it; it may be killed at a crash point before it ever answers."""
        wanted = {"env": {**self.env, "PARLEY_PORT": str(self.port)}, "log": str(self.log)}
        self.pid = await self.nursery.born(wanted | {"dies_at": dies_at, "times": times})

    async def until_ready(self) -> bool:
        """Whether it answered, and did not die before."""
        async with asyncio.timeout(READY_S), httpx2.AsyncClient(base_url=self.url) as client:
            while self.is_alive:
                with suppress(httpx2.HTTPError):
                    if (await client.get("/health", timeout=2)).status_code == 200:
                        return True
                await asyncio.sleep(0.1)
        return False

    async def start_well(self) -> None:
        """Start it, and return once it answers."""
        await self.start()
        if not await self.until_ready():
            written = self.log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"server {self.number} ended at its start: {written}")

    def send(self, how: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, how)

    async def gone(self) -> None:
        """Return once its process is."""
        async with asyncio.timeout(READY_S):
            while self.is_alive:  # noqa: ASYNC110 - a process says nothing when it ends
                await asyncio.sleep(0.02)


@dataclass
class World:
    """What a run is made of."""

    servers: list[Server]
    provider: Provider
    valkey: Valkey
    database: Postgres | None
    database_url: str
    actions: Child
    shop: Path
    folder: Path


@asynccontextmanager
async def opened(
    folder: Path,
    provider: Provider,
    database: Postgres | None,
    database_url: str,
    valkey: Valkey,
    *,
    servers: int,
) -> AsyncIterator[World]:
    """A world whose servers are not started yet."""
    project = write_bot(folder / "project", provider.port)
    shop = folder / "shop.db"
    async with AsyncExitStack() as stack:
        with _environment("SHOP_DATABASE_URL", f"sqlite:///{shop}"):
            child, actions_url = actions.start(project, actions.interpreter(Path(ACTIONS_PYTHON)))
        stack.callback(child.stop, within_s=1.0)
        nursery = await stack.enter_async_context(_nursery())
        made = []
        for number in range(servers):
            ports = {"redis": valkey.port, "actions": int(actions_url.split(":")[2].split("/")[0])}
            if database is not None:
                ports["sql"] = database.port
            wires = {
                name: await stack.enter_async_context(Proxy(port)) for name, port in ports.items()
            }
            reached = database_url
            if database is not None:
                reached = database_url.replace(f":{database.port}/", f":{wires['sql'].port}/")
            env = {
                "PARLEY_PROJECT": str(project),
                "PARLEY_HOME": str(folder / f"home {number}"),
                "PARLEY_NLU": "none",
                "PARLEY_DATABASE_URL": reached,
                "PARLEY_REDIS_URL": f"redis://127.0.0.1:{wires['redis'].port}/0",
                "PARLEY_ACTIONS_URL": f"http://127.0.0.1:{wires['actions'].port}/webhook",
                "PARLEY_RESPONSE_TIMEOUT_S": str(RESPONSE_S),
            }
            made.append(Server(number, nursery, wires, env, folder / f"server {number}.log"))
        await asyncio.to_thread(
            child.wait_until, lambda: actions.is_ready(actions_url), within_s=READY_S
        )
        try:
            yield World(made, provider, valkey, database, database_url, child, shop, folder)
        finally:
            for server in made:
                server.send(signal.SIGCONT)
                server.send(signal.SIGKILL)


@asynccontextmanager
async def _nursery() -> AsyncIterator[Nursery]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.live.chaos.nursery"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=CHECKOUT,
        env=environment(Path("nowhere")) | {"OMP_NUM_THREADS": "1"},
    )
    try:
        yield Nursery(process)
    finally:
        process.kill()
        await process.wait()


@contextmanager
def _environment(name: str, value: str) -> Any:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
