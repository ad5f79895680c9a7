"""Several Redis servers that belong together: watched by Sentinel, or the nodes of a Cluster."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from redis.crc import REDIS_CLUSTER_HASH_SLOTS

from tests.servers import Valkey, free_port, wait_until

MASTER = "desk"
_SENTINEL = """
sentinel monitor {name} 127.0.0.1 {port} 2
sentinel down-after-milliseconds {name} 400
sentinel failover-timeout {name} 2000
sentinel parallel-syncs {name} 1
"""


Reached = Callable[[int], int]
"""At which port clients reach the server of a port."""


def directly(port: int) -> int:
    return port


class Watched:
    """A master, a replica, and three Sentinels."""

    def __init__(self, folder: Path, stack: ExitStack, reached: Reached = directly) -> None:
        self._reached = reached
        self.master = _started(stack, "--dir", str(folder))
        kept = ("--dir", str(folder), "--dbfilename", "replica.rdb")  # what its master sends it
        self.replica = _started(stack, *kept, "--repl-diskless-sync-delay", "0")
        self.replica.send("CONFIG", "SET", "replica-announce-port", str(reached(self.replica.port)))
        self.replica.send("REPLICAOF", "127.0.0.1", str(reached(self.master.port)))
        wait_until(lambda: b"master_link_status:up" in self.replica.send("INFO"), "the replica")
        self.sentinels = [self._sentinel(folder / f"{n}.conf", stack) for n in range(3)]
        wait_until(self._all_know, "Sentinel")

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{self._reached(each.port)}" for each in self.sentinels)
        return f"redis+sentinel://{hosts}/{MASTER}/0"

    def now(self) -> int:
        """The port of whom Sentinel calls the master."""
        answer = self.sentinels[0].send("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)
        return int(answer.split(b"\r\n")[4])

    def _sentinel(self, conf: Path, stack: ExitStack) -> Valkey:
        conf.write_text(_SENTINEL.format(name=MASTER, port=self._reached(self.master.port)))
        return _started(stack, str(conf), "--sentinel")

    def _all_know(self) -> bool:
        """Whether each knows the replica and the other two."""
        told = [each.send("INFO", "sentinel") for each in self.sentinels]
        return all(b"slaves=1,sentinels=3" in one for one in told)


class Clustered:
    """Three nodes with a third of the slots each."""

    def __init__(self, folder: Path, stack: ExitStack, reached: Reached = directly) -> None:
        self._reached = reached
        self.nodes = [self._node(folder, n, stack) for n in range(3)]
        each = REDIS_CLUSTER_HASH_SLOTS // 3 + 1
        for n, node in enumerate(self.nodes):
            last = min((n + 1) * each, REDIS_CLUSTER_HASH_SLOTS) - 1
            node.send("CLUSTER", "ADDSLOTSRANGE", str(n * each), str(last))
        for node, bus in zip(self.nodes[1:], self._buses[1:], strict=True):
            self.nodes[0].send("CLUSTER", "MEET", "127.0.0.1", str(node.port), str(bus))
        for node in self.nodes:
            wait_until(lambda node=node: _is_whole(node), "the Cluster")  # type: ignore[misc]

    def _node(self, folder: Path, n: int, stack: ExitStack) -> Valkey:
        self._buses = [*getattr(self, "_buses", []), free_port()]
        options = ["--cluster-enabled", "yes", "--cluster-port", str(self._buses[-1])]
        options += ["--cluster-config-file", str(folder / f"{n}.conf")]
        options += ["--cluster-require-full-coverage", "no", "--cluster-node-timeout", "1000"]
        node = _started(stack, *options, "--dir", str(folder))
        node.send("CONFIG", "SET", "cluster-announce-port", str(self._reached(node.port)))
        return node

    @property
    def url(self) -> str:
        ports = [self._reached(node.port) for node in self.nodes]
        return "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)

    def holder(self, slot: int) -> Valkey:
        """The node that has ``slot``."""
        each = REDIS_CLUSTER_HASH_SLOTS // 3 + 1
        return self.nodes[slot // each]

    def flush(self) -> None:
        for node in self.nodes:
            node.send("FLUSHALL")

    def begin_move(self, slot: int, to: Valkey) -> None:
        """From here on both have some of the slot's keys."""
        here = self.holder(slot)
        to.send("CLUSTER", "SETSLOT", str(slot), "IMPORTING", _id(here))
        here.send("CLUSTER", "SETSLOT", str(slot), "MIGRATING", _id(to))

    def move_keys(self, slot: int, to: Valkey) -> None:
        here = self.holder(slot)
        answer = here.send("CLUSTER", "GETKEYSINSLOT", str(slot), "100").decode()
        keys = [line for line in answer.split("\r\n")[1:] if line and not line.startswith("$")]
        for key in keys:
            moved = here.send("MIGRATE", "127.0.0.1", str(to.port), key, "0", "5000")
            assert moved == b"+OK\r\n", moved

    def end_move(self, slot: int, to: Valkey) -> None:
        for node in (to, self.holder(slot), *self.nodes):
            node.send("CLUSTER", "SETSLOT", str(slot), "NODE", _id(to))


@contextmanager
def watched(reached: Reached = directly) -> Iterator[Watched]:
    with tempfile.TemporaryDirectory(prefix="parley-sentinel-") as folder, ExitStack() as stack:
        yield Watched(Path(folder), stack, reached)


@contextmanager
def clustered(reached: Reached = directly) -> Iterator[Clustered]:
    with tempfile.TemporaryDirectory(prefix="parley-cluster-") as folder, ExitStack() as stack:
        yield Clustered(Path(folder), stack, reached)


@pytest.fixture
def own_watched() -> Iterator[Watched]:
    with watched() as servers:
        yield servers


@pytest.fixture
def own_cluster() -> Iterator[Clustered]:
    with clustered() as servers:
        yield servers


@pytest.fixture(scope="session")
def _cluster() -> Iterator[Clustered]:
    with clustered() as servers:
        yield servers


@pytest.fixture
def cluster_url(_cluster: Clustered) -> str:
    """A Cluster that holds nothing."""
    _cluster.flush()
    return _cluster.url


def _started(stack: ExitStack, *words: str) -> Valkey:
    server = Valkey(*words)
    stack.callback(server.kill)
    server.start()
    return server


def _id(node: Valkey) -> str:
    return node.send("CLUSTER", "MYID").split(b"\r\n")[1].decode()


def _is_whole(node: Valkey) -> bool:
    told = node.send("CLUSTER", "INFO")
    # News go from node to node only over links that are up, in both directions.
    links = node.send("CLUSTER", "LINKS").count(b"node")
    return b"cluster_state:ok" in told and b"cluster_known_nodes:3" in told and links == 4
