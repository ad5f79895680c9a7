"""Redis Cluster: each command goes to the node that has its key, wherever that moved meanwhile.

The rules are those of https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
(Redirection and resharding).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import structlog
from redis.asyncio.connection import ConnectionPool
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    RedisError,
    TryAgainError,
)

from bot.store.node import Command, Node, RedisDown
from bot.store.place import Address, Place

MOST_TRIES = 5  # of one command, from node to node
TRY_AGAIN_S = 0.02
LEARN_EVERY_S = 0.5  # at most so often, while nodes fail

log = structlog.get_logger(__name__)


class Cluster:
    """The nodes that have slots, each asked on a connection of its own.

    Who fails does not hold up the others.
    """

    def __init__(self, place: Place, *, patience_s: float) -> None:
        self._place = place
        self._patience_s = patience_s
        self._nodes: dict[Address, Node] = {}
        self._slots: dict[int, Address] = {}
        self._learning: asyncio.Task[None] | None = None
        self._learned_at = -LEARN_EVERY_S
        self._telling: set[asyncio.Task[None]] = set()
        for host in place.hosts:
            self._node(host)

    async def ask(self, *commands: Command) -> Any:
        """As ``Node.ask``, of the node that has the key of the last command."""
        *before, last = commands
        slot = slot_of(last)
        try:
            address = await self._address(slot)
            for _ in range(MOST_TRIES):
                found = await self._node(address).ask(*before, last)
                match found:
                    case MovedError():
                        address = self._elsewhere(found, address)
                        self._slots[found.slot_id] = address
                        self._learn_soon()
                    case AskError():
                        to = self._node(self._elsewhere(found, address))
                        found = await to.ask(*before, ("ASKING",), last)
                        if not isinstance(found, TryAgainError):
                            return found
                        await asyncio.sleep(TRY_AGAIN_S)
                    case TryAgainError():
                        await asyncio.sleep(TRY_AGAIN_S)
                    case ClusterDownError() | MasterDownError():
                        raise RedisDown from found
                    case _:
                        return found
        except RedisDown:
            self._learn_soon()  # another may have its slots by now
            raise
        raise RedisDown

    def tell(self, command: Command) -> None:
        """Send ``command`` and do not wait."""

        async def tell() -> None:
            with suppress(RedisDown):
                await self.ask(command)

        task = asyncio.create_task(tell())
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def reach(self) -> None:
        """Return if every node that has slots answers. Raises RedisError, OSError, TimeoutError."""
        for host in self._place.hosts[:-1]:
            with suppress(RedisError, OSError, TimeoutError):
                await self._node(host).reach()
                break
        else:
            await self._node(self._place.hosts[-1]).reach()
        try:
            await self._learn()
        except RedisDown as error:
            raise RedisError("it is no Cluster, or not all of one") from error
        for address in set(self._slots.values()):
            await self._node(address).reach()

    async def ping(self) -> bool:
        """Whether every node that has slots answers now."""
        try:
            await self._address(None)
        except RedisDown:
            return False
        nodes = [self._node(address) for address in set(self._slots.values())]
        answers = await asyncio.gather(*(node.ping() for node in nodes))
        if not all(answers):
            self._learn_soon()
        return all(answers)

    def pool(self) -> ConnectionPool:
        """Connections to one of the nodes, not always the same."""
        known = list(self._slots.values()) or self._place.hosts
        return self._place.connections(self._patience_s, to=random.choice(known))

    async def close(self) -> None:
        tasks = [*self._telling, *([self._learning] if self._learning else [])]
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(node.close() for node in self._nodes.values()))

    # Who has which slots

    def _node(self, address: Address) -> Node:
        if address not in self._nodes:
            pool = self._place.connections(self._patience_s, to=address)
            place = f"{address[0]}:{address[1]}"
            self._nodes[address] = Node(place, pool, patience_s=self._patience_s)
        return self._nodes[address]

    async def _address(self, slot: int | None) -> Address:
        """Where ``slot`` is, as far as is known; None: anywhere. Raises RedisDown."""
        if not self._slots:
            self._learn_soon()
            if self._learning:
                await asyncio.gather(self._learning, return_exceptions=True)
        if slot is None and self._slots:
            return random.choice(list(self._slots.values()))
        if slot is None or slot not in self._slots:
            raise RedisDown
        return self._slots[slot]

    def _learn_soon(self) -> None:
        """See to it that the slots are learned anew, now or in a moment."""
        if self._learning is None or self._learning.done():
            self._learning = asyncio.create_task(self._learn_in_time())

    async def _learn_in_time(self) -> None:
        loop = asyncio.get_running_loop()
        if self._slots:
            await asyncio.sleep(max(0.0, self._learned_at + LEARN_EVERY_S - loop.time()))
        self._learned_at = loop.time()
        with suppress(RedisDown):
            await self._learn()

    async def _learn(self) -> None:
        """Ask the nodes, one after the other, until one knows. Raises RedisDown."""
        known = list({*self._slots.values(), *self._place.hosts})
        random.shuffle(known)
        for address in known:
            with suppress(RedisDown, ValueError, TypeError, IndexError):
                found = await self._node(address).ask(("CLUSTER", "SLOTS"))
                if slots := read_slots(found, address):
                    await self._know(slots)
                    return
        raise RedisDown

    async def _know(self, slots: dict[int, Address]) -> None:
        self._slots = slots
        kept = {*slots.values(), *self._place.hosts}
        gone = [self._nodes.pop(address) for address in self._nodes.keys() - kept]
        await asyncio.gather(*(node.close() for node in gone))

    def _elsewhere(self, error: AskError, here: Address) -> Address:
        """Where the error points to; without a host it is the one that answered."""
        return error.host or here[0], error.port


def slot_of(command: Command) -> int | None:
    """The slot of the key that ``command`` is about; None: any node can do it.

    All keys of a command of ours have the same hash tag. What is published could go to any node,
    and goes to the one of its channel's name, so that it is heard in order.
    """
    match command:
        case ("EVAL" | "EVALSHA", _, 0, *_) | ("PING", *_):
            return None
        case ("EVAL" | "EVALSHA", _, _, key, *_) | (_, key, *_):
            return key_slot(key if isinstance(key, bytes) else str(key).encode())
        case _:
            return None


def read_slots(found: Sequence[Any], asked: Address) -> dict[int, Address]:
    """The answer to CLUSTER SLOTS; empty while not every slot has a node."""
    slots: dict[int, Address] = {}
    for first, last, (host, port, *_), *_replicas in found:
        address = (host.decode() if host else asked[0], int(port))
        slots.update(dict.fromkeys(range(first, last + 1), address))
    return slots if len(slots) == REDIS_CLUSTER_HASH_SLOTS else {}
